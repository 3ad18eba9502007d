import { describe, expect, it } from 'vitest';
import { connectionsTo } from '../../src/watch/connections.ts';
import { limitReached, limitWatch } from '../../src/watch/limits.ts';
import { sampleAt } from './inputs.ts';

const NONE = { idleMs: null, outputBytes: null, diskBytes: null };
const QUIET = { connections: 0 };

describe('idle', () => {
  const IDLE = { ...NONE, idleMs: 1000 };

  it('is reached by a program that does nothing for so long, and not a moment before', () => {
    const watch = limitWatch(IDLE, 0);
    expect(watch.sample(sampleAt(0), QUIET)).toBeUndefined();
    expect(watch.sample(sampleAt(500), QUIET)).toBeUndefined();
    expect(watch.sample(sampleAt(999), QUIET)).toBeUndefined();
    expect(watch.sample(sampleAt(1000), QUIET)).toEqual({ limit: 'idle', figure: 1000 });
  });

  it.each([
    ['works', { cpuMs: 60 }, QUIET],
    ['reads from the disk', { readBytes: 4096 }, QUIET],
    ['writes to the disk', { writeBytes: 4096 }, QUIET],
    ['has a connection', {}, { connections: 1 }],
  ])('is not reached by one that %s', (_, facts, seen) => {
    const watch = limitWatch(IDLE, 0);
    watch.sample(sampleAt(0, { readBytes: 0, writeBytes: 0 }), QUIET);
    const more = { readBytes: 0, writeBytes: 0, ...facts };
    expect(watch.sample(sampleAt(900, more), seen)).toBeUndefined();
    expect(watch.sample(sampleAt(1800, more), QUIET)).toBeUndefined();
    expect(watch.sample(sampleAt(1900, more), QUIET)).toEqual({ limit: 'idle', figure: 1000 });
  });

  it('is not reached by one that writes', () => {
    const watch = limitWatch(IDLE, 0);
    watch.sample(sampleAt(0), QUIET);
    watch.output(1);
    expect(watch.sample(sampleAt(900), QUIET)).toBeUndefined();
    expect(watch.sample(sampleAt(1899), QUIET)).toBeUndefined();
    expect(watch.sample(sampleAt(1900), QUIET)).toBeDefined();
  });

  it('takes the clock of a waiting server for nothing', () => {
    const watch = limitWatch(IDLE, 0);
    watch.sample(sampleAt(0), QUIET);
    expect(watch.sample(sampleAt(500, { cpuMs: 4 }), QUIET)).toBeUndefined();
    expect(watch.sample(sampleAt(1000, { cpuMs: 8 }), QUIET)).toBeDefined();
  });
});

it('output is counted over both streams', () => {
  const watch = limitWatch({ ...NONE, outputBytes: 100 }, 0);
  expect(watch.output(60)).toBeUndefined();
  expect(watch.output(40)).toBeUndefined();
  expect(watch.output(1)).toEqual({ limit: 'output', figure: 100 });
});

it('disk space is what was counted', () => {
  const watch = limitWatch({ ...NONE, diskBytes: 100 }, 0);
  expect(watch.sample(sampleAt(0), { ...QUIET, diskBytes: 100 })).toBeUndefined();
  expect(watch.sample(sampleAt(1), { ...QUIET, diskBytes: 101 })).toEqual({ limit: 'disk', figure: 100 });
  expect(limitWatch(NONE, 0).sample(sampleAt(1), { ...QUIET, diskBytes: 1e12 })).toBeUndefined();
});

it('is told with its figure, its time and what the session was doing', () => {
  const time = Date.UTC(2027, 0, 2, 14, 3, 11);
  expect(limitReached({ limit: 'memory', figure: 2 * 2 ** 30, time, phase: 'inferring' }).message).toBe(
    'killed for memory: 2.0 GiB reached at 14:03:11 UTC while inferring',
  );
  expect(limitReached({ limit: 'idle', figure: 90_000, time, phase: 'ready' }).message).toBe(
    'ended for being idle: 1m 30s without work at 14:03:11 UTC while ready',
  );
  expect(limitReached({ limit: 'memory', time, phase: 'loading' }).message).toMatch(
    /the machine had no more/,
  );
});

it('connections are those of others to the port', () => {
  const head = '  sl  local_address rem_address   st tx_queue\n';
  const line = (local: string, state: string): string =>
    `   0: ${local} 0100007F:D3A2 ${state} 00000000:00000000 00:00000000 00000000  1000 0 1 1 0 20\n`;
  const texts: Record<string, string> = {
    '/proc/7/net/tcp':
      head + line('0100007F:1F90', '0A') + line('0100007F:1F90', '01') + line('0100007F:1F91', '01'),
    '/proc/7/net/tcp6':
      head +
      line('00000000000000000000000001000000:1F90', '01').replace(
        '0100007F:D3A2',
        '00000000000000000000000001000000:D3A2',
      ),
  };
  const files = { readText: (path: string) => texts[path], list: () => undefined, readLink: () => undefined };
  expect(connectionsTo(files, 7, 8080)).toBe(2);
  expect(connectionsTo(files, 7, 8082)).toBe(0);
  expect(connectionsTo(files, 8, 8080)).toBe(0);
});
