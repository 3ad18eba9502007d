import type { GgufFacts } from '../../format/anatomy.ts';
import { compareVersions } from '../../format/gguf-types.ts';
import { escapeText } from '../../lib/text.ts';
import { formatBytes } from '../../lib/units.ts';
import { type CheckId, finding } from '../catalogue.ts';
import { lintTemplate } from '../template/lint.ts';
import { lintUnparsed, parseSpans } from '../template/raw.ts';
import {
  MAX_PARSED_CHARACTERS,
  MAX_TEMPLATE_CHARACTERS,
  type Node,
  parseTemplate,
} from '../template/syntax.ts';
import { addressIn, gatedOrder, invisibleIn } from '../template/text.ts';
import type { Finding } from '../verdict.ts';

const TEMPLATE = /^tokenizer\.chat_template(?:\.|$)/;
const LISTED = 'tokenizer.chat_templates';
/** Releases before this one know some templates by their look and run none. */
const RUNS_TEMPLATES_SINCE = '0.10';
const MOST_TEMPLATES = 32;

/** What may still be parsed of a file's templates. */
export interface TemplateBudget {
  characters: number;
}

/**
 * GGUF-050 to GGUF-054: every chat template of the weights. None is ever run.
 * @param version release of llamafile, if it is known: one that does not run templates makes GGUF-051 a warning
 * @param budget shared by all weights of a file
 */
export async function checkTemplates(
  facts: GgufFacts,
  version?: string,
  budget: TemplateBudget = { characters: MAX_PARSED_CHARACTERS },
): Promise<Finding[]> {
  const { metadata, entries } = facts;
  const keys = [...metadata.keys()].filter((key) => TEMPLATE.test(key));
  const findings: Finding[] = [];
  for (const key of keys.slice(0, MOST_TEMPLATES)) {
    const source = metadata.get(key);
    if (typeof source !== 'string') continue;
    const isLong = source.length > Math.min(MAX_TEMPLATE_CHARACTERS, budget.characters);
    if (!isLong) budget.characters -= source.length;
    findings.push(...(await checkTemplate(key, source, entries.get(key)?.at ?? 0, isLong)));
  }
  if (keys.length > 1 || metadata.has(LISTED)) findings.push(several(facts, keys));
  if (keys.length > MOST_TEMPLATES) {
    const evidence = { expected: `at most ${MOST_TEMPLATES} templates`, found: `${keys.length}` };
    findings.push(
      finding('GGUF-050', { offset: entries.get(keys[MOST_TEMPLATES] ?? '')?.at ?? 0, ...evidence }),
    );
  }
  return findings.map((each) => (each.id === 'GGUF-051' && !runsTemplates(version) ? asWarning(each) : each));
}

async function checkTemplate(
  key: string,
  source: string,
  offset: number,
  isLong: boolean,
): Promise<Finding[]> {
  const make = (id: CheckId, found: string, expected?: string) =>
    finding(id, { offset, found, ...(expected === undefined ? {} : { expected }) }, escapeText(key, 60));
  const program = isLong ? undefined : await parseTemplate(source);
  const judged = program === undefined ? undefined : judge(program);
  const reasons = judged?.reasons ?? (await signs(source, isLong));
  const invisible = invisibleIn(source);
  const address = addressIn(source);
  return [
    ...(reasons.length === 0 ? [] : [make('GGUF-051', reasons.join(', '))]),
    ...(judged?.order === undefined
      ? []
      : [make('GGUF-052', `sentences that are said where a message has “${escapeText(judged.order, 40)}”`)]),
    ...(invisible === undefined ? [] : [make('GGUF-052', `the invisible character ${invisible}`)]),
    ...(address === undefined ? [] : [make('GGUF-053', escapeText(address, 80))]),
    ...(isLong
      ? [make('GGUF-050', formatBytes(source.length), `at most ${formatBytes(MAX_TEMPLATE_CHARACTERS)}`)]
      : []),
    ...(judged === undefined && !isLong
      ? [make('GGUF-054', `${source.length} characters`, 'the syntax of Jinja')]
      : []),
  ];
}

/** What can be said of a template that is not parsed as a whole. */
async function signs(source: string, isLong: boolean): Promise<string[]> {
  const found = lintUnparsed(source);
  if (found.length > 0 || isLong) return found;
  return judge(await parseSpans(source))?.reasons ?? [];
}

function judge(
  program: Node,
): { readonly reasons: string[]; readonly order: string | undefined } | undefined {
  try {
    return { reasons: lintTemplate(program), order: gatedOrder(program) };
  } catch (cause) {
    // An expression of very many parts: as unreadable as one that does not parse.
    if (cause instanceof RangeError) return undefined;
    throw cause;
  }
}

function several({ entries, offset }: GgufFacts, keys: readonly string[]): Finding {
  const listed = entries.get(LISTED) ?? entries.get(keys[0] ?? '');
  const shown = keys.slice(0, 5).map((key) => escapeText(key, 60));
  return finding('GGUF-050a', {
    offset: listed?.at ?? offset,
    found: `${keys.length}: ${shown.join(', ')}${keys.length > shown.length ? ', …' : ''}`,
  });
}

/** A runtime that is not known may be one that does. */
function runsTemplates(version: string | undefined): boolean {
  return version === undefined || compareVersions(version, RUNS_TEMPLATES_SINCE) >= 0;
}

function asWarning(found: Finding): Finding {
  return { ...found, severity: 'warn' };
}
