import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratch } from '../cli/paddock.ts';
import { puppet } from '../fixtures/puppet.ts';

const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));
type Pty = typeof import('node-pty');
const pty = ((): Pty | undefined => {
  try {
    return createRequire(import.meta.url)('node-pty') as Pty;
  } catch {
    return undefined; // an optional dependency
  }
})();
const home = scratch();
const TIMEOUT_MS = 15_000;

interface Session {
  readonly text: string;
  readonly code: number;
  readonly signal: number | undefined;
}

/** Runs paddock at a terminal of its own; `type` maps what is seen to what is typed then. */
function atTerminal(
  args: string[],
  type: readonly (readonly [seen: string, typed: string])[] = [],
): Promise<Session> {
  if (pty === undefined) throw new Error('no node-pty');
  const terminal = pty.spawn(process.execPath, [PADDOCK, 'run', '-q', puppet('elf'), ...args], {
    cols: 91,
    rows: 27,
    env: { PATH: process.env.PATH ?? '', HOME: home, XDG_STATE_HOME: join(home, 'state'), TERM: 'xterm' },
  });
  let text = '';
  let next = 0;
  terminal.onData((chunk) => {
    text += chunk;
    const [seen, typed] = type[next] ?? [];
    if (seen !== undefined && typed !== undefined && text.includes(seen)) {
      next++;
      terminal.write(typed);
    }
  });
  const timer = setTimeout(() => terminal.kill('SIGKILL'), TIMEOUT_MS);
  return new Promise((resolve) => {
    terminal.onExit(({ exitCode, signal }) => {
      clearTimeout(timer);
      // node-pty itself may hand over the last bytes after the exit.
      setTimeout(() => resolve({ text, code: exitCode, signal }), 200);
    });
  });
}

describe.skipIf(pty === undefined)('at a terminal (skipped without node-pty)', () => {
  it('the program has a terminal of its own, in its own foreground group', async () => {
    const { text, code } = await atTerminal(['ids']);
    expect(text.trim()).toBe('1 0 1');
    expect(code).toBe(0);
  });

  it('the exit code is the program’s own', async () => {
    expect((await atTerminal(['exit', '42'])).code).toBe(42);
  });

  it('no byte of the output is lost when the program ends at once', async () => {
    for (let round = 0; round < 5; round++) {
      const { text } = await atTerminal(['spam', '65536']);
      // The terminal makes each line feed a carriage return and a line feed.
      expect(text.replaceAll('\r', '').length).toBe(65_536);
    }
  });

  it('what is typed arrives, and end of file too', async () => {
    const { text, code } = await atTerminal(['ask'], [['ready', 'hello\r\x04']]);
    expect(text).toContain('hello');
    expect(code).toBe(0);
  });

  it('Ctrl-C interrupts the program, not paddock', async () => {
    const { text, code } = await atTerminal(['interrupts'], [['ready', '\x03']]);
    expect(text.replaceAll('\r', '')).toContain('1\n');
    expect(code).toBe(0);
  });

  it('Ctrl-C ends a program that does not care for it', async () => {
    const { signal } = await atTerminal(['sleep'], [['ready', '\x03']]);
    expect(signal).toBe(2);
  });

  it('what would write to the clipboard or the title is filtered', async () => {
    const { text } = await atTerminal([
      'args',
      '\x1b]52;c;ZXZpbA==\x07a\x1b]0;evil\x07b\x1b[31mc\x1b[0m\x1b[6nd',
    ]);
    expect(text.trim()).toBe('[ab\x1b[31mc\x1b[0md]');
  });
});
