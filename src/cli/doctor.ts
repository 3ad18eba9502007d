import { type Check, diagnose } from '../host/doctor.ts';
import { gatherFacts } from '../host/facts.ts';
import { heldHere } from '../host/held.ts';
import { matrixFacts } from '../launch/matrix.ts';
import { userPaths } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import { type Context, EXIT } from './context.ts';
import { paint, toJson, wrap } from './render.ts';

export interface DoctorInput {
  readonly json?: boolean;
  /** Ask the drivers of graphics cards to initialise inside the fence. */
  readonly gpu?: boolean;
}

/** `paddock doctor`: what this host can enforce. Exit 1 when something is missing without which nothing runs. */
export async function run(context: Context, input: DoctorInput): Promise<number> {
  const facts = await gatherFacts({
    env: context.env,
    uid: context.uid,
    cache: userPaths(context.env, context.home).cache,
    say: (line) => context.stderr.write(`paddock: ${line}\n`),
  });
  // Without a gate nothing is known of the host.
  const fence =
    facts.host === undefined ? [] : heldHere(matrixFacts(facts.host, facts.host.namespaces.works));
  const checks = [...diagnose(facts), ...(input.gpu === true ? await gpuChecks(context) : [])];
  context.stdout.write(
    input.json === true
      ? `${toJson({ schema: 'paddock/doctor/v1', state: worst(checks), checks, fence })}\n`
      : `${checks.map((check) => describe(context, check)).join('\n')}\n\n${conclusion(checks)}\n`,
  );
  return worst(checks) === 'missing' ? EXIT.policy : EXIT.ok;
}

async function gpuChecks(context: Context): Promise<Check[]> {
  const { checkCards } = await import('./doctor-gpu.ts');
  return checkCards(context);
}

const MARK = { ok: 'ok', degraded: 'DEGRADED', missing: 'MISSING' } as const;
const MARK_COLUMNS = 10;
const NAME_COLUMNS = 22;
const MAX_TEXT = 1000;

function worst(checks: readonly Check[]): Check['state'] {
  const has = (state: Check['state']): boolean => checks.some((check) => check.state === state);
  return has('missing') ? 'missing' : has('degraded') ? 'degraded' : 'ok';
}

function describe(context: Context, { name, state, detail, effect, fix }: Check): string {
  const { green, yellow, red } = paint(context, 'stdout');
  const colour = { ok: green, degraded: yellow, missing: red }[state];
  const head = `${colour(MARK[state].padEnd(MARK_COLUMNS))}${name.padEnd(NAME_COLUMNS)}`;
  const lines = [head + escapeText(detail, MAX_TEXT)];
  const indent = ' '.repeat(MARK_COLUMNS);
  const width = Math.max(40, Math.min(context.stdout.columns, 110));
  if (effect !== '') lines.push(wrap(`so: ${escapeText(effect, MAX_TEXT)}`, width, indent, indent));
  // Not broken: it is there to be copied.
  if (fix !== '') lines.push(`${indent}fix: ${fix}`);
  return lines.join('\n');
}

function conclusion(checks: readonly Check[]): string {
  const missing = checks.filter(({ state }) => state === 'missing').length;
  const degraded = checks.filter(({ state }) => state === 'degraded').length;
  if (missing + degraded === 0) return 'Everything that the fence can use is here.';
  const parts = [
    ...(missing > 0 ? [`${missing} missing`] : []),
    ...(degraded > 0 ? [`${degraded} degraded`] : []),
  ];
  const rest = missing > 0 ? 'A policy that requires what is missing refuses to run.' : 'paddock runs here.';
  return `${parts.join(', ')}. ${rest}`;
}
