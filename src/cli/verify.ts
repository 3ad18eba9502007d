import { closeSync } from 'node:fs';
import { summarise } from '../format/summary.ts';
import type { Finding, Verdict } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { formatBytes } from '../lib/units.ts';
import { decide } from '../policy/decide.ts';
import type { Decision, EffectivePolicy } from '../policy/policy.ts';
import { type Context, EXIT } from './context.ts';
import { type Judged, judgeFile } from './judged.ts';
import { effectivePolicy } from './policy-layers.ts';
import { paint, SEVERITY_WORD, toJson, wrap } from './render.ts';

export interface VerifyInput {
  readonly paths: readonly string[];
  readonly json?: boolean;
  readonly policy: readonly string[];
  readonly preset?: string;
}

type Outcome =
  | { readonly path: string; readonly judged: Judged; readonly decision: Decision }
  | { readonly path: string; readonly error: PaddockError };

/** `paddock verify`: judges files without running them. Returns the worst exit code of all. */
export async function run(context: Context, input: VerifyInput): Promise<number> {
  const effective = effectivePolicy(context, { files: input.policy, preset: input.preset });
  const outcomes: Outcome[] = [];
  for (const path of input.paths) outcomes.push(await outcomeOf(path, effective));
  if (input.json === true) {
    context.stdout.write(`${toJson({ schema: 'paddock/verify/v1', files: outcomes.map(asJson) })}\n`);
  } else {
    context.stdout.write(`${outcomes.map((outcome) => describe(context, outcome)).join('\n\n')}\n`);
  }
  return Math.max(...outcomes.map(exitOf));
}

async function outcomeOf(path: string, effective: EffectivePolicy): Promise<Outcome> {
  try {
    const judged = await judgeFile(path);
    closeSync(judged.file.fd);
    const decision = decide({ effective, verdict: judged.verdict });
    return { path, judged: { ...judged, verdict: decision.verdict }, decision };
  } catch (cause) {
    if (cause instanceof PaddockError) return { path, error: cause };
    throw cause;
  }
}

/** Malformed files failed the judgement; for the others there was none. */
function exitOf(outcome: Outcome): number {
  if ('error' in outcome) return outcome.error.code === 'malformed' ? EXIT.integrity : EXIT.incomplete;
  const { verdict } = outcome.judged;
  if (verdict.standing === 'tampered') return EXIT.integrity;
  return outcome.decision.outcome === 'refuse' ? EXIT.policy : EXIT.ok;
}

function asJson(outcome: Outcome): unknown {
  const { path } = outcome;
  if ('error' in outcome) {
    const { code, message, detail } = outcome.error;
    const { cause: _, ...rest } = detail;
    return { path, exit: exitOf(outcome), error: { code, message, ...rest } };
  }
  const { judged, decision } = outcome;
  return {
    path,
    exit: exitOf(outcome),
    verdict: judged.verdict,
    decision: {
      outcome: decision.outcome,
      reasons: decision.outcome === 'refuse' ? decision.reasons : decision.warnings,
    },
    anatomy: summarise(judged.anatomy),
  };
}

function describe(context: Context, outcome: Outcome): string {
  const colors = paint(context, 'stdout');
  const name = colors.bold(escapeText(outcome.path, 120));
  if ('error' in outcome) {
    const word = outcome.error.code === 'malformed' ? 'FAIL' : 'NOT JUDGED';
    return `${name}\n${colors.red(word)}  ${outcome.error.explain()}`;
  }
  const { verdict } = outcome.judged;
  const refused = outcome.decision.outcome === 'refuse';
  const word = refused ? colors.red('REFUSED') : colors.green('PASS');
  return [
    `${name}\n${word}  ${standing(verdict)}`,
    ...facts(outcome.judged).map((line) => wrap(line, widthOf(context), '', '           ')),
    ...verdict.findings.map((finding) => `\n${describeFinding(context, finding)}`),
    ...(outcome.decision.outcome === 'refuse' ? ['', ...reasons(context, outcome.decision)] : []),
  ].join('\n');
}

function standing(verdict: Verdict): string {
  switch (verdict.standing) {
    case 'release':
      return `tier ${verdict.tier}: the runtime is ${verdict.release}, byte for byte`;
    case 'tampered':
      return `tampered with: parts of it are ${verdict.release}, parts were replaced`;
    case 'unknown':
      return `tier ${verdict.tier}: the runtime is not a published release that paddock knows`;
  }
}

function facts({ anatomy, verdict }: Judged): string[] {
  const { form, size, architectures, members, generations, models, unaccountedBytes } = summarise(anatomy);
  const model = anatomy.models[0];
  const loader = verdict.loader;
  return [
    `  file     ${form === 'ape' ? 'APE' : 'ELF'} for ${architectures.join(' and ')}, ${formatBytes(size)}`,
    ...(loader === undefined
      ? []
      : [`  loader   ${loader.known === undefined ? 'unknown' : `known: ${loader.known.origin}`}`]),
    `  archive  ${members} members, ${generations} ${generations === 1 ? 'generation' : 'generations'}`,
    ...(model === undefined
      ? []
      : [
          `  model    ${escapeText(model.name ?? model.member ?? 'unnamed', 50)}: ${escapeText(model.architecture ?? 'unknown architecture', 30)}, ${model.parameterCount} parameters${models > 1 ? `, and ${models - 1} more` : ''}`,
        ]),
    `  bytes    ${unaccountedBytes === 0 ? 'every byte accounted for' : `${formatBytes(unaccountedBytes)} not accounted for`}`,
  ];
}

function describeFinding(context: Context, { id, severity, title, evidence, remedy }: Finding): string {
  const colors = paint(context, 'stdout');
  const color = severity === 'deny' ? colors.red : severity === 'warn' ? colors.yellow : colors.dim;
  const { offset, length, expected, found } = evidence;
  const place =
    offset === undefined ? [] : [`at byte ${offset}${length === undefined ? '' : `, ${length} bytes`}`];
  const width = widthOf(context);
  return [
    wrap(title, width, `${color(SEVERITY_WORD[severity])}  ${id}  `, '      '),
    ...[
      ...place,
      ...(expected === undefined ? [] : [`expected ${expected}`]),
      ...(found === undefined ? [] : [`found ${found}`]),
    ].map((line) => wrap(line, width, '      ', '        ')),
    wrap(remedy, width, '      → ', '        '),
  ].join('\n');
}

function reasons(context: Context, decision: Extract<Decision, { outcome: 'refuse' }>): string[] {
  const width = widthOf(context);
  return decision.reasons.flatMap(({ id, message, remedy, origin }) => {
    const line = origin?.line === undefined ? '' : `:${origin.line}`;
    const where = origin === undefined ? '' : ` (${escapeText(origin.layer)}${line})`;
    return [
      wrap(`${message} [${id}]${where}`, width, 'the policy refuses: ', '  '),
      wrap(remedy, width, '  → ', '    '),
    ];
  });
}

function widthOf(context: Context): number {
  return Math.min(context.stdout.columns, 100) - 2;
}
