import type { ProcFiles } from '../lib/proc.ts';

/**
 * How many connections of others to its port a program has, from the tables of its own network (proc_pid_net(5)). 0
 * where they may not be read.
 */
export function connectionsTo(files: ProcFiles, pid: number, port: number): number {
  return ['tcp', 'tcp6']
    .map((table) => established(files.readText(`/proc/${pid}/net/${table}`) ?? '', port))
    .reduce((sum, count) => sum + count, 0);
}

/** "  1: 0100007F:1F90 0100007F:D3A2 01 …": number, local address and port, remote ones, state; hexadecimal. */
const LINE = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /;
const ESTABLISHED = '01';

function established(text: string, port: number): number {
  return text.split('\n').filter((line) => {
    const [, local = '', state] = LINE.exec(line) ?? [];
    return state === ESTABLISHED && Number.parseInt(local, 16) === port;
  }).length;
}
