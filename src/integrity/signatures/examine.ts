import { basename, join } from 'node:path';
import type { JudgedFile } from '../../format/open.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { DigestCache } from '../digests/cache.ts';
import { examineApproval, parseApproval } from './approvals.ts';
import { examineLists } from './lists.ts';
import { type Parsed, parseSignature } from './parsed.ts';
import type { ApprovalSeen, Requirement, SignatureEvidence, SignatureSeen } from './seen.ts';
import {
  APPROVAL_SUFFIX,
  checksumPaths,
  FOLDER_SIGNATURE,
  readSidecar,
  type Sidecar,
  signaturePaths,
} from './sidecars.ts';
import { type DigestProgress, fileSubject, type Remember, type Subject, type Wanted } from './subject.ts';
import type { TrustStore } from './trust.ts';
import { readTrust, type TrustPlaces } from './trust-file.ts';

/** Where to look for what vouches for files, and what counts. Plain data. */
export interface SignatureLook {
  readonly trust: TrustPlaces;
  readonly required: readonly Requirement[];
  /** The user's own folder of approvals, by SHA-256 of the approved file. */
  readonly approvals: string;
  /** File of the digest cache; without it every digest is computed. */
  readonly cache?: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/** The same for one judged file. */
export interface ExamineInput extends Omit<SignatureLook, 'trust' | 'cache' | 'nowMs'> {
  readonly path: string;
  readonly file: JudgedFile;
  /** Asked for only when there is something to compare with it. */
  readonly store: () => TrustStore;
  readonly remember?: Remember;
  readonly onProgress?: DigestProgress;
}

/** Looks for what vouches for the file at `path`, which is open as `file`. @throws as `examineSignatures`. */
export async function lookForSignatures(
  path: string,
  file: JudgedFile,
  { trust, required, approvals, cache, nowMs }: SignatureLook,
  onProgress?: DigestProgress,
): Promise<SignatureEvidence> {
  return examineSignatures({
    path,
    file,
    required,
    approvals,
    store: () => readTrust(trust, new Date(nowMs)),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(cache === undefined ? {} : { remember: { cache: new DigestCache(cache, trust.uid), nowMs } }),
  });
}

/**
 * Looks for signatures and approvals of a file, and says of each whether it counts. The file as a whole is only read where
 * one of them, or the policy, makes that necessary; then once.
 * @throws PaddockError `changed` if the file changes meanwhile; `policy-invalid` and `io` for a trust store that is no good.
 */
export async function examineSignatures(input: ExamineInput): Promise<SignatureEvidence> {
  const { path, file, required } = input;
  const beside = present(signaturePaths(path)).map((sidecar) =>
    parsedOf(sidecar, (bytes) => parseSignature(bytes, sidecar.name)),
  );
  const lists = checksumPaths(path).flatMap(({ list, signatures }) => {
    const sidecar = readSidecar(list);
    return sidecar === undefined ? [] : [{ list: sidecar, signatures: present(signatures) }];
  });
  const approvals = present([`${path}${APPROVAL_SUFFIX}`]);
  const wantsApproval = required.includes('approval');
  if (beside.length + lists.length + approvals.length === 0 && !wantsApproval)
    return { signatures: [], approvals: [], mismatches: [], required };
  const subject = fileSubject(
    basename(path),
    file,
    wantedBy(beside, lists.length + approvals.length > 0 || wantsApproval),
    input,
  );
  const store = input.store();
  const stored = wantsApproval ? await storedApprovals(input.approvals, subject) : [];
  const { seen, mismatches } = await examineLists(lists, subject, store);
  return {
    signatures: [...(await Promise.all(beside.map((one) => signatureSeen(one, subject, store)))), ...seen],
    approvals: await Promise.all([...approvals, ...stored].map((one) => approvalSeen(one, subject, store))),
    mismatches,
    required,
  };
}

type Read<T> = { readonly sidecar: Sidecar } & (
  | { readonly parsed: T }
  | { readonly state: 'invalid' | 'untrusted'; readonly reason: string }
);

function present(paths: readonly string[]): Sidecar[] {
  return paths.flatMap((path) => readSidecar(path) ?? []);
}

function parsedOf<T>(sidecar: Sidecar, parse: (bytes: Buffer) => T): Read<T> {
  if ('refused' in sidecar) return { sidecar, state: 'untrusted', reason: sidecar.refused };
  try {
    return { sidecar, parsed: parse(sidecar.bytes) };
  } catch (cause) {
    return { sidecar, state: 'invalid', reason: reasonOf(cause) };
  }
}

// What a file beside the judged one has wrong is said of that file; everything else is an error of the judgement.
function reasonOf(cause: unknown): string {
  if (!(cause instanceof PaddockError) || (cause.code !== 'malformed' && cause.code !== 'too-large'))
    throw cause;
  const { expected } = cause.detail;
  return expected === undefined ? cause.message : `${cause.message}: ${expected} is expected`;
}

async function signatureSeen(
  read: Read<Parsed>,
  subject: Subject,
  store: TrustStore,
): Promise<SignatureSeen> {
  const file = escapeText(read.sidecar.name, 120);
  if (!('parsed' in read))
    return { file, method: 'unknown', state: read.state, covers: 'the file', reason: read.reason };
  try {
    const { unlisted, ...examined } = await read.parsed.examine(subject, store);
    // The signature of a folder need not be about each file that somebody put there later; it says nothing then.
    const silent = unlisted === true && read.sidecar.name === FOLDER_SIGNATURE;
    return { file, ...examined, ...(silent ? { state: 'untrusted' } : {}) };
  } catch (cause) {
    return { file, method: 'unknown', state: 'invalid', covers: 'the file', reason: reasonOf(cause) };
  }
}

async function approvalSeen(sidecar: Sidecar, subject: Subject, store: TrustStore): Promise<ApprovalSeen> {
  const file = escapeText(sidecar.name, 120);
  const read = parsedOf(sidecar, parseApproval);
  const found = { file, method: 'approval', covers: 'the file' } as const;
  if (!('parsed' in read)) return { ...found, state: read.state, reason: read.reason };
  try {
    return { file, ...(await examineApproval(read.parsed, subject, store)) };
  } catch (cause) {
    return { ...found, state: 'invalid', reason: reasonOf(cause) };
  }
}

async function storedApprovals(folder: string, subject: Subject): Promise<Sidecar[]> {
  const digest = (await subject.digest('sha256')).toString('hex');
  return present([join(folder, `${digest}.json`)]);
}

function wantedBy(beside: readonly Read<Parsed>[], sha256: boolean): Wanted {
  const wanted = beside.flatMap((one) => ('parsed' in one ? [one.parsed.needs] : []));
  return {
    algorithms: [...wanted.flatMap(({ algorithms }) => algorithms), ...(sha256 ? (['sha256'] as const) : [])],
    shards: wanted.flatMap(({ shards }) => shards),
  };
}
