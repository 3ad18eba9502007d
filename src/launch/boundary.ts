/** Something that a model does not get past, whatever it does. */
export interface Boundary {
  readonly what: string;
  readonly how: string;
  /** What happens where the host has not what it needs. */
  readonly lacking: string;
}

/** The boundaries, for docs/fence.md. What the matrix holds is told there in detail. */
export const BOUNDARIES: readonly Boundary[] = [
  {
    what: 'files that the program can open, create, change, rename, execute',
    how: 'Landlock (ABI 1+; cutting short is closed by seccomp below ABI 3)',
    lacking: 'refusal',
  },
  {
    what: 'network: no socket at all, or one listening TCP socket at one address and port, and connections to the addresses that the policy lists',
    how: 'seccomp: sockets by family, type and protocol; `bind`, `listen` and `connect` are done by the gate on its own duplicate of the socket, so that no argument can change after the check; Landlock TCP rules beneath (ABI 4+)',
    lacking:
      'refusal without seccomp, and of serving and connecting without a supervisor; without Landlock’s rules the first holds alone',
  },
  {
    what: 'processes outside: signals, limits, priorities, memory, descriptors',
    how: 'the gate lets such calls through only when they name a process of the session; Landlock scopes beneath (ABI 6+)',
    lacking: 'refusal, where neither the supervisor nor Landlock nor a process namespace holds signals',
  },
  {
    what: 'privileges: set-user-id programs, capabilities',
    how: 'no_new_privs, capability sets emptied',
    lacking: 'refusal',
  },
  {
    what: 'the kernel’s rarely used doors: namespaces, mounts, ptrace, bpf, io_uring, keyrings, foreign system call ABIs, leases, driving devices by ioctl',
    how: 'seccomp on register values only',
    lacking: 'refusal',
  },
  {
    what: 'other programs',
    how: 'nothing but the file itself is executable, unless policy grants it; memfd is closed',
    lacking: 'refusal',
  },
  {
    what: 'after ready (`phases.ready`): starting programs, opening ports, executable mappings',
    how: 'the gate refuses them from the launcher’s word on, on register values; nothing opens them again. A program that never becomes ready stays under the fence as it was',
    lacking: 'nothing is closed without a supervisor, and a warning says so',
  },
  {
    what: 'after ready (`phases.ready: write`): opening files of `files.write` for writing, moving and linking files, cutting them short by name',
    how: 'the gate opens the private folders’ files itself and hands over the descriptor; every other opening for writing, and what could carry content elsewhere, is refused',
    lacking: 'nothing is closed without a supervisor, and a warning says so',
  },
  {
    what: 'memory, processes, CPU of the whole session',
    how: 'cgroup v2 or v1 leaf',
    lacking:
      'limits of each process only (CPUs: bound to so many of them), and summary and record say so; refusal where policy requires `limits-session`, as `strict` does',
  },
  {
    what: 'the user’s terminal',
    how: 'a pseudoterminal of its own, or pipes; an allow-list of escape sequences',
    lacking: 'always there',
  },
  {
    what: 'the end of the session',
    how: 'subreaper, parent-death signal, control pipe, cgroup kill',
    lacking: 'always there; SECURITY.md tells of a gate that is killed',
  },
];

/** Something that is reported and not decided upon, or decided and not reported. */
export interface Observation {
  readonly what: string;
  readonly why: string;
}

export const OBSERVATIONS: readonly Observation[] = [
  {
    what: 'paths in events (`open`, `exec`)',
    why: 'they are read from the program’s memory when the call is seen, and can change afterwards. They are reported, never decided upon: Landlock decides',
  },
  {
    what: 'the first `exec` of the session',
    why: 'it is the launcher’s own; later ones are refused by the gate, or, where the policy grants programs, by Landlock',
  },
  { what: 'CPU, memory and thread figures', why: 'they are samples' },
  {
    what: 'that the program is ready',
    why: 'it is told from outside: by the port that listens, the first output, or CPU where output is not seen. A program decides when that is, and has what was granted until then; some milliseconds pass before the gate closes',
  },
  {
    what: 'after ready, making folders and links and removing names in folders of `files.write`',
    why: 'the names are read from the program’s memory when the call is seen, and can change afterwards. Descriptors, mappings and further names (hard links) from before stay as they are',
  },
  {
    what: 'refusals that are not reported',
    why: 'the kernel or the filter answers by itself: limits of open files and file sizes, raising a hard limit, signals that a descriptor’s owner would get (`F_SETOWN`), ioctl requests other than those to a terminal, on an older Landlock signals to groups (below ABI 6) and opening for reading with O_TRUNC (below ABI 3), system calls newer than this version of paddock',
  },
];
