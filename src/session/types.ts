import type { Finding, Verdict } from '../integrity/verdict.ts';
import type { HostAbilities, LaunchPlan } from '../launch/plan.ts';
import type { ProcessName } from '../lib/proc.ts';
import type { Lowered, Policy, Reason } from '../policy/policy.ts';
import type { LimitReached } from '../watch/limits.ts';
import type { Transition } from '../watch/phases.ts';
import type { Alert, LabelCounts, Peaks } from '../watch/watch.ts';

/** What `session.json` holds. Written at the start, again when the program runs, and at the end. */
export interface SessionRecord extends SessionStart {
  readonly format: 'paddock-session';
  readonly version: 1;
  /** Absent until the fence is up. */
  readonly running?: { readonly gate?: ProcessName; readonly child: ProcessName };
  /** Absent while it runs, and for ever when the launcher was killed. */
  readonly end?: SessionEnd;
}

/** Known before anything runs. */
export interface SessionStart {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly file: { readonly path: string; readonly sizeBytes: number; readonly sha256?: string };
  readonly verdict: Pick<Verdict, 'standing' | 'tier' | 'release' | 'loader'> & {
    /** Worst first, at most 100. */
    readonly findings: readonly Pick<Finding, 'id' | 'severity' | 'title'>[];
  };
  readonly decision: {
    readonly outcome: 'allow';
    readonly warnings: readonly Pick<Reason, 'id' | 'message'>[];
    /** Findings that the policy made count for less, and why; at most 100. */
    readonly lowered?: readonly Pick<Lowered, 'id' | 'from' | 'to' | 'reason'>[];
    /** Rules of the policy that held, and where they stand; at most 1000. */
    readonly rules?: readonly { readonly name: string; readonly layer: string; readonly line?: number }[];
  };
  readonly policy: {
    readonly digest: string;
    readonly limits: Policy['limits'];
    readonly watch: Policy['watch'];
  };
  readonly plan: Pick<
    LaunchPlan,
    'still' | 'engine' | 'form' | 'network' | 'streams' | 'protections' | 'missing' | 'libraries'
  > & {
    /** Absent: none was within reach. */
    readonly cards?: LaunchPlan['cards'];
    /** What was to be closed once the program is ready; absent: nothing. */
    readonly closing?: LaunchPlan['closing'];
    /** Limits that do not hold here as the policy says them; absent in records of earlier releases. */
    readonly weaknesses?: readonly string[];
    /** Values of prompt flags are replaced by their length. */
    readonly argv: readonly string[];
    readonly cgroups: readonly string[];
  };
  readonly host: Pick<HostAbilities, 'kernel' | 'landlockAbi' | 'cpus' | 'memoryBytes'> & Machine;
  readonly launcher: ProcessName;
}

/** Where process ids mean what they mean. A state directory may be shared by several machines or containers. */
export interface Machine {
  readonly hostname: string;
  readonly bootId: string;
  readonly pidNamespace: string;
}

export type EndResult =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: number }
  /** paddock could not start it, or lost its gate. */
  | { readonly kind: 'failure'; readonly message: string };

export interface SessionEnd {
  readonly time: string;
  readonly durationMs: number;
  readonly result: EndResult;
  /** Why paddock ended it, when it did. */
  readonly killed?: { readonly by: string; readonly detail: string };
  /** The limit that ended it, by whoever enforces it: paddock (then `killed` is there, too) or the kernel. */
  readonly limit?: LimitReached;
  readonly peaks: Peaks;
  readonly labels: Readonly<Record<string, LabelCounts>>;
  readonly droppedEvents: number;
  /** Processes that were left when the program had ended, and were killed. */
  readonly leftovers: number;
  readonly outputBytes: { readonly 1: number; readonly 2: number };
  /** Without the raw calls, which are in `events.jsonl`; the first 100. */
  readonly alerts: readonly Omit<Alert, 'call'>[];
  /** The first 200. */
  readonly transitions: readonly Transition[];
}

/** A line of `events.jsonl`. `seq` counts from 0, which is the header, without gaps. */
export interface EventLine {
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** `session` (the header), the names of the gate's events, `phase`, `alert`, `sample`, `totals`, `closed`, `full`, `kill`, `end`. */
  readonly event: string;
  readonly [field: string]: unknown;
}
