import { type Attack, type Place, serving } from '../attack.ts';

/** Everything that can be closed, and grants that are open until then. */
const CLOSING = `apiVersion: paddock/v1
extends: default
files: { execute: [/bin, /usr/bin], write: ["~/.ssh"] }
phases: { ready: [exec, write, listen, map] }
`;

const facts = ({ world, port }: Place) => ({ port, canary: world.canary, folder: `${world.home}/.ssh` });

/** What was granted, once the program is ready. */
export const READY_ATTACKS: readonly Attack[] = [
  row('map memory as machine code', 'ready-map', 'map'),
  row('make memory executable', 'ready-protect', 'map'),
  row('map a file of its own as machine code', 'ready-map-file', 'map'),
  row('map machine code from another thread', 'ready-map-thread', 'map'),
  row('map machine code in a child', 'ready-map-child', 'map'),
  row('map machine code from threads that never stop', 'ready-hammer', 'map'),
  row('make memory executable by its key', 'ready-key', 'map'),
  row('make readable memory executable', 'ready-personality', 'kernel'),
  row('share machine code', 'ready-share', 'ipc'),
  row('map a file in memory as machine code', 'ready-memory-file', 'memfd'),
  row('open the port once more', 'ready-listen', 'bind'),
  row('start a granted program', 'ready-exec', 'exec'),
  row('open a granted file for writing', 'ready-write', 'write'),
  row('cut a granted file short', 'ready-truncate', 'write'),
  row('move a file of its own into a granted folder', 'ready-move', 'write'),
  row('make a file in a granted folder', 'ready-make', 'write'),
  row('open a granted file for writing by a name that changes', 'ready-race-write', 'write'),
];

function row(name: string, attempt: string, label: string): Attack {
  return {
    name: `when ready, ${name}`,
    attempt,
    parameters: facts,
    arguments: serving,
    policy: CLOSING,
    control: 'always',
    seen: { refused: label },
  };
}
