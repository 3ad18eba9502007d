import type { Architecture } from '../format/anatomy.ts';
import type { Resemblance } from './baselines/support.ts';
import type { ApprovalSeen, SignatureSeen } from './signatures/seen.ts';

export type Severity = 'info' | 'warn' | 'deny';

/** Something that a check saw. Not an error: the policy decides what follows from it. */
export interface Finding {
  /** Stable id of the check: `APE-013`. docs/checks tells of each. */
  readonly id: string;
  readonly severity: Severity;
  /** One line: what is wrong. Untrusted text in it is escaped. */
  readonly title: string;
  readonly evidence: {
    readonly offset?: number;
    readonly length?: number;
    readonly expected?: string;
    readonly found?: string;
  };
  /** What the user can do. */
  readonly remedy: string;
  /** So many findings of the same check are left out behind this one. */
  readonly more?: number;
  /** A bound of paddock's was reached: what lies behind it was not judged. */
  readonly incomplete?: true;
  /** What the file asks for and a policy can grant; a policy that does makes the finding a note. */
  readonly asks?: {
    /** An address to listen on, for `network.listen`. Untrusted. */
    readonly listen: string;
  };
}

/**
 * A: a prefix of the file is byte for byte a published release, and its zip records are unchanged.
 * B: matches a baseline component by component. C: unknown runtime.
 */
export type Tier = 'A' | 'B' | 'C';

/** `tampered`: matches a release in part and differs from it in part, which is worse than `unknown`. */
export type Standing = 'release' | 'unknown' | 'tampered';

export interface KnownLoader {
  readonly sha256: string;
  readonly architecture: Architecture | 'any';
  /** "cosmopolitan 3.7.1 (build/bootstrap/ape.elf, 2024-08-15)". */
  readonly origin: string;
  readonly version: string;
}

/** A component of a release that a file has otherwise, or has in addition. */
export interface ComponentDifference {
  /** "x86-64 R-X segment", "member www/index.html"; untrusted text in it is escaped. */
  readonly component: string;
  readonly offset?: number;
  readonly length?: number;
  /** "SHA-256 …", or in words what should be there. */
  readonly expected: string;
  readonly found: string;
}

export interface Verdict {
  readonly standing: Standing;
  readonly tier: Tier;
  /** Name of the matched release: "llamafile-0.9.3". Absent for what is unknown. */
  readonly release?: string;
  /** Version of its runtime, where it is known: "0.9.3". */
  readonly version?: string;
  /** Whether a published digest says so, or a baseline of this user or machine. */
  readonly releaseKnownBy?: 'published digest' | 'baseline' | 'support files';
  /** How a file of tier B differs in form from the release: repacked, or its first bytes written over with an ELF header. */
  readonly form?: 'repacked' | 'assimilated';
  /** What of the release is otherwise; tampered only. */
  readonly components?: readonly ComponentDifference[];
  /** Of an unknown runtime: the releases whose support files it has most of. No statement about its program. */
  readonly resembles?: Resemblance;
  /** Bytes [0, releaseLength) equal that artifact; tier A only. */
  readonly releaseLength?: number;
  /** The loader that would start the file on this architecture: undefined for a plain ELF. */
  readonly loader?: {
    readonly sha256: string;
    /** gzip: shared between the programs of a toolchain release. raw: differs from program to program. */
    readonly encoding: 'gzip' | 'raw';
    readonly known?: KnownLoader;
  };
  /** What was found beside the file; missing where nobody looked. */
  readonly signatures?: readonly SignatureSeen[];
  readonly approvals?: readonly ApprovalSeen[];
  /** Worst first. */
  readonly findings: readonly Finding[];
}
