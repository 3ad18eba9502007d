import type { Protection } from '../policy/policy.ts';
import { ABIS, type LandlockRight } from './landlock.ts';
import type { HostAbilities } from './plan.ts';

/** What can hold a protection. Where none does, `run` refuses. */
export type Mechanism = 'landlock' | 'seccomp' | 'supervisor' | 'namespaces';

/** One way to hold a protection: all of its mechanisms together. */
export interface Way {
  readonly by: readonly Mechanism[];
  /** The right of Landlock on which it rests, and with it the first ABI; left out: any. */
  readonly right?: LandlockRight;
  readonly how: string;
}

/** Something that a model must not get past. */
export interface Closure {
  readonly id: ClosureId;
  readonly what: string;
  /** Best first: the first that the host can go decides. */
  readonly ways: readonly Way[];
  /** Further layers, which alone would not do, or are not needed. */
  readonly beneath?: readonly Way[];
  /** The protection of a policy that is missing when no way can be gone. */
  readonly lacks: Protection;
  /** Only where the program may listen. */
  readonly serving?: true;
}

export type ClosureId =
  | 'open'
  | 'move'
  | 'truncate'
  | 'execute'
  | 'devices'
  | 'metadata'
  | 'terminal'
  | 'connect'
  | 'listen'
  | 'sockets'
  | 'unix'
  | 'signals'
  | 'trace'
  | 'priorities'
  | 'namespaces'
  | 'ipc'
  | 'kernel'
  | 'foreign';

const seccomp = (how: string): Way => ({ by: ['seccomp'], how });

/**
 * The one table of what holds what on which host. The rules of seccomp, the refusals of `run`, `doctor` and docs/fence.md
 * are made from it. What Landlock knows from which ABI on is in ABIS (landlock.ts).
 */
export const MATRIX: readonly Closure[] = [
  {
    id: 'open',
    what: 'opening, listing, making and removing files outside the grants',
    ways: [{ by: ['landlock'], how: 'the rules of the plan, on inodes' }],
    lacks: 'landlock-files',
  },
  {
    id: 'move',
    what: 'moving and linking files from one folder to another',
    ways: [
      { by: ['landlock'], right: 'refer', how: 'only between folders that may be written' },
      { by: ['landlock'], how: 'refused everywhere' },
    ],
    lacks: 'landlock-files',
  },
  {
    id: 'truncate',
    what: 'cutting a file short that may only be read',
    ways: [
      { by: ['landlock'], right: 'truncate', how: 'a right beside writing' },
      {
        by: ['landlock', 'seccomp'],
        how: 'truncate, and opening for reading with O_TRUNC, are refused for every file; the rest is opening for writing',
      },
    ],
    lacks: 'landlock-files',
  },
  {
    id: 'execute',
    what: 'executing anything but the judged file and what is granted',
    ways: [
      {
        by: ['landlock', 'seccomp'],
        how: 'a right on the file alone; files in memory, which Landlock does not see, cannot be made',
      },
    ],
    beneath: [
      { by: ['supervisor'], how: 'answers the first exec of a session only, unless programs are granted' },
    ],
    lacks: 'landlock-files',
  },
  {
    id: 'devices',
    what: 'driving devices by ioctl',
    ways: [seccomp('a list of harmless requests; all others are refused, unless a GPU is granted')],
    beneath: [{ by: ['landlock'], right: 'deviceControl', how: 'a right on each device' }],
    lacks: 'seccomp',
  },
  {
    id: 'metadata',
    what: 'modes, owners, times and attributes of files, and watching folders',
    ways: [seccomp('refused for every file: Landlock does not look at these')],
    lacks: 'seccomp',
  },
  {
    id: 'terminal',
    what: 'typing into a terminal, taking its output or line discipline',
    ways: [seccomp('the requests are refused, by their low 32 bits')],
    lacks: 'seccomp',
  },
  {
    id: 'connect',
    what: 'reaching out by TCP',
    ways: [
      seccomp(
        'no socket at all; while serving `connect` and fast open are refused. Where the policy lists addresses, the supervisor connects to them itself, on its own duplicate of the socket',
      ),
    ],
    beneath: [
      {
        by: ['landlock'],
        right: 'connectTcp',
        how: 'no port is granted; the supervisor, which connects to listed addresses, stands outside',
      },
    ],
    lacks: 'seccomp',
  },
  {
    id: 'listen',
    what: 'listening elsewhere than at the granted address and port',
    ways: [
      {
        by: ['supervisor', 'seccomp'],
        how: 'it binds and listens itself, on its own duplicate of the socket, at an address of the plan',
      },
    ],
    beneath: [{ by: ['landlock'], right: 'bindTcp', how: 'the port, at any address' }],
    lacks: 'seccomp-notify',
    serving: true,
  },
  {
    id: 'sockets',
    what: 'UDP, MPTCP, raw, packet, netlink, vsock and other sockets',
    ways: [seccomp('families, types and protocols are compared when the socket is made')],
    lacks: 'seccomp',
  },
  {
    id: 'unix',
    what: 'Unix sockets of other programs, by path or by abstract name',
    ways: [seccomp('no such socket; connected pairs stay')],
    beneath: [{ by: ['landlock'], right: 'abstractUnix', how: 'those with abstract names' }],
    lacks: 'seccomp',
  },
  {
    id: 'signals',
    what: 'signals to processes outside the session',
    ways: [
      { by: ['landlock'], right: 'signal', how: 'by the kernel, whatever call sends them' },
      {
        by: ['seccomp', 'supervisor'],
        how: 'signals to groups, and owners of descriptors, are refused; the supervisor lets those through that name a process of the session',
      },
      {
        by: ['namespaces', 'seccomp'],
        how: 'processes outside have no number there; those to groups are refused',
      },
    ],
    beneath: [{ by: ['supervisor'], how: 'refuses, too, and so tells of the attempt' }],
    lacks: 'landlock-scope',
  },
  {
    id: 'trace',
    what: 'tracing other processes, their memory, descriptors and limits',
    ways: [seccomp('refused, also inside the session')],
    beneath: [{ by: ['landlock'], how: 'no tracing out of the session' }],
    lacks: 'seccomp',
  },
  {
    id: 'priorities',
    what: 'priorities, CPUs and memory placement of other processes',
    ways: [
      { by: ['supervisor', 'seccomp'], how: 'let through where they name a process of the session' },
      seccomp('refused for all but the caller itself'),
    ],
    lacks: 'seccomp',
  },
  {
    id: 'namespaces',
    what: 'new namespaces, mounts, another root',
    ways: [seccomp('refused; clone3, whose flags lie in memory, is answered as unknown')],
    beneath: [{ by: ['landlock'], how: 'no mounts' }],
    lacks: 'seccomp',
  },
  {
    id: 'ipc',
    what: 'System V and POSIX message objects',
    ways: [seccomp('refused')],
    beneath: [{ by: ['namespaces'], how: 'objects of the session’s own' }],
    lacks: 'seccomp',
  },
  {
    id: 'kernel',
    what: 'BPF, io_uring, keyrings, modules, clocks and other doors of the kernel',
    ways: [seccomp('refused; what is newer than this table is answered as unknown')],
    lacks: 'seccomp',
  },
  {
    id: 'foreign',
    what: 'system calls of another machine: x32, i386, arm32',
    ways: [seccomp('foreign calls are refused before anything else is looked at')],
    lacks: 'seccomp',
  },
];

/** What the choice depends on. */
export interface MatrixFacts {
  readonly landlockAbi: number;
  readonly seccomp: boolean;
  readonly supervisor: boolean;
  /** A process namespace of its own is part of the plan. */
  readonly namespaces: boolean;
}

/** The facts of a host; `namespaces` is what the plan makes of it. */
export function matrixFacts(host: HostAbilities, namespaces = false): MatrixFacts {
  return {
    landlockAbi: host.landlockAbi,
    seccomp: host.seccompFilter,
    supervisor: host.seccompFilter && host.seccompNotify,
    namespaces,
  };
}

/** What holds a protection on a host: the way that decides, and the layers beneath it. */
export interface Holding {
  readonly way: Way;
  readonly beneath: readonly Way[];
}

/** Undefined: nothing does, and `run` refuses. */
export function holding(closure: Closure, facts: MatrixFacts): Holding | undefined {
  const way = closure.ways.find((one) => canGo(one, facts));
  if (way === undefined) return undefined;
  return { way, beneath: (closure.beneath ?? []).filter((one) => canGo(one, facts)) };
}

/** Protections without which something would be open: those that a run needs whatever its policy says. */
export function lacking(facts: MatrixFacts, serving: boolean): Protection[] {
  const open = MATRIX.filter((one) => (serving || one.serving !== true) && holding(one, facts) === undefined);
  return [...new Set(open.map((one) => one.lacks))];
}

/** Whether Landlock alone holds it at this ABI. Where it does not, a rule of seccomp must. */
export function landlockHolds(id: ClosureId, abi: number): boolean {
  const facts = { landlockAbi: abi, seccomp: true, supervisor: true, namespaces: false };
  const by = holding(closureOf(id), facts)?.way.by;
  return by?.length === 1 && by[0] === 'landlock';
}

export function closureOf(id: ClosureId): Closure {
  const found = MATRIX.find((one) => one.id === id);
  if (found === undefined) throw new RangeError(`no row ${id}`);
  return found;
}

/** What a host with this ABI does otherwise than one with the newest that is used: in sentences, for `doctor`. */
export function differences(abi: number): string[] {
  const at = (landlockAbi: number): MatrixFacts => ({
    landlockAbi,
    seccomp: true,
    supervisor: true,
    namespaces: false,
  });
  return MATRIX.flatMap((closure) => {
    const [here, newest] = [holding(closure, at(abi)), holding(closure, at(NEWEST_ABI))];
    if (here === undefined) return [`${closure.what}: held by nothing`];
    if (here.way !== newest?.way) return [`${closure.what}: ${words(here.way.by)}: ${here.way.how}`];
    const lost = newest.beneath.filter((one) => !here.beneath.includes(one));
    return lost.length === 0
      ? []
      : [`${closure.what}: ${words(here.way.by)} without ${words(lost[0]?.by ?? [])} beneath`];
  });
}

/** The newest ABI that the fence uses. */
export const NEWEST_ABI = Math.max(...ABIS.filter(({ used }) => used).map(({ abi }) => abi));

/** `seccomp and the supervisor`. */
export function words(by: readonly Mechanism[]): string {
  return by.map((mechanism) => WORDS[mechanism]).join(' and ');
}

const WORDS: Readonly<Record<Mechanism, string>> = {
  landlock: 'Landlock',
  seccomp: 'seccomp',
  supervisor: 'the supervisor',
  namespaces: 'namespaces',
};

function canGo({ by, right }: Way, facts: MatrixFacts): boolean {
  const here: Readonly<Record<Mechanism, boolean>> = {
    landlock: facts.landlockAbi >= (right === undefined ? 1 : sinceAbi(right)),
    seccomp: facts.seccomp,
    supervisor: facts.supervisor,
    namespaces: facts.namespaces,
  };
  return by.every((mechanism) => here[mechanism]);
}

/** The first ABI that is used and has this right. */
export function sinceAbi(right: LandlockRight): number {
  const row = ABIS.find(
    (one) => one.used && [...one.fs, ...one.net, ...one.scope].some((name) => name === right),
  );
  return row?.abi ?? Number.POSITIVE_INFINITY;
}
