import type { Attack } from '../attack.ts';

/** Taking more than the limits, out of reach of what counts it; and moving the limits themselves. */
export const LIMIT_ATTACKS: readonly Attack[] = [
  ended('fill the disk with many small files', 'fill-disk', disk({ files: 1000, kib: 64 }), [
    '--disk',
    '16MiB',
  ]),
  ended(
    'fill the disk in a folder that cannot be listed',
    'fill-disk',
    disk({ files: 500, kib: 128, locked: 1 }),
    ['--disk', '16MiB'],
  ),
  ended('fill the disk with files without a name', 'fill-disk', disk({ files: 200, kib: 320, nameless: 1 }), [
    '--disk',
    '16MiB',
  ]),
  ended('fill the disk with empty files', 'fill-disk', disk({ files: 1500, kib: 0 }), ['--disk', '4MiB']),
  ended('flood the output', 'flood-output', { mib: 32 }, ['--output-limit', '1MiB']),
  ended('sleep for ever', 'sleep-idly', { seconds: 4 }, ['--idle', '1500ms']),
  ended('look alive with naps', 'nap', { seconds: 4 }, ['--idle', '1500ms']),
  ended('stay longer than it may', 'nap', { seconds: 4 }, ['--time', '1500ms']),

  kernel('queue all signals that the user may have', 'queue-signals'),
  kernel('take the user’s pages of pipes', 'widen-pipe'),
  { ...kernel('make a set-user-id file by its first mode', 'make-privileged'), family: 'files' },
  kernel('raise its limit of file sizes', 'raise-file-size'),
  kernel('raise its limit of open files', 'raise-open-files'),
  { ...kernel('lower its niceness', 'raise-nice'), options: ['--nice', '5'] },
  kernel('become a real-time task', 'raise-realtime'),
  kernel('dump its core', 'dump-core'),
  {
    ...kernel('use CPUs that it is not bound to', 'widen-affinity'),
    options: ['--cpus', '1'],
    control: 'none',
    seen: { nothing: 'where a control group holds the CPUs it is not bound' },
  },
  {
    name: 'move to the front of those who wait for disks',
    attempt: 'raise-io-front',
    control: 'always',
    seen: { refused: 'priority' },
  },
  {
    name: 'read and write disks in real time',
    attempt: 'raise-io-realtime',
    control: 'depends',
    seen: { refused: 'priority' },
  },
  { name: 'leave its control group', attempt: 'leave-group', control: 'depends', seen: { refused: 'write' } },
  {
    name: 'raise the limits of its control group',
    attempt: 'raise-group',
    control: 'depends',
    seen: { refused: 'write' },
  },
];

function disk(given: { files: number; kib: number; locked?: number; nameless?: number }) {
  return { locked: 0, nameless: 0, patience: 3000, ...given };
}

/** The session is ended, and says by which limit. */
function ended(
  name: string,
  attempt: string,
  parameters: Readonly<Record<string, number>>,
  options: readonly string[],
): Attack {
  return {
    name,
    attempt,
    parameters: () => parameters,
    options,
    control: 'always',
    ends: 'either',
    seen: { event: 'limit' },
  };
}

function kernel(name: string, attempt: string): Attack {
  return {
    name,
    attempt,
    control: 'depends',
    seen: { nothing: 'the kernel or the filter refuses it by itself' },
  };
}
