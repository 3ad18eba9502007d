import type { CheckId } from '../integrity/catalogue.ts';
import type { Requirement } from '../integrity/signatures/seen.ts';
import type { Severity, Standing, Tier, Verdict } from '../integrity/verdict.ts';

/** What happens when a watched event occurs. Ordered: a later layer may only move right under a ceiling. */
export type Action = 'record' | 'warn' | 'kill';

/** What a policy makes of a check's findings. */
export interface Grade {
  readonly severity: Severity;
  /** Why it is lower than the catalogue's; always there when it is. Kept in the record. */
  readonly reason?: string;
}

/** Check id → its severity by this policy. */
export type Grades = Readonly<Partial<Record<CheckId, Grade>>>;

/** What a flag's number may be, both ends included. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** Which graphics cards may be reached. `auto`: of the kind that the machine has. */
export type Gpu = 'none' | 'auto' | 'nvidia' | 'amd';

/** What can be closed once the program is ready. */
export type Closing = 'exec' | 'write' | 'listen' | 'map';

/** Where events are written beside the session's own record. */
export type Sink = 'syslog' | 'journal';

/** How often the network may be used: `none`, or one listening TCP port. */
export type NetworkMode = 'none' | 'serve' | 'auto';

/** Names of the protections of the fence, as policies, `doctor` and records call them. */
export type Protection =
  | 'no-new-privileges'
  | 'seccomp'
  | 'seccomp-notify'
  | 'landlock-files'
  | 'landlock-network'
  | 'landlock-scope'
  | 'limits-session' // memory and processes of the whole tree, not of each process
  | 'namespaces'; // processes, mounts, IPC and, where nothing is served, a network of the session's own

/** A complete policy: every value present. Layers are partial; see `layer.ts`. */
export interface Policy {
  readonly trust: {
    readonly tiers: readonly Tier[];
    /** Standings that are refused whatever the tier. */
    readonly refuse: readonly Standing[];
    /** SHA-256 (hex) of APE loaders accepted beside the known ones. */
    readonly loaders: readonly string[];
    /** Accept a loader that nobody knows. Only `audit` does. */
    readonly unknownLoader: 'refuse' | 'warn';
    /** Findings of severity deny: refuse, or record only (audit). */
    readonly findings: 'refuse' | 'record';
    /** What must vouch for a file beside its own content. */
    readonly require: readonly Requirement[];
    /** Whether all of `require` must, or one of them is enough. */
    readonly match: 'all' | 'any';
  };
  /** Severities other than the catalogue's: higher, or lower with a reason. */
  readonly checks: Grades;
  readonly arguments: {
    /** Flags that may not be given, neither by the user nor in `.args`; without value. */
    readonly deny: readonly string[];
    /** The only flags that may be given; null: all that are not denied. */
    readonly allow: readonly string[] | null;
    /** Arguments put behind all others, where they win. */
    readonly force: readonly string[];
    /** Flag → what its number may be. */
    readonly bounds: Readonly<Record<string, Bounds>>;
    /** Files named by the user's arguments are granted for reading. */
    readonly grantFiles: boolean;
  };
  readonly environment: {
    /** Variables passed on from the caller, by exact name. */
    readonly pass: readonly string[];
    readonly set: Readonly<Record<string, string>>;
  };
  readonly files: {
    /** Absolute paths, each with all below it. `~` is the user's home. */
    readonly read: readonly string[];
    readonly write: readonly string[];
    /** Programs that may be executed beside the llamafile itself. */
    readonly execute: readonly string[];
    /** Never reached, also below what is granted. */
    readonly hide: readonly string[];
  };
  readonly network: {
    /** `auto`: `serve` when the arguments ask for a server, else `none`. */
    readonly mode: NetworkMode;
    /** Addresses on which `serve` may listen. */
    readonly listen: readonly string[];
    /** Lowest and highest port on which it may listen. */
    readonly ports: readonly [number, number];
    /** Where it may connect to: "10.0.0.5:443", "[::1]:8080". */
    readonly connect: readonly string[];
  };
  readonly devices: {
    readonly gpu: Gpu;
    /** Numbers of the cards, as the driver counts them; null: all of them. */
    readonly cards: readonly number[] | null;
  };
  readonly engine: {
    /** `trusted`: the known engine of the same release runs, and the file is only read. */
    readonly use: 'own' | 'trusted';
  };
  readonly limits: {
    /** Whole session; bytes. null: not limited. */
    readonly memoryBytes: number | null;
    /** Of the whole session, beside its memory; null: not limited. */
    readonly swapBytes: number | null;
    /** Processes and threads of the session. */
    readonly processes: number;
    /** CPUs as a decimal number: 1.5; null: not limited. */
    readonly cpus: number | null;
    /** Share of the CPUs when others want them, too: 1 to 10000, where 100 is everybody's. */
    readonly cpuWeight: number;
    readonly openFiles: number;
    /** Largest file that may be written; bytes. */
    readonly fileBytes: number;
    /** Of the private folders together; null: not limited. */
    readonly diskBytes: number | null;
    /** Wall-clock time of the session; null: not limited. */
    readonly timeMs: number | null;
    /** Without output, request or work; null: not limited. */
    readonly idleMs: number | null;
    /** Standard output and error together; null: not limited. */
    readonly outputBytes: number | null;
    /** 0 to 19: how far it stands back for others. */
    readonly nice: number;
    /** As `cpuWeight`, for reading and writing disks. */
    readonly ioWeight: number;
  };
  /** Ceilings over several sessions; null: none. */
  readonly sessions: {
    readonly perUser: number | null;
    readonly perHost: number | null;
    /** Sum of the limits of a user's sessions; one without a limit counts as all that the host has. */
    readonly memoryPerUserBytes: number | null;
    readonly cpusPerUser: number | null;
  };
  readonly isolation: {
    /** Namespaces beside the fence: where the host allows them, always, or never. */
    readonly namespaces: 'auto' | 'require' | 'off';
    /** A private copy of the file is executed: where the file could be changed meanwhile, or always. */
    readonly copy: 'auto' | 'always';
  };
  readonly phases: {
    /** What is closed once the program is ready. */
    readonly ready: readonly Closing[];
  };
  readonly watch: {
    readonly exec: Action;
    readonly connect: Action;
    readonly write: Action;
    readonly read: Action;
    readonly syscall: Action;
    /** Between two samples of memory, CPU, processes and threads. */
    readonly sampleMs: number;
  };
  readonly audit: {
    /** Beside the session's own record. */
    readonly sinks: readonly Sink[];
    /** When the record cannot be written: end the session, or go on. */
    readonly onFailure: 'stop' | 'continue';
  };
  /** Of ended sessions' records; null: kept for ever, however many. */
  readonly retention: {
    readonly ageMs: number | null;
    readonly bytes: number | null;
  };
  /** Protections without which nothing starts, unless `--allow-degraded`. */
  readonly require: readonly Protection[];
}

/** Where an effective value came from. */
export interface Origin {
  /** "default.yaml", "/etc/paddock/policy.yaml", "--policy x.yaml", "--memory". */
  readonly layer: string;
  readonly line?: number;
  readonly column?: number;
  /** The rule of that layer that says it. */
  readonly rule?: string;
}

/** What came of a rule. */
export interface JudgedRule {
  readonly name: string;
  /** `failed`: nobody can say whether it holds; that counts as a refusal. */
  readonly state: 'held' | 'not held' | 'failed';
  /** Of one that held: why the file is refused. As its author wrote it, not escaped. */
  readonly refuse?: string;
  /** Of one that failed; escaped. */
  readonly error?: string;
  /** Where its condition stands; of one that failed, the part of it where that is known. */
  readonly origin: Origin;
  /** The administrator's. */
  readonly bySystem: boolean;
}

/** A widening that a later layer asked for and the ceiling did not allow. */
export interface RejectedWidening {
  /** Dotted path as in policy files: `limits.memory`. */
  readonly path: string;
  /** As a policy file would write it; escaped. */
  readonly wanted: string;
  readonly kept: string;
  readonly wantedBy: Origin;
  readonly ceiling: Origin;
}

export interface EffectivePolicy {
  readonly policy: Policy;
  /** Dotted path → origin, for every leaf of `Policy`. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly rejected: readonly RejectedWidening[];
  /** All rules of all layers, in order. */
  readonly rules: readonly JudgedRule[];
  /** SHA-256 (hex) of the canonical JSON of `policy`. */
  readonly digest: string;
  /** The administrator has written a policy: nothing behind it can widen it, `--allow-degraded` neither. */
  readonly hasCeiling: boolean;
  /** Of `trust.require`, what the administrator asks for: only signers of the system's own trust store meet it. */
  readonly systemRequires: readonly Requirement[];
  /** `trust.match` of the administrator, for `systemRequires`. */
  readonly systemMatch: Policy['trust']['match'];
  /** The last of `arguments.force`, in which the administrator's rules for arguments do not look. Empty without a ceiling. */
  readonly systemForce: readonly string[];
}

/** What the policy says about this file and these arguments. */
export type Decision = {
  readonly effective: EffectivePolicy;
  /** With the severities that the policy gives its findings. */
  readonly verdict: Verdict;
  /** Findings that count for less by this policy, with its reasons; for the record. */
  readonly lowered: readonly Lowered[];
} & (
  | { readonly outcome: 'allow'; readonly warnings: readonly Reason[] }
  | { readonly outcome: 'refuse'; readonly reasons: readonly Reason[] }
);

/** A finding that a policy made count for less. */
export interface Lowered {
  readonly id: CheckId;
  readonly from: Severity;
  readonly to: Severity;
  readonly reason: string;
  readonly origin?: Origin;
}

export interface Reason {
  /** Check id or dotted policy path. */
  readonly id: string;
  readonly message: string;
  /** What would allow it. */
  readonly remedy: string;
  readonly origin?: Origin;
}
