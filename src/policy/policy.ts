import type { CheckId } from '../integrity/catalogue.ts';
import type { Requirement } from '../integrity/signatures/seen.ts';
import type { Standing, Tier, Verdict } from '../integrity/verdict.ts';

/** What happens when a watched event occurs. Ordered: a later layer may only move right under a ceiling. */
export type Action = 'record' | 'warn' | 'kill';

/** Check id → the least severity that its findings have. */
export type Raised = Readonly<Partial<Record<CheckId, 'warn' | 'deny'>>>;

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
  | 'limits-session'; // memory and processes of the whole tree, not of each process

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
    /** What must vouch for a file beside its own content, all of them. */
    readonly require: readonly Requirement[];
  };
  /** Severities that are higher than the catalogue's. A lower one changes nothing. */
  readonly checks: Raised;
  readonly arguments: {
    /** Flags that may not be given, neither by the user nor in `.args`; without value. */
    readonly deny: readonly string[];
    /** Arguments added after all others. */
    readonly append: readonly string[];
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
  };
  readonly network: {
    /** `auto`: `serve` when the arguments ask for a server, else `none`. */
    readonly mode: NetworkMode;
    /** Addresses on which `serve` may listen. */
    readonly listen: readonly string[];
    /** Lowest and highest port on which it may listen. */
    readonly ports: readonly [number, number];
  };
  readonly limits: {
    /** Whole session; bytes. null: not limited. */
    readonly memoryBytes: number | null;
    /** Processes and threads of the session. */
    readonly processes: number;
    /** CPUs as a decimal number: 1.5; null: not limited. */
    readonly cpus: number | null;
    readonly openFiles: number;
    /** Largest file that may be written; bytes. */
    readonly fileBytes: number;
    /** Wall-clock time of the session; null: not limited. */
    readonly timeMs: number | null;
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
  /** Protections without which nothing starts, unless `--allow-degraded`. */
  readonly require: readonly Protection[];
}

/** Where an effective value came from. */
export interface Origin {
  /** "default.yaml", "/etc/paddock/policy.yaml", "--policy x.yaml", "--memory". */
  readonly layer: string;
  readonly line?: number;
  readonly column?: number;
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
  /** SHA-256 (hex) of the canonical JSON of `policy`. */
  readonly digest: string;
  /** The administrator has written a policy: nothing behind it can widen it, `--allow-degraded` neither. */
  readonly hasCeiling: boolean;
  /** Of `trust.require`, what the administrator asks for: only signers of the system's own trust store meet it. */
  readonly systemRequires: readonly Requirement[];
}

/** What the policy says about this file and these arguments. */
export type Decision = {
  readonly effective: EffectivePolicy;
  /** With the severities that the policy gives its findings. */
  readonly verdict: Verdict;
} & (
  | { readonly outcome: 'allow'; readonly warnings: readonly Reason[] }
  | { readonly outcome: 'refuse'; readonly reasons: readonly Reason[] }
);

export interface Reason {
  /** Check id or dotted policy path. */
  readonly id: string;
  readonly message: string;
  /** What would allow it. */
  readonly remedy: string;
  readonly origin?: Origin;
}
