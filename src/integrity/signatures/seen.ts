import type { Anchor } from './trust.ts';

/** How something was signed. */
export type SignatureMethod =
  | 'minisign'
  | 'ssh'
  | 'model-signing key'
  | 'model-signing certificate'
  | 'model-signing sigstore'
  /** A list of digests: with a signature of its own, or without. */
  | 'checksums'
  | 'approval'
  | 'unknown';

/**
 * `trusted`: valid, for this very file, by a signer of a trust store. `untrusted`: no reason to believe it, and none that
 * something is wrong. `invalid`: broken, or for other bytes. `expired`: valid, by a signer who is not trusted any more.
 */
export type SignatureState = 'trusted' | 'untrusted' | 'invalid' | 'expired';

/** What one file beside the judged one says. All text is escaped. */
export interface SignatureSeen {
  /** Name of that file. */
  readonly file: string;
  readonly method: SignatureMethod;
  readonly state: SignatureState;
  /** The name in the trust store, else what the signature itself says: a key id, an identity. */
  readonly signer?: string;
  /** Whose trust store vouches for the signer; trusted ones only. */
  readonly anchor?: Anchor;
  /** What was signed: `the file`, `a manifest of 3 files`. */
  readonly covers: string;
  /** Why it is not trusted. */
  readonly reason?: string;
}

/** An approval: who let this file in, and when. */
export interface ApprovalSeen extends SignatureSeen {
  readonly who?: string;
  /** ISO time. */
  readonly when?: string;
}

/** What a policy may ask for. */
export type Requirement = 'signature' | 'approval';

/** All that was found for one file. */
export interface SignatureEvidence {
  readonly signatures: readonly SignatureSeen[];
  readonly approvals: readonly ApprovalSeen[];
  /** An unsigned list of checksums gives the file another digest. */
  readonly mismatches: readonly {
    readonly file: string;
    readonly expected: string;
    readonly found: string;
  }[];
  readonly required: readonly Requirement[];
}

/** What a method says of one signature; `file` is added by who opened it. */
export interface Examined extends Omit<SignatureSeen, 'file'> {
  /** It is valid, by a trusted signer, and about other files than this one. */
  readonly unlisted?: true;
}
