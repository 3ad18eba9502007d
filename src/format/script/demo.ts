import type { Architecture } from '../anatomy.ts';
import type { Template } from './match.ts';
import { hole, type Line, LOADER_FOLDER, LOADER_PATH, type Role, type Word } from './words.ts';

/** The script that paddock's own builder of demonstrations writes: the same steps in its own words. */
export function demoTemplates(): Template[] {
  return SHAPES.map(([architectures, arm, apple]) => ({
    name: 'paddock demo',
    lines: script(architectures, arm, apple),
    behind: 'nothing',
  }));
}

/** Architectures of the program, whether there is a loader for aarch64, and a source for Apple silicon. */
type Shape = readonly [architectures: readonly Architecture[], arm: boolean, apple: boolean];

const SHAPES: readonly Shape[] = [['x86-64'] as const, ['x86-64', 'aarch64'] as const].flatMap(
  (architectures) =>
    [true, false].flatMap((arm) => [true, false].map((apple): Shape => [architectures, arm, apple])),
);

const MACHINES: Readonly<Record<Architecture, readonly Word[]>> = {
  'x86-64': ['[', '"$m"', '=', 'x86_64', ']', '||', '[', '"$m"', '=', 'amd64'],
  aarch64: ['[', '"$m"', '=', 'aarch64', ']', '||', '[', '"$m"', '=', 'arm64'],
};
const START: readonly Word[] = ['mv', '-f', '"$t.$$"', '"$t"', '&&', 'exec', '"$t"', '"$o"', '"$@"'];
const GIVE_UP: Line = ['exit', '1;', 'fi'];

function script(architectures: readonly Architecture[], arm: boolean, apple: boolean): Line[] {
  const version = { ...hole('version', 'x86-64', 'version'), values: ['1.10'] };
  return [
    [`#'"`],
    ['o=$(command', '-v', '"$0")', '||', 'exit', '120'],
    ['assimilate=no;', '[', 'x"$1"', '=', 'x--assimilate', ']', '&&', 'assimilate=yes'],
    [
      ...['[', '$assimilate', '=', 'no', ']', '&&', 'type', 'ape', '>/dev/null', '2>&1', '&&'],
      ...['exec', 'ape', '"$o"', '"$@"'],
    ],
    [[`${LOADER_PATH}.ape-`, version, '"']],
    ['m=$(uname', '-m)', '||', 'm=x86_64'],
    ['if', '[', '$assimilate', '=', 'yes', '];', 'then'],
    ...architectures.flatMap(writeHeader),
    ['exit', '122;', 'fi'],
    ['[', '-x', '"$t"', ']', '&&', 'exec', '"$t"', '"$o"', '"$@"'],
    ['mkdir', '-p', LOADER_FOLDER, '||', 'exit'],
    ...(apple ? compileLoader() : []),
    ...unpackLoader('x86-64'),
    ...(arm ? unpackLoader('aarch64') : []),
    ['echo', '"$0:', 'no', 'program', 'for', '$m', 'in', 'this', 'file"', '>&2'],
    ['exit', '127'],
  ];
}

function writeHeader(architecture: Architecture): Line[] {
  return [
    ['if', ...MACHINES[architecture], '];', 'then'],
    ['exec', '7<>', '"$o"', '||', 'exit', '121'],
    ['printf', [hole('header', architecture, 'header')], '>&7'],
    ['exec', '7<&-;', 'exit', '0;', 'fi'],
  ];
}

function compileLoader(): Line[] {
  return [
    ['if', '[', '-d', '/Applications', ']', '&&', '{', ...MACHINES.aarch64, '];', '};', 'then'],
    [...extraction('apple'), '>"$t.c.$$"', '||', 'exit'],
    ['cc', '-w', '-O', '-o', '"$t.$$"', '-x', 'c', '"$t.c.$$"', '&&', ...START],
    GIVE_UP,
  ];
}

function unpackLoader(architecture: Architecture): Line[] {
  return [
    ['if', ...MACHINES[architecture], '];', 'then'],
    [...extraction(architecture), '>"$t.$$"', '||', 'exit'],
    ['chmod', '755', '"$t.$$"', '&&', ...START],
    GIVE_UP,
  ];
}

function extraction(role: Role): Word[] {
  const numbers: Word[] = [
    ['skip=', hole('left10', role, 'skip')],
    ['count=', hole('left10', role, 'count')],
  ];
  return ['dd', 'if="$o"', ...numbers, 'bs=1', '2>/dev/null', '|', 'gzip', '-dc'];
}
