import type { Context } from '../../src/cli/context.ts';

/** A context that keeps what a command writes. */
export function capture(
  home: string,
  columns = 80,
): Context & { readonly out: () => string; readonly err: () => string } {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    write: (text: string): void => {
      written[name] += text;
    },
    isTTY: false,
    columns,
  });
  return {
    env: {},
    cwd: home,
    home,
    uid: process.getuid?.() ?? 0,
    stdout: output('stdout'),
    stderr: output('stderr'),
    now: () => new Date(0),
    out: () => written.stdout,
    err: () => written.stderr,
  };
}
