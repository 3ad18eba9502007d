import type { Environment } from '../../lib/paths.ts';
import type { DotArgs } from './dot-args.ts';
import { parseLines } from './lines.ts';
import { parseShell } from './shell.ts';
import { compareVersions } from './version.ts';

/**
 * How a release reads `.args` and merges it with the user's arguments.
 *
 * - `lines-alone` (0.1 to 0.6.2): one argument a line; without a final `...` it counts only if the user gave none at all.
 * - `lines` (0.7 to 0.8.16): one argument a line; without a final `...` the user's follow.
 * - `shell` (0.8.17 and later): words, quotes, comments, variables; `...` anywhere; otherwise the user's follow.
 */
export type Grammar = 'lines-alone' | 'lines' | 'shell';

/** The newest first: what an unknown runtime most probably has. */
export const GRAMMARS: readonly Grammar[] = ['shell', 'lines', 'lines-alone'];

/** First release with each grammar. Source: `LoadZipArgs` or `cosmo_args` in llama.cpp/main/main.cpp of each tag. */
const SINCE: readonly (readonly [string, Grammar])[] = [
  ['0.8.17', 'shell'],
  ['0.7', 'lines'],
  ['0.1', 'lines-alone'],
];

/** The grammar of a llamafile release such as "0.8.13"; undefined for what is none. */
export function grammarOf(version: string): Grammar | undefined {
  return SINCE.find(([since]) => compareVersions(version, since) >= 0)?.[1];
}

/** `.args` as that grammar reads it. Variables become what they are in `environment`. */
export function parseDotArgs(grammar: Grammar, bytes: Uint8Array, environment?: Environment): DotArgs {
  return grammar === 'shell' ? parseShell(bytes, environment) : parseLines(bytes);
}
