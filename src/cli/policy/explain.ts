import { closeSync } from 'node:fs';
import { openJudged } from '../../format/open.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { containerVerdict } from '../../policy/container.ts';
import { decide } from '../../policy/decide.ts';
import type { Decision, EffectivePolicy, JudgedRule, Reason } from '../../policy/policy.ts';
import { type Context, EXIT } from '../context.ts';
import { type OpenEngine, openEngine } from '../engine.ts';
import { judgeRuled } from '../facts/ruled.ts';
import { type Judged, type JudgedBy, judgeOpened, naming } from '../judged.ts';
import { policyLayers } from '../policy-layers.ts';
import { gateOf } from '../prepare.ts';
import { argumentsFor, startedBy } from '../program-arguments.ts';
import { paint, toJson } from '../render.ts';
import { flagLayer, type RunFlags } from '../run-flags.ts';
import { writeValues } from './show.ts';

export interface ExplainInput extends RunFlags {
  readonly file: string;
  readonly args: readonly string[];
  readonly json?: boolean;
  readonly policy: readonly string[];
  readonly preset?: string;
  readonly engineRelease?: string;
}

interface Explained {
  readonly decision: Decision;
  /** What the arguments are refused for. */
  readonly refusal?: PaddockError;
  /** What the program would be given. */
  readonly args?: readonly string[];
}

/**
 * `paddock policy explain`: what would become of `paddock run` with this file and these arguments, and why: the decision, the
 * rules that hold, and each value with its origin. Starts nothing. Exit as `run`: 126 when it would refuse, else 0.
 */
export async function run(context: Context, input: ExplainInput): Promise<number> {
  const loaded = await policyLayers(context, {
    files: input.policy,
    preset: input.preset,
    flags: flagLayer(input, context.cwd, context.env),
  });
  const by = startedBy(context, input.args);
  const file = await naming(input.file, () => openJudged(input.file));
  try {
    const { judged, effective } = await naming(input.file, () =>
      judgeRuled(context, {
        path: input.file,
        loaded,
        by,
        judge: (by) => judgeOpened(input.file, file, by),
      }),
    );
    const engine = await engineFor(context, input, judged, effective, by(effective));
    const explained = explain(context, input, judged, effective, engine);
    engine?.opened.close();
    if (input.json === true) context.stdout.write(`${toJson(asJson(input, explained))}\n`);
    else write(context, input, explained);
    return refuses(explained) ? EXIT.refused : EXIT.ok;
  } finally {
    closeSync(file.fd);
  }
}

// A known engine takes the place of the file's own program, and is judged for it.
async function engineFor(
  context: Context,
  { engineRelease }: ExplainInput,
  { verdict }: Judged,
  effective: EffectivePolicy,
  by: JudgedBy,
): Promise<OpenEngine | undefined> {
  if (effective.policy.engine.use === 'own') return undefined;
  return openEngine(context, {
    gate: await gateOf(context, () => {}),
    dryRun: true,
    copy: 'auto',
    verdict,
    ...(engineRelease === undefined ? {} : { name: engineRelease }),
    by,
    quiet: true,
  });
}

function explain(
  context: Context,
  { args }: ExplainInput,
  judged: Judged,
  effective: EffectivePolicy,
  engine: OpenEngine | undefined,
): Explained {
  const running = engine?.judged.verdict ?? judged.verdict;
  const verdict = engine === undefined ? judged.verdict : containerVerdict(judged.verdict, running);
  const decision = decide({ effective, verdict });
  try {
    return { decision, args: argumentsFor(context, args, judged, effective, { by: running }).args };
  } catch (cause) {
    if (!(cause instanceof PaddockError)) throw cause;
    return { decision, refusal: cause };
  }
}

function refuses({ decision, refusal }: Explained): boolean {
  return decision.outcome === 'refuse' || refusal !== undefined;
}

function asJson(input: ExplainInput, { decision, refusal, args }: Explained): unknown {
  const { effective, verdict, ...said } = decision;
  return {
    schema: 'paddock/policy-explain/v1',
    file: input.file,
    verdict: { standing: verdict.standing, tier: verdict.tier, release: verdict.release },
    decision: said,
    ...(refusal === undefined
      ? { args }
      : { refusal: { message: refusal.message, ...refusal.detail, cause: undefined } }),
    policy: effective.policy,
    origins: Object.fromEntries(effective.origins),
    rejected: effective.rejected,
    rules: effective.rules,
    digest: effective.digest,
  };
}

function write(context: Context, input: ExplainInput, explained: Explained): void {
  const colors = paint(context, 'stdout');
  const { decision, refusal } = explained;
  const { effective, verdict } = decision;
  const line = (text: string): void => context.stdout.write(`${text}\n`);
  const name = escapeText(input.file, 200);
  line(refuses(explained) ? colors.red(`${name} would be refused`) : colors.green(`${name} would run`));
  const release = verdict.release === undefined ? '' : `, ${escapeText(verdict.release, 80)}`;
  line(`  it is of tier ${verdict.tier}, ${verdict.standing}${release}`);
  const reasons = decision.outcome === 'refuse' ? decision.reasons : decision.warnings;
  for (const reason of reasons)
    writeReason(line, reason, decision.outcome === 'refuse' ? 'refused' : 'warning');
  if (refusal !== undefined) line(indented(`refused  ${refusal.explain()}`));
  for (const { id, from, to, reason } of decision.lowered)
    line(`  lowered  ${id} from ${from} to ${to}: ${escapeText(reason, 300)}`);
  for (const rule of effective.rules) line(`  rule     ${ruleText(rule)}`);
  if (explained.args !== undefined)
    line(`  given    ${explained.args.map((word) => escapeText(word, 80)).join(' ') || 'no arguments'}`);
  line('');
  writeValues(context, effective);
}

function writeReason(
  line: (text: string) => void,
  { id, message, remedy, origin }: Reason,
  word: string,
): void {
  line(`  ${word.padEnd(9)}${message} [${id}]`);
  if (origin !== undefined)
    line(
      `           at: ${escapeText(origin.layer, 200)}${origin.line === undefined ? '' : `:${origin.line}`}`,
    );
  if (remedy !== '') line(`           to do: ${remedy}`);
}

function ruleText({ name, state, refuse, error, origin }: JudgedRule): string {
  const what =
    state === 'failed'
      ? `failed: ${error ?? ''}`
      : state === 'held'
        ? `holds${refuse === undefined ? '' : `, and refuses: ${refuse}`}`
        : 'does not hold';
  const place = origin.line === undefined ? origin.layer : `${origin.layer}:${origin.line}`;
  return `"${escapeText(name, 80)}" ${escapeText(what, 300)} (${escapeText(place, 120)})`;
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((part, index) => (index === 0 ? `  ${part}` : `         ${part}`))
    .join('\n');
}
