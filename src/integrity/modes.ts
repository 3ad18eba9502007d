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

/**
 * Whether a command line starts a server: asked for by name, by an address or port, or by default, as every release
 * since 0.5 serves or chats (with a server behind it) when there is nothing to complete.
 */
export function wantsServer(tokens: readonly { readonly text: string }[], hasModel: boolean): boolean {
  const names = new Set(tokens.map(({ text }) => flagName(text) ?? ''));
  const has = (flags: readonly string[]): boolean => flags.some((flag) => names.has(flag));
  if (has(SERVER_FLAGS)) return true;
  if (has(COMMAND_LINE_FLAGS)) return false;
  return hasModel || has(['-m', '--model']) || has(['--port', '--listen']);
}
