import { spawn } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isRunning,
  keyedNumber,
  nameProcess,
  PROC_FILES,
  parseAuxv,
  parseCount,
  parsePids,
  parseStat,
} from '../../src/lib/proc.ts';

/** The fields after the name, as the kernel writes them: state, then 49 numbers. */
function stat(pid: number, name: string, fields: Partial<Record<number, number | string>> = {}): string {
  const rest = Array.from({ length: 50 }, (_, index) => fields[index + 3] ?? (index === 0 ? 'S' : 0));
  return `${pid} (${name}) ${rest.join(' ')}\n`;
}

describe('parseStat', () => {
  it('reads the fields by their numbers in the manual', () => {
    const text = stat(42, 'llamafile', { 4: 7, 14: 100, 15: 20, 20: 9, 22: 302_076, 24: 407 });
    expect(parseStat(text)).toEqual({
      pid: 42,
      state: 'S',
      ppid: 7,
      ticks: 120,
      threads: 9,
      startTime: 302_076,
      residentPages: 407,
    });
  });

  it('is not led astray by the name of the program', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), fc.nat(), (name, ppid) => {
        expect(parseStat(stat(1, name, { 4: ppid }))?.ppid).toBe(ppid);
      }),
    );
    expect(parseStat(stat(5, 'a) Z 1 1\n1 (b', { 4: 99 }))).toMatchObject({ pid: 5, state: 'S', ppid: 99 });
  });

  it('gives nothing for anything else', () => {
    expect(parseStat('')).toBeUndefined();
    expect(parseStat('1 (x')).toBeUndefined();
    expect(parseStat('1 (x) S 1 2 3')).toBeUndefined();
    expect(parseStat(stat(1, 'x', { 22: -1 }))).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => void parseStat(text)));
  });
});

describe('small texts', () => {
  it('finds a number by its whole key', () => {
    const text = 'rchar: 12\nread_bytes: 34\nread_bytes_x 5\nusage_usec 77\n';
    expect(keyedNumber(text, 'read_bytes')).toBe(34);
    expect(keyedNumber(text, 'usage_usec')).toBe(77);
    expect(keyedNumber(text, 'usage')).toBeUndefined();
    expect(keyedNumber('a: -1', 'a')).toBeUndefined();
  });

  it('reads process ids and single counts', () => {
    expect(parsePids('12\n0\n34 x 56 ')).toEqual([12, 34, 56]);
    expect(parseCount('17\n')).toBe(17);
    expect(parseCount('max\n')).toBeUndefined();
    expect(parseCount(undefined)).toBeUndefined();
  });

  it('never throws, and every number is a safe integer', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, key) => {
        for (const found of [...parsePids(text), keyedNumber(text, key), parseCount(text)]) {
          if (found !== undefined) expect(Number.isSafeInteger(found)).toBe(true);
        }
      }),
    );
  });
});

describe('parseAuxv', () => {
  const entry = (key: bigint, value: bigint): string => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(key);
    bytes.writeBigUInt64LE(value, 8);
    return bytes.toString('latin1');
  };

  it('finds page size and clock ticks', () => {
    expect(parseAuxv(entry(6n, 65_536n) + entry(17n, 250n) + entry(0n, 0n))).toEqual({
      pageBytes: 65_536,
      ticksPerSecond: 250,
    });
  });

  it('falls back to what nearly every machine has', () => {
    const usual = { pageBytes: 4096, ticksPerSecond: 100 };
    expect(parseAuxv(undefined)).toEqual(usual);
    expect(parseAuxv(entry(6n, 0n) + entry(17n, 1n << 60n))).toEqual(usual);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { pageBytes, ticksPerSecond } = parseAuxv(Buffer.from(bytes).toString('latin1'));
        expect(pageBytes).toBeGreaterThan(0);
        expect(ticksPerSecond).toBeGreaterThan(0);
      }),
    );
  });
});

describe.skipIf(process.platform !== 'linux')('on this machine', () => {
  it('names a process, and sees its end', async () => {
    const child = spawn('sleep', ['30']);
    const named = nameProcess(PROC_FILES, child.pid ?? 0);
    expect(named?.pid).toBe(child.pid);
    if (named === undefined) return;
    expect(isRunning(PROC_FILES, named)).toBe(true);
    expect(isRunning(PROC_FILES, { ...named, startTime: named.startTime + 1 })).toBe(false);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    expect(isRunning(PROC_FILES, named)).toBe(false);
  });

  it('gives nothing for what is not there', () => {
    expect(PROC_FILES.readText('/proc/self/nothing')).toBeUndefined();
    expect(PROC_FILES.list('/proc/self/nothing')).toBeUndefined();
    expect(PROC_FILES.readLink('/proc/self/stat')).toBeUndefined();
    expect(PROC_FILES.readText('/proc')).toBeUndefined();
  });
});
