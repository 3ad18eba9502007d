import type { Checks } from '../../integrity/catalogue/check.ts';
import { CATALOGUE } from '../../integrity/catalogue.ts';
import type { Severity } from '../../integrity/verdict.ts';
import { escapeText } from '../../lib/text.ts';
import { formatBytes } from '../../lib/units.ts';
import { OTHER_RULES } from '../../report/other-rules.ts';
import { type Outcome, ownReasons, type Word, wordOf } from '../../report/outcome.ts';
import { SEVERITY_WORD, table, wrap } from '../render.ts';
import { counted, painted, type Style } from './text.ts';
import type { Walked } from './walk.ts';

/** Many files at a glance: a row for each, worst first; then what the ids in it mean, and the sum. Paths are never cut. */
export function summaryText(outcomes: readonly Outcome[], style: Style): string {
  const order = [...outcomes].sort((a, b) => RANK[wordOf(b)] - RANK[wordOf(a)]);
  const rows = order.map((outcome) => {
    const worst = worstOf(outcome);
    return [
      painted(wordOf(outcome), style),
      'facts' in outcome ? formatBytes(outcome.facts.summary.size) : '',
      worst === undefined
        ? ''
        : `${worst.severity === undefined ? '' : `${SEVERITY_WORD[worst.severity]} `}${worst.id}`,
      escapeText(outcome.path, 4096),
    ];
  });
  const head = ['verdict', 'size', 'worst', 'file'].map((word) => style.colors.dim(word));
  const legend = meanings(order, style);
  return [table([head, ...rows], [1]), ...(legend === '' ? [] : [legend]), sum(outcomes)].join('\n\n');
}

const RANK: Readonly<Record<Word, number>> = { PASS: 0, REFUSED: 2, INCOMPLETE: 1, 'NOT JUDGED': 3, FAIL: 4 };

interface Worst {
  readonly id: string;
  readonly severity?: Severity;
  /** What to say of it where the catalogue has nothing. */
  readonly says: string;
}

function worstOf(outcome: Outcome): Worst | undefined {
  if ('failure' in outcome) {
    const { code, message, detail } = outcome.failure;
    return { id: detail.check ?? code, says: OTHER_RULES[code]?.title ?? message };
  }
  const [finding] = outcome.facts.verdict.findings;
  if (finding?.severity === 'deny') return { id: finding.id, severity: 'deny', says: finding.title };
  const [reason] = ownReasons(outcome);
  if (reason !== undefined)
    return { id: reason.id, severity: 'deny', says: OTHER_RULES[reason.id]?.title ?? reason.message };
  return finding === undefined
    ? undefined
    : { id: finding.id, severity: finding.severity, says: finding.title };
}

function meanings(outcomes: readonly Outcome[], style: Style): string {
  const seen = new Map<string, string>();
  for (const worst of outcomes.map(worstOf)) {
    if (worst === undefined || seen.has(worst.id)) continue;
    seen.set(worst.id, (CATALOGUE as Checks)[worst.id]?.title ?? worst.says);
  }
  const columns = Math.max(0, ...[...seen.keys()].map((id) => id.length)) + 2;
  return [...seen]
    .map(([id, says]) => wrap(says, style.width, id.padEnd(columns), ' '.repeat(columns)))
    .join('\n');
}

function sum(outcomes: readonly Outcome[]): string {
  const words: readonly Word[] = ['FAIL', 'NOT JUDGED', 'REFUSED', 'INCOMPLETE', 'PASS'];
  const counts = words.flatMap((word) => {
    const count = outcomes.filter((outcome) => wordOf(outcome) === word).length;
    return count === 0 ? [] : [`${count} ${word}`];
  });
  return `${counted(outcomes.length, 'file')}: ${counts.join(', ')}`;
}

/** What a folder held beside its llamafiles. */
export function walkedText({ root, files, others, links, special, cut }: Walked): string {
  const passed = [
    ...(others > 0 ? [`${counted(others, 'other file')} passed over`] : []),
    ...(links > 0 ? [`${counted(links, 'symbolic link')} not followed`] : []),
    ...(special > 0 ? [`${special} that ${special === 1 ? 'is' : 'are'} neither file nor folder`] : []),
  ];
  const what = files.length === 0 ? 'no llamafile in it' : counted(files.length, 'llamafile');
  return [
    `${escapeText(root, 4096)}: ${[what, ...passed].join(', ')}`,
    ...(cut ? ['  it holds more than paddock looks at in one go: name folders further down'] : []),
  ].join('\n');
}
