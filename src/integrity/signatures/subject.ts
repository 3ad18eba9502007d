import { createHash } from 'node:crypto';
import type { JudgedFile } from '../../format/open.ts';
import { PaddockError } from '../../lib/errors.ts';
import type { DigestCache } from '../digests/cache.ts';
import { digestFile } from '../digests/digest.ts';

/** Digests that signatures are over. */
export type Algorithm = 'sha256' | 'sha512' | 'blake2b512';

/** Ranges of the file that a manifest gives digests for; they tile it from 0. */
export interface Shards {
  readonly algorithm: Algorithm;
  readonly sizeBytes: number;
}

/** What a detached signature is about: the judged file, or a small text beside it. */
export interface Subject {
  /** What manifests and lists must call it: its base name. */
  readonly name: string;
  readonly sizeBytes: number;
  digest(algorithm: Algorithm): Promise<Buffer>;
  /** Digests of consecutive ranges of `sizeBytes`, the last one shorter. */
  shards(shards: Shards): Promise<readonly Buffer[]>;
  /** All of it; undefined where it is longer than `MAX_WHOLE_BYTES`. */
  whole(): Buffer | undefined;
}

/** Longest content that a signature over the content itself (minisign before 0.10) is checked for: it must be in memory. */
export const MAX_WHOLE_BYTES = 64 * 1024 * 1024;
/** More ranges than this fit into no manifest that is read; who asks for more gets none. */
const MAX_SHARDS = 100_000;

/** A text that is in memory already. */
export function textSubject(name: string, bytes: Buffer): Subject {
  return {
    name,
    sizeBytes: bytes.length,
    digest: async (algorithm) => createHash(algorithm).update(bytes).digest(),
    shards: async (shards) => {
      const cut = cutter(shards, bytes.length);
      cut.update(0, bytes);
      return cut.digests;
    },
    whole: () => bytes,
  };
}

/** What will be asked of a file, as far as it is known before: one pass then serves all. */
export interface Wanted {
  readonly algorithms: readonly Algorithm[];
  readonly shards: readonly Shards[];
}

export interface Remember {
  readonly cache: DigestCache;
  readonly nowMs: number;
}

/** Told while the whole file is read: bytes done, and of how many. */
export type DigestProgress = (doneBytes: number, totalBytes: number) => void;

/** How the whole file is read, if it must be. */
export interface Pass {
  readonly remember?: Remember;
  readonly onProgress?: DigestProgress;
}

/**
 * The judged file. Its digests are computed on first use, all that are wanted in one pass, and those of the whole file are
 * taken from the cache where it has them.
 */
export function fileSubject(name: string, file: JudgedFile, wanted: Wanted, pass: Pass = {}): Subject {
  let done: Promise<Passed> | undefined;
  const passed = (): Promise<Passed> => {
    done ??= onePass(file, wanted, pass);
    return done;
  };
  const sizeBytes = Number(file.identity.size);
  return {
    name,
    sizeBytes,
    digest: async (algorithm) => known((await passed()).digests.get(algorithm)),
    shards: async (shards) => known((await passed()).shards.get(keyOf(shards))),
    whole: () => (sizeBytes > MAX_WHOLE_BYTES ? undefined : file.source.read(0, sizeBytes)),
  };
}

interface Passed {
  readonly digests: ReadonlyMap<Algorithm, Buffer>;
  readonly shards: ReadonlyMap<string, readonly Buffer[]>;
}

async function onePass(file: JudgedFile, wanted: Wanted, { remember, onProgress }: Pass): Promise<Passed> {
  const algorithms = [...new Set(wanted.algorithms)];
  const recalled = remember?.cache.recall(file.identity)?.digests ?? {};
  const digests = new Map<Algorithm, Buffer>();
  for (const name of CACHED) {
    const hex = recalled[name];
    if (hex !== undefined && algorithms.includes(name)) digests.set(name, Buffer.from(hex, 'hex'));
  }
  const missing = algorithms.filter((name) => !digests.has(name));
  const totalBytes = Number(file.identity.size);
  const pieces = wanted.shards.filter(({ sizeBytes }) => totalBytes / sizeBytes <= MAX_SHARDS);
  const cutters = new Map(pieces.map((one) => [keyOf(one), cutter(one, totalBytes)]));
  if (missing.length === 0 && cutters.size === 0) return { digests, shards: new Map() };
  const cached = CACHED.filter((name) => missing.includes(name));
  const sha512 = missing.includes('sha512') ? createHash('sha512') : undefined;
  const made = await digestFile(file, {
    algorithms: cached,
    onProgress: (done) => onProgress?.(done, totalBytes),
    onChunk: (offset, bytes) => {
      sha512?.update(bytes);
      for (const cut of cutters.values()) cut.update(offset, bytes);
    },
  });
  for (const name of cached) digests.set(name, Buffer.from(made[name] ?? '', 'hex'));
  if (sha512 !== undefined) digests.set('sha512', sha512.digest());
  if (cached.length > 0) remember?.cache.remember(file.identity, { digests: made }, remember.nowMs);
  return { digests, shards: new Map([...cutters].map(([key, cut]) => [key, cut.digests])) };
}

const CACHED = ['sha256', 'blake2b512'] as const;

function cutter({ algorithm, sizeBytes }: Shards, totalBytes: number) {
  const digests: Buffer[] = [];
  let hash = createHash(algorithm);
  return {
    digests,
    update(offset: number, bytes: Buffer): void {
      for (let done = 0; done < bytes.length; ) {
        const at = offset + done;
        const end = Math.min(totalBytes, (Math.floor(at / sizeBytes) + 1) * sizeBytes);
        const part = bytes.subarray(done, Math.min(bytes.length, done + end - at));
        hash.update(part);
        done += part.length;
        if (at + part.length < end) continue;
        digests.push(hash.digest());
        hash = createHash(algorithm);
      }
    },
  };
}

function keyOf({ algorithm, sizeBytes }: Shards): string {
  return `${algorithm} ${sizeBytes}`;
}

// What is asked for was announced in `wanted`.
function known<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new PaddockError('internal', 'a digest was asked for that was not announced');
}
