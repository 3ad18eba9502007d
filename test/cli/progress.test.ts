import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { progress, progressLine } from '../../src/cli/progress.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  let ms = 0;
  const output = { write: (text: string) => void written.push(text), isTTY, columns: 60 };
  const context: Context = {
    env: {},
    cwd: '/',
    home: '/',
    uid: 0,
    stdout: output,
    stderr: output,
    now: () => new Date(ms),
  };
  return { context, written, wait: (more: number) => (ms += more) };
}

describe('at a terminal', () => {
  it('says nothing within the first second', () => {
    const { context, written, wait } = screen(true);
    const shown = progress(context, 'x', 100);
    for (let done = 0; done < 100; done += 10) {
      shown.report(done);
      wait(90);
    }
    shown.end();
    expect(written).toEqual([]);
  });

  it('then draws one line at most ten times a second, no wider than the screen, and takes it away', () => {
    const { context, written, wait } = screen(true);
    const shown = progress(context, 'x'.repeat(100), 5000);
    for (let done = 0; done < 5000; done++) {
      wait(1);
      shown.report(done);
    }
    shown.end();
    shown.end();
    expect(written.length).toBeGreaterThan(30);
    expect(written.length).toBeLessThan(45);
    expect(written.at(-1)).toBe('\r\x1b[K');
    for (const line of written.slice(0, -1)) {
      expect(line.startsWith('\r') && line.endsWith('\x1b[K')).toBe(true);
      expect(line.slice(1, -3).length).toBeLessThan(60);
    }
  });
});

it('says nothing where nobody looks', () => {
  for (const [isTTY, quiet] of [
    [false, false],
    [true, true],
  ] as const) {
    const { context, written, wait } = screen(isTTY);
    const shown = progress(context, 'x', 10, quiet);
    wait(5000);
    shown.report(5);
    shown.end();
    expect(written).toEqual([]);
  }
});

it('names what, how much, how fast and how long', () => {
  const line = progressLine('model', 2 ** 30, 4 * 2 ** 30, 1000);
  expect(line).toBe('model  ██████░░░░░░░░░░░░░░░░░░   25%  1.0 GiB of 4.0 GiB  1.0 GiB/s  3.0 s left');
  expect(progressLine('e\x1b[2J', 0, 0, 0)).not.toContain('\x1b');
});
