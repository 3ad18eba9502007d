import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { LEAVES, leafPath, leafValue } from '../policy/layer.ts';
import { loadPolicy } from '../policy/load.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import { type Context, EXIT } from './context.ts';
import { effectivePolicy } from './policy-layers.ts';
import { paint, table, toJson } from './render.ts';

export type PolicyInput =
  | { readonly action: 'check'; readonly files: readonly string[] }
  | {
      readonly action: 'show';
      readonly json?: boolean;
      readonly policy?: readonly string[];
      readonly preset?: string;
    };

/** `paddock policy check|show`. */
export async function run(context: Context, input: PolicyInput): Promise<number> {
  return input.action === 'check' ? check(context, input.files) : show(context, input);
}

/** Each file by itself, on top of the default. Exit 1 when one of them is not valid. */
function check(context: Context, files: readonly string[]): number {
  let worst: number = EXIT.ok;
  for (const path of files) {
    try {
      const host = { memoryBytes: totalmem(), cpus: availableParallelism() };
      loadPolicy({ files: [path], flags: {}, home: context.home, host, systemDir: NO_SYSTEM });
      context.stdout.write(`${escapeText(path, 200)}: ok\n`);
    } catch (cause) {
      if (!(cause instanceof PaddockError)) throw cause;
      context.stdout.write(`${escapeText(path, 200)}: ${cause.explain()}\n${excerpt(cause)}`);
      worst = EXIT.policy;
    }
  }
  return worst;
}

/** A file is checked for what it says, not for what this machine's administrator allows. */
const NO_SYSTEM = '/nonexistent';

// The line, and a mark under the column.
function excerpt({ detail }: PaddockError): string {
  const [, path, line, column] = /^(.*):(\d+):(\d+)$/.exec(detail.where ?? '') ?? [];
  if (path === undefined || line === undefined || column === undefined) return '';
  let text: string | undefined;
  try {
    text = readFileSync(path, 'utf8').split('\n')[Number(line) - 1];
  } catch {
    return ''; // a help to the eye, no more
  }
  if (text === undefined) return '';
  const shown = text.slice(0, 120).replace(/[^\x20-\x7e\u00a1-\uffff]/g, ' ');
  return `\n  ${line} | ${shown}\n  ${' '.repeat(line.length)} | ${' '.repeat(Math.max(0, Number(column) - 1))}^\n`;
}

function show(context: Context, input: Extract<PolicyInput, { action: 'show' }>): number {
  const effective = effectivePolicy(context, { files: input.policy ?? [], preset: input.preset });
  if (input.json === true) {
    context.stdout.write(`${toJson({ schema: 'paddock/policy/v1', ...effective })}\n`);
    return EXIT.ok;
  }
  const colors = paint(context, 'stdout');
  const rows = LEAVES.map(([part, leaf]) => {
    const path = leafPath(part, leaf);
    return [path, shown(leafValue(effective.policy, part, leaf)), colors.dim(origin(effective, path))];
  });
  context.stdout.write(`${table([['value', 'is', 'from'], ...rows])}\n`);
  for (const { path, wanted, kept, wantedBy, ceiling } of effective.rejected) {
    context.stdout.write(
      `${colors.yellow('rejected')}  ${path}: ${wantedBy.layer} wants ${wanted}, ${ceiling.layer} keeps ${kept}\n`,
    );
  }
  return EXIT.ok;
}

function origin({ origins }: EffectivePolicy, path: string): string {
  const found = origins.get(path);
  if (found === undefined) return '';
  return found.line === undefined ? found.layer : `${found.layer}:${found.line}`;
}

/** Longest value in a table; `--json` shows all. */
const MAX_SHOWN = 60;

function shown(value: unknown): string {
  if (value === null) return 'unlimited';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : escapeText(value.join(' '), MAX_SHOWN);
  if (typeof value === 'object') {
    const entries = Object.entries(value as object).map(([key, item]) => `${key}=${String(item)}`);
    return entries.length === 0 ? 'none' : escapeText(entries.join(' '), MAX_SHOWN);
  }
  return escapeText(String(value), MAX_SHOWN);
}
