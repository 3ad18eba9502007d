import { type Attack, call, NOT_THERE } from '../attack.ts';

/** Reaching into the launcher or the supervisor, and running other programs. */
export const PROCESS_ATTACKS: readonly Attack[] = [
  ...(
    [
      ['trace the launcher', 'trace-launcher'],
      ['trace the supervisor', 'trace-parent'],
      ['be traced', 'trace-me'],
      ['read the launcher’s memory by process', 'read-launcher-vm'],
      ['read the supervisor’s memory by process', 'read-parent-vm'],
      ['write the supervisor’s memory by process', 'write-parent-vm'],
      ['take a descriptor of the supervisor', 'take-parent-descriptor'],
      ['compare descriptors with the supervisor', 'compare-with-parent'],
      ['limit the launcher', 'limit-launcher'],
      ['limit the supervisor', 'limit-parent'],
    ] as const
  ).map(([name, attempt]) => call(name, attempt, 'trace')),
  // These look at the process first, and find none inside.
  ...(
    [
      ['take a descriptor of the launcher', 'take-launcher-descriptor'],
      ['slow the launcher down', 'slow-launcher'],
      ['pin the launcher to a CPU', 'pin-launcher'],
      ['reschedule the launcher', 'reschedule-launcher'],
    ] as const
  ).map(([name, attempt]) => ({ ...call(name, attempt, 'trace'), seenInside: NOT_THERE })),
  ...(
    [
      ['with kill', 'kill-launcher'],
      ['with tgkill', 'tgkill-launcher'],
      ['with tkill', 'tkill-launcher'],
      ['with sigqueue', 'sigqueue-launcher'],
    ] as const
  ).map(([how, attempt]) => signal(`signal the launcher ${how}`, attempt)),
  {
    ...signal('signal the launcher by descriptor', 'pidfd-signal-launcher'),
    seenInside: NOT_THERE, // of a process that is not there nobody gets a descriptor
  },
  signal('signal the supervisor with kill', 'kill-parent'),
  signal('signal the launcher with its process group', 'signal-group'),
  {
    ...signal('signal the launcher with its process group, by descriptor', 'signal-group-by-descriptor'),
    control: 'depends', // on the kernel
  },
  {
    ...signal('have the kernel signal the launcher', 'signal-by-owner'),
    seen: { nothing: 'the kernel drops the signal when it is due, long after the call' },
  },

  ...(
    [
      ['a shell', 'execute-shell'],
      ['a shell in its own place', 'execute-shell-here'],
      ['a shell by descriptor', 'execute-descriptor'],
      ['a program through the dynamic loader', 'execute-loader'],
      ['a script of its own making', 'execute-script'],
      ['a copy of itself', 'execute-copy'],
      ['a program with posix_spawn', 'execute-spawned'],
      ['a shell after vfork', 'execute-vfork'],
      ['a shell in a session of its own', 'execute-detached'],
      ['a set-user-id program', 'execute-privileged'],
      ['a path that is exchanged while it is checked', 'race-execute'],
    ] as const
  ).map(([what, attempt]) => execute(what, attempt)),
  { ...execute('a shell, as APE', 'execute-shell'), form: 'ape' },
  { ...execute('a copy of its loader, as APE', 'execute-copy'), form: 'ape' },
  // With one program granted the call itself is let through, and Landlock alone decides.
  ...(
    [
      ['a shell', 'execute-shell'],
      ['a shell by descriptor', 'execute-descriptor'],
      ['a shell through the dynamic loader', 'execute-loader'],
      ['a script of its own making', 'execute-script'],
      ['a copy of itself', 'execute-copy'],
      ['a path that is exchanged while it is checked', 'race-execute'],
    ] as const
  ).map(([what, attempt]) => granted(what, attempt)),
  { ...execute('a program in memory', 'execute-memory'), seen: { refused: 'memfd' } },
];

function signal(name: string, attempt: string): Attack {
  return { name, attempt, control: 'always', seen: { observed: 'signal' } };
}

/** As above, where the user granted another program. */
function granted(what: string, attempt: string): Attack {
  return {
    ...execute(what, attempt),
    name: `execute ${what}, another program being granted`,
    options: ['--exec', '/bin/true'],
    seen: { observed: 'exec' },
  };
}

function execute(what: string, attempt: string): Attack {
  return {
    name: `execute ${what}`,
    attempt,
    control: attempt === 'execute-loader' ? 'depends' : 'always', // its path is that of one C library
    seen: { refused: 'exec' },
  };
}
