import { type ProcFiles, parsePids, readStat } from '../lib/proc.ts';

/**
 * The processes below `root`, without it; at most 4096. From `children` files where the kernel has them
 * (CONFIG_PROC_CHILDREN), else by searching all of /proc for parents. The search is dear: with `known` it is left
 * out, and those of `known` that still descend from `root` are the answer.
 */
export function descendants(files: ProcFiles, root: number, known?: readonly number[]): number[] {
  const byFiles = walkChildren(files, root);
  if (byFiles !== undefined) return byFiles;
  const candidates = known ?? allProcesses(files);
  return below(root, parents(files, candidates));
}

const MAX_FOUND = 4096;
const MAX_SCANNED = 65_536;

/** Undefined when this kernel has no `children` files, or `root` is gone. */
function walkChildren(files: ProcFiles, root: number): number[] | undefined {
  if (files.readText(`/proc/${root}/task/${root}/children`) === undefined) return undefined;
  const found = new Set<number>();
  const open = [root];
  for (let pid = open.pop(); pid !== undefined && found.size < MAX_FOUND; pid = open.pop()) {
    // A child is listed under the thread that made it.
    for (const thread of files.list(`/proc/${pid}/task`) ?? []) {
      const children = parsePids(files.readText(`/proc/${pid}/task/${thread}/children`) ?? '');
      for (const child of children) {
        if (child === root || found.has(child) || found.size >= MAX_FOUND) continue;
        found.add(child);
        open.push(child);
      }
    }
  }
  return [...found];
}

function allProcesses(files: ProcFiles): number[] {
  return parsePids((files.list('/proc') ?? []).join(' ')).slice(0, MAX_SCANNED);
}

function parents(files: ProcFiles, pids: readonly number[]): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const pid of pids) {
    const stat = readStat(files, pid);
    if (stat === undefined) continue;
    const siblings = children.get(stat.ppid);
    if (siblings === undefined) children.set(stat.ppid, [pid]);
    else siblings.push(pid);
  }
  return children;
}

function below(root: number, children: ReadonlyMap<number, readonly number[]>): number[] {
  const found = new Set<number>();
  const open = [root];
  for (let pid = open.pop(); pid !== undefined && found.size < MAX_FOUND; pid = open.pop()) {
    for (const child of children.get(pid) ?? []) {
      if (child === root || found.has(child) || found.size >= MAX_FOUND) continue;
      found.add(child);
      open.push(child);
    }
  }
  return [...found];
}
