import { execFileSync } from 'node:child_process';
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diskMeter } from '../../src/watch/disk.ts';

const LONG_MS = 60_000;
const PAGE = 4096;
let root: string;
let home: string;
let work: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'disk-'));
  home = join(root, 'home');
  work = join(root, 'work');
  mkdirSync(home);
  mkdirSync(work);
});
afterEach(() => void execFileSync('rm', ['-rf', root])); // Node’s own stops at some depth

const measure = (pids: readonly number[] = []): number => diskMeter([home, work]).measure(LONG_MS, pids);

describe('diskMeter', () => {
  it('adds up what the folders hold, below them too', () => {
    expect(measure()).toBe(0);
    mkdirSync(join(home, 'a/b'), { recursive: true });
    writeFileSync(join(home, 'a/b/file'), Buffer.alloc(100_000));
    writeFileSync(join(work, 'file'), Buffer.alloc(50_000));
    const sum = measure();
    expect(sum).toBeGreaterThanOrEqual(150_000 + 2 * PAGE);
    expect(sum).toBeLessThan(150_000 + 8 * PAGE);
  });

  it('counts names without content, as they take space too', () => {
    for (let count = 0; count < 100; count++) writeFileSync(join(work, `f${count}`), '');
    expect(measure()).toBe(100 * PAGE);
  });

  it('counts a file with several names once, and holes not at all', () => {
    writeFileSync(join(work, 'one'), Buffer.alloc(10 * PAGE));
    for (let count = 0; count < 10; count++) linkSync(join(work, 'one'), join(home, `l${count}`));
    expect(measure()).toBeLessThan(12 * PAGE);
  });

  it('follows no links', () => {
    symlinkSync('/usr', join(work, 'usr'));
    symlinkSync(work, join(work, 'self'));
    expect(measure()).toBe(2 * PAGE);
  });

  it('counts files without a name that a process has open', () => {
    const path = join(work, 'gone');
    writeFileSync(path, Buffer.alloc(64 * PAGE));
    const fd = openSync(path, 'r');
    unlinkSync(path);
    try {
      expect(measure()).toBe(0);
      expect(measure([process.pid])).toBeGreaterThanOrEqual(64 * PAGE);
    } finally {
      closeSync(fd);
    }
  });

  it('counts names that are no UTF-8', () => {
    writeFileSync(
      Buffer.concat([Buffer.from(`${work}/`), Buffer.from([0xff, 0xfe])]),
      Buffer.alloc(3 * PAGE),
    );
    expect(measure()).toBeGreaterThanOrEqual(3 * PAGE);
  });

  it('looks into a folder that may not be listed', () => {
    mkdirSync(join(work, 'locked'), { mode: 0o300 });
    writeFileSync(join(work, 'locked/file'), Buffer.alloc(10 * PAGE));
    expect(measure()).toBeGreaterThanOrEqual(10 * PAGE);
  });

  it('goes on where it stopped, and gives what it has so far', () => {
    for (let count = 0; count < 500; count++) writeFileSync(join(work, `f${count}`), '');
    let clock = 0;
    const meter = diskMeter([work], () => clock++); // every look at the clock is a millisecond
    const sums = Array.from({ length: 6 }, () => meter.measure(2, []));
    expect(sums[0]).toBeGreaterThan(0);
    expect(sums[0]).toBeLessThan(500 * PAGE);
    expect(Math.max(...sums)).toBe(500 * PAGE);
    meter.close();
  });

  it('takes a tree that is too deep for a way to hide', () => {
    const name = 'd';
    process.chdir(work);
    try {
      for (let depth = 0; depth < 2100; depth++) {
        mkdirSync(name);
        process.chdir(name);
      }
    } finally {
      process.chdir(tmpdir());
    }
    const meter = diskMeter([work]);
    expect(meter.measure(LONG_MS, [])).toBe(Number.POSITIVE_INFINITY);
    meter.close();
  });
});
