import type { EffectiveToken } from '../format/args/effective.ts';
import { compareVersions } from '../format/args/version.ts';
import { flagName } from './flags.ts';

/** Flags that start a server, whatever else is given. */
const SERVER_FLAGS: readonly string[] = ['--server', '--v2'];

/** Flags with which a llamafile does not serve (`--server` wins over them). */
const COMMAND_LINE_FLAGS: readonly string[] = [
  '--cli',
  '-p',
  '--prompt',
  '-f',
  '--file',
  '-bf',
  '--binary-file',
  '--random-prompt',
  '--version',
  '-h',
  '-help',
  '--help',
  '--usage',
  '--license',
  '--localscore',
  '--perplexity',
];

/** Flags that choose the program: 0.9.0 to 0.9.3 look for them before they read `.args`, so that there they choose nothing. */
const EARLY_FLAGS: ReadonlySet<string> = new Set([
  '--cli',
  '--chat',
  '--server',
  '--embedding',
  '--v2',
  '--localscore',
  '--version',
  '-h',
  '-help',
  '--help',
]);

/**
 * Whether a command line starts a server: asked for by name, by an address or port, or by default, as every release
 * since 0.5 serves or chats (with a server behind it) when there is nothing to complete.
 * @param version of the identified release
 */
export function wantsServer(tokens: readonly EffectiveToken[], hasModel: boolean, version?: string): boolean {
  const early = version !== undefined && choosesEarly(version);
  const names = new Set(
    tokens.flatMap(({ text, origin }) => {
      const name = flagName(text) ?? '';
      return early && origin.from === '.args' && EARLY_FLAGS.has(name) ? [] : [name];
    }),
  );
  const has = (flags: readonly string[]): boolean => flags.some((flag) => names.has(flag));
  if (has(SERVER_FLAGS)) return true;
  if (has(COMMAND_LINE_FLAGS)) return false;
  return hasModel || has(['-m', '--model']) || has(['--port', '--listen']);
}

// Source: main() of llama.cpp/main/main.cpp in these tags.
function choosesEarly(version: string): boolean {
  return compareVersions(version, '0.9') >= 0 && compareVersions(version, '0.10') < 0;
}
