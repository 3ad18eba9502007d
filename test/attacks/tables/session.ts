import type { Attack } from '../attack.ts';

const LIMITED = ['--processes', '64', '--memory', '192MiB'];
const FILES = 'apiVersion: paddock/v1\nlimits:\n  fileSize: 64MiB\n  openFiles: 256\n';

/** Taking everything there is, staying when it is over, the terminal, and what was left lying about. */
export const SESSION_ATTACKS: readonly Attack[] = [
  bomb('a thousand processes', 'fork-bomb', { count: 1000 }, 'processes'),
  bomb('a thousand threads', 'thread-bomb', { count: 1000 }, 'processes'),
  bomb('half a gibibyte of memory', 'memory-bomb', { mib: 512 }, 'memory'),
  bomb('half a gibibyte in eight processes', 'memory-bomb-shared-out', { mib: 512 }, 'memory'),
  file('a file of 256 MiB', 'file-bomb', { mib: 256 }),
  file('a sparse file of a tebibyte', 'sparse-bomb', {}),
  file('a thousand descriptors', 'descriptor-bomb', { count: 1000 }),

  outlive('a daemon', 'daemon-double-fork'),
  outlive('a process deaf to signals', 'daemon-deaf'),
  outlive('a process that is always a younger one', 'daemon-runner'),
  outlive('a daemon that is not handed over', 'daemon-reaper'),
  outlive('a stopped process', 'daemon-stopped'),
  {
    ...outlive('a program whose launcher is killed', 'ignore-launchers-end'),
    killLauncherAt: 'READY',
    seen: { nothing: 'whoever writes the record is dead' },
  },
  {
    ...outlive('a program that keeps the supervisor busy', 'ignore-launchers-end-busily'),
    killLauncherAt: 'READY',
    seen: { nothing: 'whoever writes the record is dead' },
  },

  {
    ...outlive('a program whose supervisor is killed', 'ignore-supervisors-end'),
    killSupervisor: true,
    needsSessionLimits: true, // the launcher then ends what is in the control group
    seen: { event: 'end' },
  },

  stay('a read', 'stay-after-read', 'read'),
  stay('a read that drowns in noise', 'stay-after-drowned-read', 'read'),
  stay('a write', 'stay-after-write', 'write'),
  stay('a socket', 'stay-after-connect', 'connect'),
  stay('a system call', 'stay-after-call', 'syscall'),
  stay('a program', 'stay-after-execute', 'exec'),

  leave('a folder deeper than any path', 'leave-deep-folder'),
  leave('a folder that cannot be listed', 'leave-locked-folder'),
  leave('a link out of the private folder', 'leave-link'),

  terminal('press a key', 'type-key', 'own'),
  terminal('press a key with high bits in the request', 'type-key-high-bits', 'own'),
  terminal('paste the selection', 'paste-selection', 'own'),
  terminal('take the console', 'take-console', 'own'),
  terminal('change the line discipline', 'change-discipline', 'own'),
  {
    ...terminal('write on the terminal behind the pipes', 'open-terminal', 'behind'),
    seen: { refused: 'write' },
  },

  {
    ...terminal('write on any terminal of the user', 'open-any-terminal', 'behind'),
    seen: { refused: 'write' },
  },
  { ...terminal('take the terminal', 'take-terminal', 'own'), seen: { nothing: 'another session has it' } },
  sequence('set the clipboard', 'set-clipboard', '\x1b]52;'),
  sequence('have the title typed back', 'ask-title-back', '\x1b[21t'),
  sequence('have the terminal answer', 'ask-answer-back', '\x1bP$q'),
  sequence('reset the terminal', 'reset-terminal', '\x1bc'),

  left('an open descriptor', 'find-descriptors', 'nothing is open'),
  { ...left('an open descriptor, as APE', 'find-descriptors', 'nothing is open'), form: 'ape' },
  left('a secret in an open descriptor', 'read-inherited', 'nothing is open'),
  left('the supervisor’s descriptors', 'command-supervisor', 'nothing is open'),
  {
    ...left('a writable descriptor of the judged file', 'write-judged-descriptor', 'it is open for reading'),
    control: 'depends',
  },
  {
    name: 'find the caller’s input file writable',
    attempt: 'reopen-stream',
    input: 'readable',
    control: 'always',
    seen: { refused: 'write' },
  },
  ...[
    'LD_PRELOAD',
    'COSMOPOLITAN_INIT_ZIPOS',
    'LLAMAFILE_GPU_PROBE_DSO',
    'LLAMA_ARG_TOOLS',
    'PADDOCK_ATTACK_SECRET',
  ].map(
    (variable): Attack => ({
      name: `find ${variable} in the environment`,
      attempt: 'find-variable',
      parameters: () => ({ variable }),
      environment: { [variable]: variable === 'LD_PRELOAD' ? 'libplanted.so' : 'planted' },
      control: 'always',
      seen: { nothing: 'it is not there' },
    }),
  ),
];

function bomb(
  name: string,
  attempt: string,
  parameters: Readonly<Record<string, number>>,
  alert: string,
): Attack {
  return {
    name,
    attempt,
    parameters: () => parameters,
    options: LIMITED,
    control: 'always',
    ends: 'either',
    needsSessionLimits: true,
    seen: { alert },
  };
}

function file(name: string, attempt: string, parameters: Readonly<Record<string, number>>): Attack {
  return {
    name,
    attempt,
    parameters: () => parameters,
    policy: FILES,
    control: 'depends',
    seen: { nothing: 'the call that crosses the limit fails in the kernel' },
  };
}

function outlive(name: string, attempt: string): Attack {
  return {
    name: `outlive the session: ${name}`,
    attempt,
    parameters: () => ({ patience: 1200 }),
    control: 'always',
    ends: 'either',
    seen: { swept: true },
  };
}

/** With a policy that ends the session at that kind of offence. */
function stay(what: string, attempt: string, kind: string): Attack {
  return {
    name: `stay after ${what} that ends the session`,
    attempt,
    parameters: ({ world }) => ({ canary: world.canary, victim: world.victim, patience: 1500 }),
    policy: `apiVersion: paddock/v1\nwatch:\n  ${kind}: kill\n`,
    control: 'always',
    ends: 'either',
    seen: { event: 'kill' },
  };
}

function leave(what: string, attempt: string): Attack {
  return {
    name: `leave ${what} behind`,
    attempt,
    parameters: ({ world }) => ({ outside: world.outside }),
    control: 'none',
    seen: { nothing: 'it may do so; the folders are gone afterwards' },
  };
}

function terminal(name: string, attempt: string, kind: 'own' | 'behind'): Attack {
  return { name, attempt, terminal: kind, control: 'depends', seen: { refused: 'terminal' } };
}

/** Text for the terminal, which is taken out of the output. */
function sequence(name: string, attempt: string, withheld: string): Attack {
  return {
    ...terminal(name, attempt, 'own'),
    control: 'always',
    withheld,
    seen: { nothing: 'the terminal filter takes it out' },
  };
}

function left(name: string, attempt: string, reason: string): Attack {
  return { name: `find ${name}`, attempt, inherit: true, control: 'always', seen: { nothing: reason } };
}
