import { BOUNDARIES, OBSERVATIONS } from './boundary.ts';
import {
  type Closure,
  type Holding,
  holding,
  MATRIX,
  type MatrixFacts,
  NEWEST_ABI,
  sinceAbi,
  type Way,
  words,
} from './matrix.ts';
import type { Answer } from './operations.ts';
import { ENOSYS, type Rule } from './rules/rule.ts';
import { RULES } from './seccomp-rules.ts';

/** The text of docs/fence.md, from the tables that the fence is made of. */
export function fencePage(): string {
  return `${[...introduction(), ...matrix(), ...lackings(), ...ways(), ...boundaries(), ...calls()].join('\n')}\n`;
}

const WHOLE: MatrixFacts = { landlockAbi: NEWEST_ABI, seccomp: true, supervisor: true, namespaces: false };
const ABI_COLUMNS = Array.from({ length: NEWEST_ABI }, (_, index) => index + 1);

function introduction(): string[] {
  return [
    '# The fence',
    '',
    'This page is made from the tables in `src/launch` (`matrix.ts`, `boundary.ts`, `rules/`), the same from which `paddock run`',
    'plans, refuses and `paddock doctor` speaks. A test keeps it equal to them.',
    '',
  ];
}

function matrix(): string[] {
  return [
    '## What holds what',
    '',
    `Columns are Landlock’s ABIs; \`paddock doctor\` says which one a host has. The first name decides; what stands behind *over* lies beneath`,
    'it. The table is for a host with seccomp and its notification, and without namespaces of the session’s own.',
    '',
    row(['What a model must not get past', ...ABI_COLUMNS.map(String)]),
    row(['---', ...ABI_COLUMNS.map(() => '---')]),
    ...MATRIX.map((closure) =>
      row([closure.what, ...ABI_COLUMNS.map((landlockAbi) => cell(closure, { ...WHOLE, landlockAbi }))]),
    ),
    '',
  ];
}

/** Hosts that lack a whole mechanism. */
const POOR_HOSTS: readonly { readonly name: string; readonly facts: MatrixFacts }[] = [
  { name: 'no Landlock', facts: { ...WHOLE, landlockAbi: 0 } },
  { name: 'no supervisor, ABI 7', facts: { ...WHOLE, supervisor: false } },
  { name: 'no supervisor, ABI 5', facts: { ...WHOLE, supervisor: false, landlockAbi: 5 } },
  {
    name: 'the same, in a process namespace',
    facts: { ...WHOLE, supervisor: false, landlockAbi: 5, namespaces: true },
  },
  { name: 'no seccomp', facts: { ...WHOLE, seccomp: false, supervisor: false } },
];

function lackings(): string[] {
  return [
    '## Where a mechanism is missing',
    '',
    '*Refused* means that `paddock run` starts nothing, whatever the policy requires, unless it is told `--allow-degraded`; what concerns',
    'listening is refused only where the program is to listen.',
    '',
    row(['What a model must not get past', ...POOR_HOSTS.map(({ name }) => name)]),
    row(['---', ...POOR_HOSTS.map(() => '---')]),
    ...MATRIX.map((closure) => row([closure.what, ...POOR_HOSTS.map(({ facts }) => cell(closure, facts))])),
    '',
  ];
}

function cell(closure: Closure, facts: MatrixFacts): string {
  const held = holding(closure, facts);
  return held === undefined ? '**refused**' : describe(held);
}

function describe({ way, beneath }: Holding): string {
  const under = beneath.filter(({ by }) => !by.every((mechanism) => way.by.includes(mechanism)));
  const over = under.length === 0 ? '' : ` over ${under.map(({ by }) => words(by)).join(', ')}`;
  return words(way.by) + over;
}

function ways(): string[] {
  return [
    '## How',
    '',
    ...MATRIX.flatMap(({ what, ways, beneath }) => [
      `- **${what}**`,
      ...ways.map((way) => `  - ${words(way.by)}${since(way)}: ${way.how}`),
      ...(beneath ?? []).map((way) => `  - beneath, ${words(way.by)}${since(way)}: ${way.how}`),
    ]),
    '',
  ];
}

function since({ right }: Way): string {
  return right === undefined ? '' : ` (ABI ${sinceAbi(right)}+)`;
}

function boundaries(): string[] {
  return [
    '## What is a boundary',
    '',
    row(['Boundary', 'Mechanism', 'Where the host lacks it']),
    row(['---', '---', '---']),
    ...BOUNDARIES.map(({ what, how, lacking }) => row([what, how, lacking])),
    '',
    '## What is observation, not a boundary',
    '',
    row(['What', 'Why']),
    row(['---', '---']),
    ...OBSERVATIONS.map(({ what, why }) => row([what, why])),
    '',
  ];
}

/** What a rule is, by its answer. */
const KINDS: Readonly<Record<Answer, string>> = {
  deny: 'boundary: refused on register values',
  connect: 'boundary: done by the gate on its own duplicate, to addresses of the plan',
  bind: 'boundary: done by the gate on its own duplicate',
  listen: 'boundary: done by the gate on its own duplicate',
  process: 'boundary: decided by the gate on register values',
  'exec-once': 'boundary: the first is the start, all others are refused',
  exec: 'observation: Landlock decides',
  map: 'boundary after ready, where the policy closes it: refused on register values; observation before',
  open: 'observation: Landlock decides; after ready, where the policy closes writing, files are opened by the gate',
  continue: 'observation: Landlock decides, or what the matrix says for its ABI',
};

function calls(): string[] {
  return [
    '## Every call that a rule names',
    '',
    'The first rule of a call that holds decides; conditions look at registers only. A call that no rule names is allowed, and left to',
    'Landlock, the limits and the missing privileges. Numbers that are newer than these rules are answered with ENOSYS.',
    '',
    row(['Calls', 'Condition', 'What it is', 'Why']),
    row(['---', '---', '---', '---']),
    ...RULES.map((rule) =>
      row([rule.calls.map((name) => `\`${name}\``).join(' '), condition(rule), kind(rule), rule.why]),
    ),
    '',
  ];
}

function kind(rule: Rule): string {
  if (rule.silent === true && rule.errno === 0) return 'boundary: seems to work, and is not done; unreported';
  if (rule.silent === true) return 'boundary: refused by the filter itself, unreported';
  if (rule.answer === 'deny' && rule.errno === ENOSYS) return 'boundary: answered as unknown';
  return KINDS[rule.answer];
}

function condition({ when, unless, applies }: Rule): string {
  const parts = [
    ...(applies === undefined ? [] : ['in some plans']),
    ...(when === undefined ? [] : ['by its arguments']),
    ...(unless === undefined ? [] : ['but for some arguments']),
  ];
  return parts.length === 0 ? 'always' : parts.join(', ');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
}
