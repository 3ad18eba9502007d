import { type Attack, type Expectation, NOT_THERE, type Place, serving } from '../attack.ts';

/** Closed for writing once it is ready: from then on the gate opens the private folders' files itself. */
const CLOSING = `apiVersion: paddock/v1
extends: default
phases: { ready: [write] }
`;

const BY_KERNEL: Expectation = { nothing: 'the kernel or the filter refuses it by itself' };

const facts = ({ world, port }: Place) => ({
  port,
  canary: world.canary,
  victim: world.victim,
  outside: world.outside,
  readable: world.readable,
});

/** Derived from what SECURITY.md promises, without a look at how it is held. */
export const OUTSIDE_ONE_ATTACKS: readonly Attack[] = [
  row('make the launcher the owner of a socket by a request', 'own-by-request', BY_KERNEL, {
    family: 'processes',
  }),
  row('read where the launcher keeps its locks', 'read-robust-list', BY_KERNEL, {
    family: 'memory',
    seenInside: NOT_THERE,
  }),
  row('take a namespace by a descriptor of the launcher', 'namespace-by-process', BY_KERNEL, {
    family: 'namespaces',
    control: 'depends',
    seenInside: NOT_THERE,
  }),
  row('plant an attribute by a call of younger kernels', 'attributes-by-new-call', BY_KERNEL, {
    family: 'files',
    control: 'depends',
  }),
  row('change flags of a file by a call of younger kernels', 'flags-by-new-call', BY_KERNEL, {
    family: 'files',
    control: 'depends',
  }),
  row('give a name of its own to a key, by a descriptor without rights', 'link-by-handle', BY_KERNEL, {
    family: 'files',
  }),
  row(
    'stop, and be stopped again, past the limit of time',
    'stay-stopped',
    { event: 'limit' },
    {
      family: 'resources',
      ends: 'either',
      options: ['--time', '1500ms'],
    },
  ),
  row(
    'ask without end past the limit of time',
    'drown-clock',
    { event: 'limit' },
    {
      family: 'supervision',
      ends: 'either',
      options: ['--time', '1500ms'],
    },
  ),
  ready('let the gate wait at a pipe that nobody reads', 'ready-pipe', { refused: 'read' }, 'none'),
  ready('write through a link out of a private folder', 'ready-link', { refused: 'write' }, 'always'),
  ready('open what /proc/self is for the gate', 'ready-self-link', BY_KERNEL, 'none'),
  ready('exchange a folder for a link while it is opened', 'ready-exchange', { refused: 'write' }, 'always'),
];

function row(name: string, attempt: string, seen: Expectation, more: Partial<Attack> = {}): Attack {
  return { name, attempt, parameters: facts, family: 'processes', control: 'always', seen, ...more };
}

function ready(name: string, attempt: string, seen: Expectation, control: Attack['control']): Attack {
  return row(`when ready, ${name}`, attempt, seen, {
    family: 'phases',
    control,
    arguments: serving,
    policy: CLOSING,
  });
}
