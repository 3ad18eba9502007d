import type { Architecture } from '../anatomy.ts';
import type { Template } from './match.ts';
import { hole, type Line, LOADER_FOLDER, LOADER_PATH, type Role, type Word } from './words.ts';

/**
 * The scripts of apelink, in every spelling that it had between August 2023 and 2026 (tool/build/apelink.c of
 * cosmopolitan): one block after the other, some of them left out by the linker's options.
 */
export function linkedTemplates(): Template[] {
  return SPELLINGS.flatMap((spelling) =>
    SHAPES.filter(({ mac }) => mac || spelling.differs !== 'on macOS').map((shape) => ({
      name: `apelink, ${spelling.name}, ${shape.architectures.join(' and ')}`,
      lines: script(spelling, shape),
      behind: 'nothing' as const,
    })),
  );
}

interface Spelling {
  readonly name: string;
  /** APE versions that were linked so. */
  readonly versions: readonly string[];
  /** Where the machine's name is asked for, in order of preference. */
  readonly uname: readonly string[];
  /** Told of an error to nobody, and what is taken for the name then. */
  readonly fallback: boolean;
  /** Folder in front of most commands; the ones that only macOS runs were forgotten. */
  readonly folder: '' | '/bin/';
  readonly gzipOfMac: string;
  /** Where it is another than the one before it in the table; elsewhere that one stands for both. */
  readonly differs?: 'on macOS';
}

const SPELLINGS: readonly Spelling[] = [
  {
    name: '2024 and later',
    versions: ['1.10'],
    uname: ['uname'],
    fallback: true,
    folder: '',
    gzipOfMac: 'gzip',
  },
  {
    name: 'end of 2023',
    versions: ['1.9', '1.10'],
    uname: ['/bin/uname', '/usr/bin/uname'],
    fallback: true,
    folder: '/bin/',
    gzipOfMac: '/usr/bin/gzip',
  },
  {
    name: 'November 2023',
    versions: ['1.9'],
    uname: ['/bin/uname', '/usr/bin/uname'],
    fallback: true,
    folder: '/bin/',
    gzipOfMac: 'gzip',
    differs: 'on macOS',
  },
  {
    name: 'before November 2023',
    versions: ['1.6', '1.7', '1.8', '1.9'],
    uname: ['uname'],
    fallback: false,
    folder: '',
    gzipOfMac: 'gzip',
  },
];

interface Shape {
  readonly architectures: readonly Architecture[];
  readonly mac: boolean;
  /** With the source of a loader for Apple silicon. */
  readonly apple: boolean;
}

const BOTH = ['x86-64', 'aarch64'] as const;
const SHAPES: readonly Shape[] = [
  { architectures: BOTH, mac: true, apple: true },
  { architectures: BOTH, mac: true, apple: false },
  { architectures: BOTH, mac: false, apple: false },
  { architectures: ['x86-64'], mac: true, apple: false },
  { architectures: ['x86-64'], mac: false, apple: false },
];

const MACHINES: Readonly<Record<Architecture, readonly [string, string]>> = {
  'x86-64': ['x86_64', 'amd64'],
  aarch64: ['aarch64', 'arm64'],
};
const QUIET = '2>/dev/null';
const OR_EXIT = '||exit';
const FI: Line = ['fi'];
const START_PROGRAM: Line = ['exec', '"$t"', '"$o"', '"$@"'];
const UNLESS_ASSIMILATE: readonly Word[] = ['[', 'x"$1"', '!=', 'x--assimilate', ']', '&&'];
const IF_ASSIMILATE: Line = ['if', '[', 'x"$1"', '=', 'x--assimilate', '];', 'then'];
const IF_NOT_MAC: Line = ['if', '[', '!', '-d', '/Applications', '];', 'then'];

function script(spelling: Spelling, shape: Shape): Line[] {
  const { architectures, mac, apple } = shape;
  const headers = architectures.flatMap((each) => [IF_ASSIMILATE, ...writeHeader(each), ['exit'], FI]);
  const unpacked = architectures.flatMap((each) => ifMachine(each, unpackLoader(each, spelling, false)));
  return [
    ...lookForLoaders(spelling),
    ...(mac ? [IF_NOT_MAC, ...headers, ['else'], ...onMac(spelling, apple), FI] : headers),
    ...(mac ? [IF_NOT_MAC, ...unpacked, FI] : unpacked),
    ['echo', '"$0:', 'this', 'ape', 'program', 'lacks', '$m', 'support"', '>&2'],
    ['exit', '127'],
    [''],
    [''],
    [''],
  ];
}

/** The comment that ends the heredoc, the program's own path, a loader on PATH, one that was unpacked before, the machine. */
function lookForLoaders({ versions, uname, fallback }: Spelling): Line[] {
  const version = { ...hole('version', 'x86-64', 'version'), values: versions };
  const asked = uname.map((command): Word[] =>
    fallback ? [`m=$(${command}`, '-m', `${QUIET})`] : [`m=$(${command}`, '-m)'],
  );
  const machine = asked.flatMap((words, index) => (index === 0 ? words : ['||', ...words]));
  return [
    [`#'"`],
    [''],
    ['o=$(command', '-v', '"$0")'],
    [...UNLESS_ASSIMILATE, 'type', 'ape', '>/dev/null', '2>&1', '&&', 'exec', 'ape', '"$o"', '"$@"'],
    [[`${LOADER_PATH}.ape-`, version, '"']],
    [...UNLESS_ASSIMILATE, '[', '-x', '"$t"', ']', '&&', ...START_PROGRAM],
    fallback ? [...machine, '||', 'm=x86_64'] : machine,
  ];
}

function ifMachine(architecture: Architecture, then: readonly Line[]): Line[] {
  const [first, second] = MACHINES[architecture];
  return [['if', '[', '"$m"', '=', first, ']', '||', '[', '"$m"', '=', second, '];', 'then'], ...then, FI];
}

function writeHeader(architecture: Architecture): Line[] {
  return ifMachine(architecture, [
    ['exec', '7<>', '"$o"', '||', 'exit', '121'],
    ['printf', [hole('header', architecture, 'header')], '>&7'],
    ['exec', '7<&-'],
  ]);
}

function onMac(spelling: Spelling, apple: boolean): Line[] {
  const copied = [
    `${spelling.folder}dd`,
    ...['if="$o"', 'of="$o"', 'bs=1', ...numbers('macho')],
    ...['conv=notrunc', QUIET, OR_EXIT],
  ];
  return [
    IF_ASSIMILATE,
    ...ifMachine('x86-64', [copied, ['exit']]),
    FI,
    ...ifMachine('x86-64', unpackLoader('x86-64', spelling, true)),
    ...(apple ? ifMachine('aarch64', compileLoader(spelling)) : []),
  ];
}

function numbers(role: Role): Word[] {
  return [
    ['skip=', hole('left10', role, 'skip')],
    ['count=', hole('left10', role, 'count')],
  ];
}

function unpackLoader(architecture: Architecture, { folder, gzipOfMac }: Spelling, mac: boolean): Line[] {
  const gzip = mac ? gzipOfMac : 'gzip';
  return [
    [`${folder}mkdir`, '-p', LOADER_FOLDER, OR_EXIT],
    [
      `${folder}dd`,
      'if="$o"',
      ...numbers(architecture),
      'bs=1',
      QUIET,
      '|',
      gzip,
      '-dc',
      '>"$t.$$"',
      OR_EXIT,
    ],
    ...(mac ? [moveMachHeader(folder)] : []),
    [`${folder}chmod`, '755', '"$t.$$"', OR_EXIT],
    [`${folder}mv`, '-f', '"$t.$$"', '"$t"', OR_EXIT],
    START_PROGRAM,
  ];
}

/** The loader carries a header for macOS behind its own, and becomes a program of macOS so. */
function moveMachHeader(folder: string): Line {
  const skip = ['skip=', hole('number', 'loader-macho', 'skip', 64)];
  const count = ['count=', hole('number', 'loader-macho', 'count', 64)];
  return [`${folder}dd`, 'if="$t.$$"', 'of="$t.$$"', skip, count, 'bs=64', 'conv=notrunc', QUIET, OR_EXIT];
}

function compileLoader({ folder }: Spelling): Line[] {
  return [
    ['if', '!', 'type', 'cc', '>/dev/null', '2>&1;', 'then'],
    ['echo', '"$0:', 'please', 'run:', 'xcode-select', '--install"', '>&2'],
    ['exit', '1'],
    FI,
    [`${folder}mkdir`, '-p', LOADER_FOLDER, OR_EXIT],
    [`${folder}dd`, 'if="$o"', ...numbers('apple'), 'bs=1', QUIET, '|', 'gzip', '-dc', '>"$t.c.$$"', OR_EXIT],
    ['mv', '-f', '"$t.c.$$"', '"$t.c"', OR_EXIT],
    ['cc', '-w', '-O', '-o', '"$t.$$"', '"$t.c"', OR_EXIT],
    ['mv', '-f', '"$t.$$"', '"$t"', OR_EXIT],
    START_PROGRAM,
  ];
}
