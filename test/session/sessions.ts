import { PROTECTIONS } from '../../src/launch/protections.ts';
import type { SessionEnd, SessionStart } from '../../src/session/types.ts';
import { NOTHING_SEEN } from '../../src/watch/watch.ts';
import { Recorded } from '../watch/recorded.ts';

export const ID = '20261122T223015-4f2a9c';

/** A machine with no processes but those that a test adds. */
export function machine(): Recorded {
  const files = new Recorded().put('/proc/sys/kernel', { hostname: 'box\n', 'random/boot_id': 'boot-1\n' });
  files.links.set('/proc/self/ns/pid', 'pid:[1]');
  return files;
}

export function start(facts: Partial<SessionStart> = {}): SessionStart {
  return {
    id: ID,
    started: '2026-11-22T22:30:15.000Z',
    file: { path: '/models/story.llamafile', sizeBytes: 1234 },
    verdict: { standing: 'release', tier: 'A', release: 'llamafile-0.9.3', findings: [] },
    decision: { outcome: 'allow', warnings: [] },
    policy: {
      digest: 'ab'.repeat(32),
      limits: {
        memoryBytes: 1 << 30,
        swapBytes: null,
        processes: 64,
        cpus: null,
        cpuWeight: 100,
        openFiles: 256,
        fileBytes: 1 << 20,
        diskBytes: null,
        timeMs: null,
        idleMs: null,
        outputBytes: null,
        nice: 0,
        ioWeight: 100,
      },
      watch: {
        exec: 'kill',
        connect: 'warn',
        write: 'warn',
        read: 'record',
        syscall: 'record',
        sampleMs: 1000,
      },
    },
    plan: {
      form: 'ape',
      still: { how: 'lease', why: 'of the test' },
      network: { mode: 'none' },
      streams: 'pipes',
      protections: PROTECTIONS.map(({ protection }) => protection),
      missing: [],
      argv: ['story.llamafile', '-p', '<5 characters>'],
      cgroups: [],
    },
    host: {
      kernel: '6.18.0',
      landlockAbi: 7,
      cpus: 2,
      memoryBytes: 1 << 33,
      hostname: 'box',
      bootId: 'boot-1',
      pidNamespace: 'pid:[1]',
    },
    launcher: { pid: 50, startTime: 500 },
    ...facts,
  };
}

export function end(facts: Partial<SessionEnd> = {}): SessionEnd {
  return {
    time: '2026-11-22T22:30:27.300Z',
    durationMs: 12_300,
    result: { kind: 'exit', code: 0 },
    peaks: {
      ...NOTHING_SEEN.peaks,
      memoryBytes: 348_000_000,
      processes: 1,
      threads: 12,
      cpus: 1.92,
      cpuMs: 8100,
    },
    labels: {},
    droppedEvents: 0,
    leftovers: 0,
    outputBytes: { 1: 10, 2: 0 },
    alerts: [],
    transitions: [],
    ...facts,
  };
}
