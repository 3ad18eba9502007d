import type { Verdict } from '../integrity/verdict.ts';
import type { HostAbilities, LaunchPlan } from '../launch/plan.ts';
import { nameProcess, type ProcessName, type ProcFiles } from '../lib/proc.ts';
import type { Decision, JudgedRule, Lowered } from '../policy/policy.ts';
import type { Machine, SessionStart } from './types.ts';

export interface StartInput {
  readonly now: Date;
  readonly plan: LaunchPlan;
  readonly verdict: Verdict;
  readonly decision: Extract<Decision, { outcome: 'allow' }>;
  readonly host: HostAbilities;
  readonly sizeBytes: number;
  /** Of the whole file, when it was computed. */
  readonly sha256?: string;
  /** Process id of the launcher. */
  readonly pid: number;
  readonly files: ProcFiles;
}

/** What is recorded before anything runs: who judged what, what was decided, and what is in force. */
export function describeStart(input: StartInput): SessionStart {
  const { plan, verdict, decision, host, files } = input;
  const { policy, digest } = decision.effective;
  return {
    id: plan.id,
    started: input.now.toISOString(),
    file: {
      path: plan.file,
      sizeBytes: input.sizeBytes,
      ...(input.sha256 === undefined ? {} : { sha256: input.sha256 }),
    },
    verdict: {
      standing: verdict.standing,
      tier: verdict.tier,
      ...(verdict.release === undefined ? {} : { release: verdict.release }),
      ...(verdict.loader === undefined ? {} : { loader: verdict.loader }),
      findings: verdict.findings
        .slice(0, MAX_FINDINGS)
        .map(({ id, severity, title }) => ({ id, severity, title })),
    },
    decision: {
      outcome: 'allow',
      warnings: decision.warnings.slice(0, MAX_FINDINGS).map(({ id, message }) => ({ id, message })),
      ...(decision.lowered.length === 0
        ? {}
        : { lowered: decision.lowered.slice(0, MAX_FINDINGS).map(loweredOf) }),
      ...rulesOf(decision.effective.rules),
    },
    policy: { digest, limits: policy.limits, watch: policy.watch },
    plan: {
      form: plan.form,
      still: plan.still,
      ...(plan.engine === undefined ? {} : { engine: plan.engine }),
      argv: withoutPrompts(plan.argv),
      network: plan.network,
      ...(plan.cards.length === 0 ? {} : { cards: plan.cards }),
      ...(plan.libraries === undefined ? {} : { libraries: plan.libraries }),
      streams: plan.streams,
      protections: plan.protections,
      missing: plan.missing,
      ...(plan.closing.length === 0 ? {} : { closing: plan.closing }),
      weaknesses: plan.weaknesses,
      cgroups: plan.cgroups.map(({ path }) => path),
    },
    host: {
      kernel: host.kernel,
      landlockAbi: host.landlockAbi,
      cpus: host.cpus,
      memoryBytes: host.memoryBytes,
      ...readMachine(files),
    },
    launcher: launcherName(files, input.pid),
  };
}

function loweredOf({ id, from, to, reason }: Lowered): Pick<Lowered, 'id' | 'from' | 'to' | 'reason'> {
  return { id, from, to, reason };
}

// Those that held; none is not said, as most policies have no rules.
function rulesOf(rules: readonly JudgedRule[]): Pick<SessionStart['decision'], 'rules'> {
  const held = rules.filter(({ state }) => state === 'held');
  if (held.length === 0) return {};
  return {
    rules: held.slice(0, MAX_RULES).map(({ name, origin: { layer, line } }) => ({
      name,
      layer,
      ...(line === undefined ? {} : { line }),
    })),
  };
}

/** "20261122T223015-4f2a9c": sorts by time; `random` is three bytes. It is also the name of the control group. */
export function sessionId(now: Date, random: Uint8Array): string {
  const time = now.toISOString().slice(0, 19).replace(/[-:]/g, '');
  return `${time}-${Buffer.from(random.subarray(0, 3)).toString('hex').padStart(6, '0')}`;
}

/** What `sessionId` makes, and nothing else: names of directories are taken for sessions by this. */
export const SESSION_ID = /^\d{8}T\d{6}-[0-9a-f]{6}$/;

/** Names this machine as far as process ids are concerned. */
export function readMachine(files: ProcFiles): Machine {
  return {
    hostname: files.readText('/proc/sys/kernel/hostname')?.trim() ?? '',
    bootId: files.readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '',
    pidNamespace: files.readLink('/proc/self/ns/pid') ?? '',
  };
}

const MAX_FINDINGS = 100;
const MAX_RULES = 1000;

// What a user asks a model is nobody's business, and a record lives longer than the asking.
const PROMPT_FLAGS = new Set(['-p', '--prompt', '-sys', '--system-prompt', '--in-prefix', '--in-suffix']);

/** The values of prompt flags, `-p x` and `--prompt=x`, give way to their length. */
export function withoutPrompts(argv: readonly string[]): string[] {
  let isValue = false;
  return argv.map((word) => {
    if (isValue) {
      isValue = false;
      return hidden(word);
    }
    isValue = PROMPT_FLAGS.has(word);
    const equals = word.indexOf('=');
    if (equals < 0 || !PROMPT_FLAGS.has(word.slice(0, equals))) return word;
    return `${word.slice(0, equals + 1)}${hidden(word.slice(equals + 1))}`;
  });
}

function hidden(word: string): string {
  return `<${[...word].length} characters>`;
}

function launcherName(files: ProcFiles, pid: number): ProcessName {
  return nameProcess(files, pid) ?? { pid, startTime: -1 };
}
