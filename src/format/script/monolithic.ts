import type { Template } from './match.ts';
import { hole, type Line, LOADER_FOLDER, LOADER_PATH, type Role, type Word } from './words.ts';

/** The emulator that could be linked in; none is here. */
const BLINK = { ...hole('version', 'x86-64', 'version'), values: ['0.9.2', '1.0.0'] };

/**
 * The scripts of programs that were linked in one piece (ape/ape.S of cosmopolitan): for x86-64 alone, with a loader that is
 * not compressed, and behind the last line whatever the linker put there.
 */
export function monolithicTemplates(): Template[] {
  return FORMS.map((form) => ({
    name: `ape.S, ${form.name}`,
    lines: [[`#'"`], ...(form.versions === undefined ? untold(form) : told(form))],
    behind: form.otherwise === REST_IS_DOCUMENT ? 'document' : 'anything',
  }));
}

/** What such a script goes on with behind its document: machines other than x86-64 get here. */
export const BEHIND_DOCUMENT: Template = {
  name: 'ape.S, behind the document',
  lines: [
    [`#'"`],
    ['s="$(uname', '-s)"'],
    ['o="$(command', '-v', '"$0")"'],
    [[`e=${LOADER_PATH.slice(2)}.ape-blink-`, BLINK, '"']],
    ['echo', '"$0:', 'this', 'ape', 'binary', 'lacks', '$m', 'support"', '>&2'],
    ['exit', '127'],
  ],
  behind: 'anything',
};

interface Form {
  readonly name: string;
  /** APE versions that name their loader so; the oldest do not tell. */
  readonly versions?: readonly string[];
  readonly machine: readonly Word[];
  readonly folder: '' | '/bin/';
  readonly kind: 'left8' | 'right8';
  /** What a machine of another kind comes to. */
  readonly otherwise: readonly Line[];
}

/** The shell takes what follows for a document. */
const REST_IS_DOCUMENT: readonly Line[] = [[`PHDRS=''`, `<<'@'`]];
const COMPLAIN: readonly Line[] = [
  ['echo', 'error:', 'this', 'ape', 'binary', 'only', 'supports', 'x86_64', '>&2'],
  ['exit', '1'],
];
const ABSOLUTE: readonly Word[] = [
  ...['m=$(/bin/uname', '-m', '2>/dev/null)', '||'],
  ...['m=$(/usr/bin/uname', '-m', '2>/dev/null)', '||', 'm=x86_64'],
];
const QUOTED: readonly Word[] = ['m="$(uname', '-m)"'];
const FALLBACK: readonly Word[] = ['m=$(uname', '-m', '2>/dev/null)', '||', 'm=x86_64'];

const FORMS: readonly Form[] = [
  { name: '2022', machine: [], folder: '', kind: 'right8', otherwise: [] },
  { name: '2022, later', machine: [], folder: '', kind: 'left8', otherwise: [] },
  {
    name: '2023',
    versions: ['1.3', '1.4', '1.5', '1.6', '1.7', '1.8', '1.9'],
    machine: QUOTED,
    folder: '',
    kind: 'left8',
    otherwise: REST_IS_DOCUMENT,
  },
  {
    name: 'end of 2023',
    versions: ['1.9', '1.10'],
    machine: ABSOLUTE,
    folder: '/bin/',
    kind: 'left8',
    otherwise: REST_IS_DOCUMENT,
  },
  {
    name: '2024 and later',
    versions: ['1.10'],
    machine: FALLBACK,
    folder: '',
    kind: 'left8',
    otherwise: COMPLAIN,
  },
];

const OWN_PATH: Line = ['o="$(command', '-v', '"$0")"'];
const UNLESS_ASSIMILATE: readonly Word[] = ['[', 'x"$1"', '!=', 'x--assimilate', ']'];
const START: Line = ['exec', '"$o"', '"$@"'];
const END: Line = ['}'];

/** The form of 2022: on machines other than x86-64 it looks for an emulator at the end. */
function untold(form: Form): Line[] {
  return [
    ...common(form, [`${LOADER_PATH}.ape"`], [6, 10]),
    ['R=$?'],
    ['if', '[', '"$(uname', '-m)"', '!=', 'x86_64', '];', 'then'],
    ['Q="$(command', '-v', 'qemu-x86_64)"', '&&'],
    ['exec', '"$Q"', '"$o"', '"$@"'],
    ['fi'],
    ['exit', '$R'],
  ];
}

function told(form: Form): Line[] {
  const version = { ...hole('version', 'x86-64', 'version'), values: form.versions ?? [] };
  return [
    form.machine,
    ['if', '[', '"$m"', '=', 'x86_64', ']', '||', '[', '"$m"', '=', 'amd64', '];', 'then'],
    ...common(form, [[`${LOADER_PATH}.ape-`, version, '"']], [5, 8]),
    ['exit', '$?'],
    ['fi'],
    ...form.otherwise,
  ];
}

function common(form: Form, loaderPath: Line, mach: readonly [skip: number, count: number]): Line[] {
  const { folder } = form;
  return [
    OWN_PATH,
    [...UNLESS_ASSIMILATE, '&&', 'type', 'ape', '>/dev/null', '2>&1', '&&', 'exec', 'ape', '"$o"', '"$@"'],
    [...UNLESS_ASSIMILATE, '&&', '{'],
    loaderPath,
    ...unpackLoader(form, mach),
    ['exec', '"$t"', '"$o"', '"$@"'],
    END,
    [`${LOADER_PATH}$0"`],
    [...UNLESS_ASSIMILATE, '||', '[', '!', '-e', '"$t"', ']', '&&', '{'],
    [...UNLESS_ASSIMILATE, '&&', '{'],
    [`${folder}mkdir`, '-p', LOADER_FOLDER, '2>/dev/null'],
    [`${folder}cp`, '-f', '"$o"', '"$t.$$"', '&&'],
    [`${folder}mv`, '-f', '"$t.$$"', '"$t"', '||', 'exit', '120'],
    ['o="$t"'],
    END,
    ...writeHeader(form),
    ['[', 'x"$1"', '=', 'x--assimilate', ']', '&&', 'exit', '0'],
    END,
    ['o="$t"'],
    START,
  ];
}

function unpackLoader(form: Form, [skip, count]: readonly [number, number]): Line[] {
  const { folder } = form;
  return [
    ['[', '-x', '"$t"', ']', '||', '{'],
    [`${folder}mkdir`, '-p', LOADER_FOLDER, '&&'],
    [
      ...[`${folder}dd`, 'if="$o"', 'of="$t.$$"', ...numbers(form, 'x86-64', 64)],
      ...['bs=64', '2>/dev/null'],
    ],
    [
      ...['[', '-d', '/Applications', ']', '&&', `${folder}dd`, 'if="$t.$$"', 'of="$t.$$"'],
      ...[`skip=${skip}`, `count=${count}`, 'bs=64', 'conv=notrunc', '2>/dev/null'],
    ],
    [`${folder}chmod`, '755', '"$t.$$"'],
    [`${folder}mv`, '-f', '"$t.$$"', '"$t"'],
    END,
  ];
}

function writeHeader(form: Form): Line[] {
  return [
    ['exec', '7<>', '"$o"', '||', 'exit', '121'],
    ['printf', [hole('header', 'x86-64', 'header')], '>&7'],
    ['exec', '7<&-'],
    [
      ...['[', '-d', '/Applications', ']', '&&', `${form.folder}dd`, 'if="$o"', 'of="$o"', 'bs=8'],
      ...[...numbers(form, 'macho', 8), 'conv=notrunc', '2>/dev/null'],
    ],
  ];
}

function numbers({ kind }: Form, role: Role, unit: number): Word[] {
  return [
    ['skip=', hole(kind, role, 'skip', unit)],
    ['count=', hole(kind, role, 'count', unit)],
  ];
}
