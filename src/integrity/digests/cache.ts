import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import type { FileIdentity } from '../../format/open.ts';
import { makeFolders } from '../../lib/paths.ts';
import type { Digests } from './digest.ts';

const hex = (digits: number) => v.optional(v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`))));
const Entry = v.object({
  key: v.pipe(v.string(), v.maxLength(200)),
  digests: v.object({ sha256: hex(64), blake2b512: hex(128), tree: hex(64) }),
  /** CRC-32 of stored members that only the whole pass reads: offset of the content → checksum. */
  checksums: v.optional(v.record(v.pipe(v.string(), v.regex(/^\d{1,16}$/)), v.number())),
});
const CacheFile = v.object({ schema: v.literal('paddock/digests/v1'), entries: v.array(Entry) });

/** What is remembered of one file. */
export interface Remembered {
  readonly digests: Digests;
  readonly checksums?: Readonly<Record<string, number>>;
}

const MAX_ENTRIES = 500;
const MAX_BYTES = 4 * 1024 * 1024;
/** A file that changed less than this ago could change again within the same tick of its file system's clock. */
const SETTLED_MS = 2000;

/**
 * Digests of files, remembered under device, inode, size, and times of content and of inode in nanoseconds. A file that
 * only this user can write; anything else at its place is not believed. Reading and writing never fail: without a cache
 * a digest is computed anew.
 */
export class DigestCache {
  private readonly path: string;
  private readonly uid: number;

  /** @param path of the cache's file @param uid of the user, whose it must be */
  constructor(path: string, uid: number) {
    this.path = path;
    this.uid = uid;
  }

  /** What is remembered of this very file, by the identity of its open descriptor. */
  recall(identity: FileIdentity): Remembered | undefined {
    const found = this.read().findLast(({ key }) => key === keyOf(identity));
    if (found === undefined) return undefined;
    const { digests, checksums } = found;
    return { digests: withoutUndefined(digests), ...(checksums === undefined ? {} : { checksums }) };
  }

  /**
   * Adds to what is remembered; the oldest entries make room.
   * @param nowMs milliseconds since the epoch. A file that changed just now is not remembered: its times could stay.
   */
  remember(identity: FileIdentity, { digests, checksums }: Remembered, nowMs: number): void {
    const changedMs = Number(identity.ctimeNs / 1_000_000n);
    if (!(nowMs - changedMs >= SETTLED_MS)) return;
    const key = keyOf(identity);
    const entries = this.read();
    const before = entries.findLast((entry) => entry.key === key);
    const entry = {
      key,
      digests: { ...before?.digests, ...digests },
      ...(checksums === undefined && before?.checksums === undefined
        ? {}
        : { checksums: { ...before?.checksums, ...checksums } }),
    };
    const kept = entries.filter((other) => other.key !== key).slice(-(MAX_ENTRIES - 1));
    this.write(JSON.stringify({ schema: 'paddock/digests/v1', entries: [...kept, entry] }));
  }

  private read(): v.InferOutput<typeof Entry>[] {
    let fd: number | undefined;
    try {
      fd = openSync(this.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stats = fstatSync(fd);
      const ours = stats.isFile() && stats.uid === this.uid && (stats.mode & 0o022) === 0;
      if (!ours || stats.size > MAX_BYTES) return [];
      return v.parse(CacheFile, JSON.parse(readFileSync(fd, 'utf8'))).entries;
    } catch {
      return []; // not there, not readable, or not what paddock wrote: the digests are computed anew
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  private write(text: string): void {
    const folder = dirname(this.path);
    const next = join(folder, `.digests-${randomBytes(8).toString('hex')}`);
    try {
      makeFolders(folder, 0o700);
      writeFileSync(next, text, { flag: 'wx', mode: 0o600 });
      renameSync(next, this.path);
    } catch {
      rmSync(next, { force: true }); // a full or read-only disk costs time, not safety
    }
  }
}

function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: FileIdentity): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function withoutUndefined(digests: { [Name in keyof Digests]?: string | undefined }): Digests {
  return Object.fromEntries(Object.entries(digests).filter(([, value]) => value !== undefined));
}
