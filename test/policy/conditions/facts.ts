import type { Facts } from '../../../src/policy/conditions/variables.ts';

/** Everything known, of one file and one user. */
export const FACTS: Facts = {
  values: {
    'user.name': 'ada',
    'user.uid': 1000,
    'user.groups': ['ada', 'research'],
    'file.path': '/srv/models/small.llamafile',
    'file.name': 'small.llamafile',
    'file.digest': 'ab'.repeat(32),
    'file.size': 4_000_000_000,
    'runtime.tier': 'A',
    'runtime.standing': 'release',
    'runtime.release': 'llamafile-0.9.3',
    'runtime.version': '0.9.3',
    'model.known': true,
    'model.inside': true,
    'model.architecture': 'llama',
    'model.name': 'Small',
    'model.parameters': 7_000_000_000,
    'model.quantization': 'Q4_K',
    'model.context': 4096,
    arguments: ['--port', '8080'],
    'network.serve': true,
    'time.year': 2026,
    'time.month': 11,
    'time.day': 23,
    'time.weekday': 1,
    'time.hour': 23,
    'time.minute': 30,
    'time.unix': 1_795_000_000,
    'time.utc.year': 2026,
    'time.utc.month': 11,
    'time.utc.day': 23,
    'time.utc.weekday': 1,
    'time.utc.hour': 22,
    'time.utc.minute': 30,
    'host.name': 'gpu1',
    'host.cpus': 16,
    'host.memory': 64 * 2 ** 30,
    'host.gpus': ['nvidia'],
  },
  signers: [
    { name: 'publisher', anchor: 'system' },
    { name: 'friend', anchor: 'user' },
  ],
};

/** The same, without some. */
export function without(...names: readonly (keyof Facts['values'])[]): Facts {
  const values = Object.fromEntries(
    Object.entries(FACTS.values).filter(([name]) => !names.includes(name as keyof Facts['values'])),
  );
  return { ...FACTS, values };
}
