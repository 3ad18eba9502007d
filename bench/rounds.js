// Cases side by side: each round starts every case once, in a rotating order, so that whatever else the machine does meets
// all of them alike.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { delimiter, join } from 'node:path';

const WARM_UP = 3;

/** Name → milliseconds of each round, in order. */
export function measure(cases, rounds) {
  const times = new Map(cases.map(({ name }) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (let turn = 0; turn < cases.length; turn++) {
      const { name, run } = cases[(turn + Math.abs(round)) % cases.length];
      const begin = process.hrtime.bigint();
      run();
      if (round >= 0) times.get(name).push(Number(process.hrtime.bigint() - begin) / 1e6);
    }
  }
  return times;
}

export function start(program, args, options) {
  const result = spawnSync(program, args, options);
  if (result.error !== undefined) throw result.error;
  // paddock verify says 1 for an unknown runtime under a policy that refuses it.
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit ${result.status ?? result.signal}`);
}

export function which(name) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const paths = folders.map((folder) => join(folder, name)).filter((path) => existsSync(path));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false; // found, but not for us
    }
  });
}

export function row(name, peer, times) {
  const mine = times.get(name);
  const ratio = peer === undefined ? undefined : quantile(mine, 0.5) / quantile(times.get(peer), 0.5);
  return {
    name,
    medianMs: quantile(mine, 0.5),
    lowerMs: quantile(mine, 0.25),
    upperMs: quantile(mine, 0.75),
    peer,
    ratio,
  };
}

export function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/** The machine, as a table's first line. */
export function machine(rounds) {
  const cpu = cpus();
  return `Node ${process.versions.node}, Linux ${release()}, ${cpu.length} × ${cpu[0]?.model.trim()}; ${rounds} rounds`;
}
