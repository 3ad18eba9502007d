import type { Check, Checks } from '../../integrity/catalogue/check.ts';
import { CATALOGUE } from '../../integrity/catalogue.ts';
import type { Finding, Severity, Verdict } from '../../integrity/verdict.ts';
import { escapeText } from '../../lib/text.ts';
import { formatBytes } from '../../lib/units.ts';
import type { Reason } from '../../policy/policy.ts';
import { OTHER_RULES } from '../../report/other-rules.ts';
import {
  type Failure,
  type FileFacts,
  type Outcome,
  ownReasons,
  type Word,
  wordOf,
} from '../../report/outcome.ts';
import { type Paint, SEVERITY_WORD, wrap } from '../render.ts';

/** How a text is set: its colours, and the columns that it may use. */
export interface Style {
  readonly colors: Paint;
  readonly width: number;
}

/** Findings of one check that are shown one by one; the rest are counted. */
const SHOWN_OF_CHECK = 3;
const INDENT = ' '.repeat(6);
/** Behind "expected ", the longest of the words before a colon-less line. */
const LABEL_COLUMNS = 10;

/** One file for a person: the verdict, what the file is, then what is wrong, why it matters and what to do, worst first. */
export function fileText(outcome: Outcome, style: Style): string {
  const name = style.colors.bold(escapeText(outcome.path, 4096));
  if ('failure' in outcome) return `${name}\n${failureText(outcome.failure, wordOf(outcome), style)}`;
  const { facts } = outcome;
  const word = wordOf(outcome);
  const head = wrap(standing(facts.verdict), style.width, `${painted(word, style)}  `, INDENT);
  return [
    `${name}\n${head}`,
    ...factLines(facts).map(([label, text]) =>
      wrap(text, style.width, `  ${label.padEnd(9)}`, ' '.repeat(11)),
    ),
    ...ownReasons(outcome).map((reason) => `\n${reasonText(reason, style)}`),
    ...byCheck(facts.verdict.findings).map((group) => `\n${groupText(group, style)}`),
  ].join('\n');
}

/** The word in its colour. */
export function painted(word: Word, { colors }: Style): string {
  if (word === 'PASS') return colors.green(word);
  return word === 'INCOMPLETE' || word === 'NOT JUDGED' ? colors.yellow(word) : colors.red(word);
}

function standing(verdict: Verdict): string {
  const { standing: is, tier, release } = verdict;
  const name = escapeText(release ?? 'a release', 80);
  switch (is) {
    case 'release':
      return `tier ${tier}: the runtime is ${name}, ${tier === 'A' ? 'byte for byte' : formOf(verdict)}`;
    case 'tampered':
      return `tampered with: made from ${name}, and ${changes(verdict)}`;
    case 'unknown':
      return `tier ${tier}: the runtime is not a release that paddock knows`;
  }
}

function formOf({ form }: Verdict): string {
  return form === 'assimilated'
    ? 'part for part; the file is assimilated: an ELF header lies over its first bytes'
    : 'part for part; the file was repacked';
}

function changes({ components = [] }: Verdict): string {
  const [first, ...others] = components;
  if (first === undefined) return 'changed';
  const more = others.length === 0 ? '' : ` and ${counted(others.length, 'more component')}`;
  return `not any more in ${first.component}${more}`;
}

/** A statement about the support files alone: docs/baselines.md. */
function resemblance({
  releases,
  equal,
  total,
  differing,
}: NonNullable<Verdict['resembles']>): [string, string] {
  const names = releases.map((version) => `llamafile ${version}`).join(' or ');
  const [first, ...others] = differing;
  const rest = others.length === 0 ? '' : ` and ${counted(others.length, 'other')}`;
  const odd = first === undefined ? '' : `; not its: ${first}${rest}`;
  return ['support', `${equal} of ${total} support files are those of ${names}${odd}`];
}

function factLines({ summary, models, verdict, digests }: FileFacts): [label: string, text: string][] {
  const { form, size, architectures, members, generations, unaccountedBytes } = summary;
  const { loader } = verdict;
  const known = loader?.known === undefined ? 'unknown' : `known: ${loader.known.origin}`;
  return [
    ['file', `${form === 'ape' ? 'APE' : 'ELF'} for ${architectures.join(' and ')}, ${formatBytes(size)}`],
    ...(loader === undefined ? [] : [['loader', known] as [string, string]]),
    ...(verdict.resembles === undefined ? [] : [resemblance(verdict.resembles)]),
    ['archive', `${counted(members, 'member')}, ${counted(generations, 'generation')}`],
    ...signed(verdict).map((text): [string, string] => ['signed', text]),
    ...models.slice(0, 1).map((model): [string, string] => ['model', modelText(model, models.length - 1)]),
    [
      'bytes',
      unaccountedBytes === 0
        ? 'every byte accounted for'
        : `${formatBytes(unaccountedBytes)} not accounted for`,
    ],
    ...digestLines(digests),
  ];
}

function digestLines({ sha256, tree }: NonNullable<FileFacts['digests']> = {}): [string, string][] {
  return [
    ...(sha256 === undefined ? [] : [['SHA-256', sha256] as [string, string]]),
    ...(tree === undefined ? [] : [['tree', `${tree} (docs/digests.md)`] as [string, string]]),
  ];
}

const MAX_SIGNATURES = 3;

// Those that count, and those that are wrong, are findings. These say nothing either way.
function signed({ signatures = [], approvals = [] }: Verdict): string[] {
  const open = [...signatures, ...approvals].filter(({ state }) => state === 'untrusted');
  const shown = open.slice(0, MAX_SIGNATURES).map(({ file, method, signer, reason }) => {
    const by = signer === undefined ? '' : ` by ${signer}`;
    return `${file}: ${method}${by}, not trusted${reason === undefined ? '' : `: ${reason}`}`;
  });
  return open.length > shown.length ? [...shown, `and ${open.length - shown.length} more`] : shown;
}

function modelText(model: FileFacts['models'][number], others: number): string {
  const { name, member, architecture, parameterCount, quantisation } = model;
  return [
    `${escapeText(name ?? member ?? 'unnamed', 60)}: ${escapeText(architecture ?? 'unknown architecture', 30)}`,
    `${parameterCount} parameters`,
    ...(quantisation === undefined ? [] : [`mostly ${quantisation}`]),
    ...(others > 0 ? [`and ${counted(others, 'more model')}`] : []),
  ].join(', ');
}

/** "1 file", "2 files". */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The findings of each check together, in the order in which the checks come first. */
function byCheck(findings: readonly Finding[]): Finding[][] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.id);
    if (group === undefined) groups.set(finding.id, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

function groupText(group: readonly Finding[], style: Style): string {
  const [first] = group;
  if (first === undefined) return '';
  const { id, severity, title, remedy } = first;
  const untold = group.reduce((sum, { more = 0 }) => sum + more, 0);
  const rest = group.length - SHOWN_OF_CHECK + untold;
  const others = group.slice(1, SHOWN_OF_CHECK).map((finding) => {
    const { offset } = finding.evidence;
    const place = offset === undefined ? '' : `, at byte ${offset} (0x${offset.toString(16)})`;
    return labelled('also', `${detailOf(finding)}${place}`, style);
  });
  return [
    headLine(severity, id, title, style),
    ...evidence(first, style),
    ...others,
    ...(rest > 0
      ? [
          labelled(
            'also',
            `${rest} more of ${id}${untold === 0 ? ', which' : `; ${group.length - SHOWN_OF_CHECK} of them`} \`--json\` shows`,
            style,
          ),
        ]
      : []),
    // What is only to be known needs no reason.
    ...advice(severity === 'info' ? undefined : (CATALOGUE as Checks)[id], remedy, style),
  ].join('\n');
}

// Titles of findings are that of the check and, behind a colon, what is particular to this one.
function detailOf({ id, title }: Finding): string {
  const common = (CATALOGUE as Checks)[id]?.title;
  return common !== undefined && title.startsWith(`${common}: `) ? title.slice(common.length + 2) : title;
}

function evidence(
  { evidence: { offset, length, expected, found } }: Pick<Finding, 'evidence'>,
  style: Style,
): string[] {
  const size = length === undefined ? '' : `, ${counted(length, 'byte')}`;
  return [
    ...(offset === undefined
      ? []
      : [labelled('at', `byte ${offset} (0x${offset.toString(16)})${size}`, style)]),
    ...(expected === undefined ? [] : [labelled('expected', expected, style)]),
    ...(found === undefined ? [] : [labelled('found', found, style)]),
  ];
}

function advice(
  check: Partial<Pick<Check, 'why'>> | undefined,
  remedy: string | undefined,
  style: Style,
): string[] {
  return [
    ...(check?.why === undefined ? [] : [labelled('why', check.why, style)]),
    ...(remedy === undefined ? [] : [labelled('to do', remedy, style)]),
  ];
}

function headLine(severity: Severity, id: string, title: string, style: Style): string {
  const { colors } = style;
  const color = severity === 'deny' ? colors.red : severity === 'warn' ? colors.yellow : colors.dim;
  return wrap(title, style.width, `${color(SEVERITY_WORD[severity])}  ${colors.bold(id)}  `, INDENT);
}

function labelled(label: string, text: string, { colors, width }: Style): string {
  const first = `${INDENT}${colors.dim(label.padEnd(LABEL_COLUMNS))}`;
  return wrap(text, width, first, INDENT + ' '.repeat(LABEL_COLUMNS));
}

function failureText({ message, detail }: Failure, word: Word, style: Style): string {
  const { check, where, offset, expected, found, remedy } = detail;
  const head = check === undefined ? '' : `${style.colors.bold(check)}  `;
  return [
    wrap(message, style.width, `${painted(word, style)}  ${head}`, INDENT),
    ...(where === undefined ? [] : [labelled('at', where, style)]),
    ...evidence({ evidence: definedOf({ offset, expected, found }) }, style),
    ...advice(check === undefined ? undefined : (CATALOGUE as Checks)[check], remedy, style),
  ].join('\n');
}

function definedOf(
  evidence: {
    readonly [Key in keyof Finding['evidence']]: Finding['evidence'][Key] | undefined;
  },
): Finding['evidence'] {
  return Object.fromEntries(Object.entries(evidence).filter(([, value]) => value !== undefined));
}

function reasonText({ id, message, remedy, origin }: Reason, style: Style): string {
  const line = origin?.line === undefined ? '' : `:${origin.line}`;
  return [
    wrap(message, style.width, `${style.colors.red('DENY')}  ${style.colors.bold(id)}  `, INDENT),
    ...(origin === undefined ? [] : [labelled('says', `${escapeText(origin.layer)}${line}`, style)]),
    ...advice(OTHER_RULES[id], remedy, style),
  ].join('\n');
}
