import { escapeText } from './text.ts';

/** Every reason for which paddock itself stops. Callers branch on these; messages are for people. */
export type ErrorCode =
  | 'usage' // the command line is wrong
  | 'not-found' // the file is not there
  | 'unreadable' // the file is there, and may not be read
  | 'not-regular' // directory, FIFO, device, socket
  | 'not-llamafile' // a well-formed file of some other kind
  | 'malformed' // the structure contradicts itself or the file's bounds
  | 'too-large' // a bound of ours was reached; the judgement is incomplete
  | 'changed' // the file changed while it was looked at
  | 'refused' // the policy says no
  | 'policy-invalid' // a policy file does not say what it must
  | 'untrusted' // a signature is missing, wrong, or of a key that nobody here trusts
  | 'host-lacks' // the host lacks a protection that the policy requires
  | 'gate-missing' // paddock-gate is not built and cannot be
  | 'gate-failed' // paddock-gate could not raise the fence or start the program
  | 'io' // reading or writing one of paddock's own files failed
  | 'internal'; // a bug in paddock

export interface ErrorDetail {
  /** What would have been right. */
  readonly expected?: string;
  /** What was there instead. Untrusted text must already be escaped. */
  readonly found?: string;
  /** Id of the check that found it, `ZIP-031`: docs/checks tells of each. */
  readonly check?: string;
  /** Dotted path of the policy's value that says so: `arguments.deny`. */
  readonly rule?: string;
  /** Byte offset in the judged file. */
  readonly offset?: number;
  /** "file:line:column" of a policy or another text file. */
  readonly where?: string;
  /** The line of that text file with a mark below it; escaped. */
  readonly excerpt?: string;
  /** What the user can do now: one sentence. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** Longest path that is shown, in characters: that of Linux. */
const MAX_PLACE = 4096;

/**
 * The one error class of paddock. `message` is one sentence; `explain()` adds expected, found, place and remedy.
 */
export class PaddockError extends Error {
  override readonly name = 'PaddockError';
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.detail = detail;
  }

  /** The message with everything known about it, one fact a line. */
  explain(): string {
    const { check, expected, found, offset, where, excerpt, remedy } = this.detail;
    const lines = [check === undefined ? this.message : `${this.message} [${check}]`];
    if (where !== undefined) lines.push(`  at: ${escapeText(where, MAX_PLACE)}`);
    if (excerpt !== undefined) lines.push(...excerpt.split('\n').map((line) => `    ${line}`));
    if (offset !== undefined) lines.push(`  at: byte ${offset} (0x${offset.toString(16)})`);
    if (expected !== undefined) lines.push(`  expected: ${expected}`);
    if (found !== undefined) lines.push(`  found: ${found}`);
    if (remedy !== undefined) lines.push(`  to do: ${remedy}`);
    return lines.join('\n');
  }
}
