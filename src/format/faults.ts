import { PaddockError } from '../lib/errors.ts';

/** What a reader found wrong, and where. Untrusted text must be escaped already. */
export interface Fault {
  /** Id of the check in the catalogue that this is a case of. */
  readonly check?: string;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

/** The structure contradicts itself or the file's bounds. */
export function malformed(message: string, detail: Fault): PaddockError {
  return new PaddockError('malformed', message, {
    ...detail,
    found: detail.found || 'nothing',
    remedy: 'get the file again from its publisher; if it stays so, do not run it',
  });
}

/** A well-formed file of some other kind. */
export function notLlamafile(message: string, found: string, remedy: string, check: string): PaddockError {
  return new PaddockError('not-llamafile', message, {
    check,
    offset: 0,
    expected: "an APE magic (MZqFpD=', jartsr=' or APEDBG=') or \\x7fELF",
    found,
    remedy,
  });
}

/** A bound of ours was reached: the judgement would be incomplete. `check` is the id of the bound in the catalogue. */
export function tooLarge(
  message: string,
  offset: number,
  expected: string,
  found: string,
  check?: string,
): PaddockError {
  return new PaddockError('too-large', message, {
    ...(check === undefined ? {} : { check }),
    offset,
    expected,
    found,
    remedy: 'no genuine llamafile comes near this bound; do not run the file',
  });
}

/** A 64-bit field as a number. @throws PaddockError `malformed` if it is above `limit`. */
export function checked(value: bigint, limit: number, offset: number, what: string, check?: string): number {
  if (value >= 0n && value <= BigInt(limit)) return Number(value);
  const fault = { offset, expected: `at most ${limit}`, found: String(value) };
  throw malformed(`${what} is out of range`, check === undefined ? fault : { check, ...fault });
}
