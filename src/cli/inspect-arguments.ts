import type { Anatomy } from '../format/anatomy.ts';
import type { ByteSource } from '../format/source.ts';
import { type CommandLine, commandLines, readDotArgs, runtimeVersion } from '../integrity/dot-args.ts';
import { identify } from '../integrity/identify.ts';
import { shippedTables } from '../integrity/tables.ts';
import { escapeText } from '../lib/text.ts';
import { type ShownCommandLine, shownCommandLines } from '../report/arguments.ts';
import { table } from './render.ts';

export interface InspectedArguments {
  /** Why `.args` could not be read. */
  readonly faults: readonly string[];
  readonly lines: readonly CommandLine[];
  readonly shown: readonly ShownCommandLine[];
}

/**
 * What the file would be started with. The release is looked for only where it makes a difference: that reads as much of
 * the file as a release is long.
 */
export async function inspectArguments(anatomy: Anatomy, source: ByteSource): Promise<InspectedArguments> {
  const dotArgs = readDotArgs(anatomy, source);
  const faults = dotArgs.flatMap(({ fault }) => fault ?? []);
  if (dotArgs.length === faults.length) return { faults, lines: [], shown: [] };
  const all = commandLines(dotArgs, undefined, {});
  const shown = shownCommandLines(all);
  if (shown.length === 1) return { faults, lines: all, shown };
  const { told } = await identify({ anatomy, source, tables: shippedTables() });
  const version = runtimeVersion(told);
  if (version === undefined) return { faults, lines: all, shown };
  const lines = commandLines(dotArgs, version, {});
  return { faults, lines, shown: shownCommandLines(lines, version) };
}

/** For people. */
export function argumentsText({ faults, shown }: InspectedArguments): string {
  const parts = shown.map(({ title, tokens }) =>
    [
      title,
      table([
        ['argument', 'from', ''],
        ...tokens.map(({ text, origin, note }) => [
          escapeText(text, 60),
          escapeText(origin, 80),
          note === '' ? '' : `it ${note}`,
        ]),
      ]),
    ].join('\n'),
  );
  return [...faults.map((fault) => `.args cannot be read: ${fault}`), ...parts].join('\n\n');
}

/** For `--json`. Nothing is escaped but by JSON. */
export function argumentsJson({ lines, shown, faults }: InspectedArguments): unknown {
  return {
    ...(faults.length === 0 ? {} : { faults }),
    commandLines: shown.flatMap(({ title, grammars }) => {
      const line = lines.find(({ grammar }) => grammar === grammars[0]);
      if (line === undefined) return [];
      const { tokens, givenAt, alone, variables } = line;
      return [{ title, grammars, givenAt, alone, tokens, variables }];
    }),
  };
}
