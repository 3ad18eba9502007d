import { createHash, randomBytes } from 'node:crypto';
import { constants, copyFileSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Architecture } from '../../format/anatomy.ts';
import { identityChanged, type JudgedFile } from '../../format/open.ts';
import { readAnatomy } from '../../format/read.ts';
import { type ByteSource, descriptorSource } from '../../format/source.ts';
import { PaddockError } from '../../lib/errors.ts';
import type { ProcessName } from '../../lib/proc.ts';
import { escapeText } from '../../lib/text.ts';
import { formatBytes } from '../../lib/units.ts';
import { elfHeader } from '../loader.ts';
import { factsText, openCopy, type StoredCopy } from './facts.ts';
import { namesOf, type StorePlace, sourceName, within } from './places.ts';

export interface CopyInput {
  readonly place: StorePlace;
  /** What is copied: by its descriptor, wherever its path leads by now. */
  readonly source: JudgedFile;
  readonly architecture: Architecture;
  /** Who copies, so that what he leaves behind unfinished can be told from what is being made. */
  readonly owner: ProcessName;
  readonly now: Date;
  /** Bytes that have been copied. */
  readonly report: (doneBytes: number, totalBytes: number) => void;
}

const CHUNK_BYTES = 4 << 20;
/** Left free on the file system for everybody else. */
const SPARE_BYTES = 64 << 20;
/** Read and executed by nobody but its owner, written by nobody. */
const COPY_MODE = 0o500;

/**
 * Makes a private copy: shared with the file where the file system can (FICLONE: Btrfs, XFS and others, at no cost), else
 * byte by byte. Its name is the digest of the bytes that are in it. Of an APE program the copy begins with the program's
 * own ELF header, as `assimilate` would leave it: the kernel runs it without a loader, and lets nobody write to it then.
 * @throws PaddockError `changed` where somebody writes to the file meanwhile, `too-large` where there is no room, `io`
 */
export async function makeCopy(input: CopyInput): Promise<StoredCopy> {
  const { place, source, owner } = input;
  const partial = within(
    place,
    'partial',
    `${owner.pid}.${owner.startTime}.${randomBytes(8).toString('hex')}`,
  );
  try {
    const isShared = shareBlocks(source.fd, partial);
    if (!isShared) checkRoom(input);
    const handle = await open(partial, isShared ? 'r+' : 'wx+', 0o600);
    try {
      return keep(input, partial, await fill(input, handle, isShared));
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof PaddockError) throw cause;
    throw failed(place, cause);
  } finally {
    rmSync(partial, { force: true });
  }
}

interface Filled {
  readonly sha256: string;
  /** What was in the place of the ELF header. */
  readonly start?: Buffer;
}

async function fill(input: CopyInput, handle: FileHandle, isShared: boolean): Promise<Filled> {
  const sha256 = await digestCopied(input, handle, isShared);
  const header = ownHeader(descriptorSource(handle.fd), input.architecture);
  let start: Buffer | undefined;
  if (header !== undefined) {
    start = Buffer.alloc(header.length);
    await handle.read(start, 0, start.length, 0);
    await handle.write(header, 0, header.length, 0);
  }
  await handle.chmod(COPY_MODE);
  await handle.sync(); // a copy that a crash has cut short must not stand under the name of the whole one
  return { sha256, ...(start === undefined ? {} : { start }) };
}

// What is digested is what is in the copy: read back from it where blocks are shared, else what is written into it.
async function digestCopied(
  { source, report }: CopyInput,
  handle: FileHandle,
  isShared: boolean,
): Promise<string> {
  const hash = createHash('sha256');
  const total = Number(source.identity.size);
  const from = isShared ? handle : await open(`/proc/self/fd/${source.fd}`, 'r');
  try {
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, total));
    for (let done = 0; done < total; ) {
      if (identityChanged(source.fd, source.identity)) throw changed();
      const { bytesRead } = await from.read(buffer, 0, Math.min(buffer.length, total - done), done);
      if (bytesRead === 0) throw changed();
      const chunk = buffer.subarray(0, bytesRead);
      if (!isShared) await handle.writev([chunk], done);
      hash.update(chunk);
      done += bytesRead;
      report(done, total);
    }
  } finally {
    if (from !== handle) await from.close();
  }
  if (identityChanged(source.fd, source.identity)) throw changed();
  return hash.digest('hex');
}

function keep(input: CopyInput, partial: string, { sha256, start }: Filled): StoredCopy {
  const { place, architecture, source, now } = input;
  const names = namesOf(place, sha256);
  const already = openCopy(place, sha256, architecture);
  if (already === undefined) {
    const own = start === undefined ? {} : { start: start.toString('hex'), architecture };
    const facts = { sha256, size: Number(source.identity.size), ...own, made: now.toISOString() };
    rmSync(names.facts, { force: true }); // without facts a content is none: it is exchanged in between
    renameSync(partial, names.content);
    writeWhole(input, names.facts, factsText(facts));
  }
  writeWhole(input, within(place, 'sources', sourceName(source.identity)), `${sha256}\n`);
  const copy = already ?? openCopy(place, sha256, architecture);
  if (copy === undefined) throw failed(place, new Error('it is not as it was written'));
  return copy;
}

function writeWhole({ place, owner }: CopyInput, path: string, text: string): void {
  const partial = within(
    place,
    'partial',
    `${owner.pid}.${owner.startTime}.${randomBytes(8).toString('hex')}`,
  );
  writeFileSync(partial, text, { mode: 0o600, flag: 'wx' });
  renameSync(partial, path);
}

function shareBlocks(fd: number, path: string): boolean {
  try {
    copyFileSync(`/proc/self/fd/${fd}`, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    rmSync(path, { force: true });
    return false; // another file system, or one that shares no blocks: copied then, and a real fault shows there
  }
}

// A file that cannot be read as a llamafile is copied as it is: the judgement says what is wrong with it.
function ownHeader(copied: ByteSource, architecture: Architecture): Uint8Array | undefined {
  try {
    const anatomy = readAnatomy(copied);
    const program = anatomy.programs.find((one) => one.architecture === architecture);
    return anatomy.form === 'ape' && program !== undefined ? elfHeader(copied, program) : undefined;
  } catch (cause) {
    if (cause instanceof PaddockError) return undefined;
    throw cause;
  }
}

function checkRoom({ place, source }: CopyInput): void {
  const { bavail, bsize } = statfsSync(place.folder);
  const free = bavail * bsize - SPARE_BYTES;
  const size = Number(source.identity.size);
  if (size <= free) return;
  throw new PaddockError('too-large', 'there is no room for a private copy of the file', {
    where: escapeText(place.folder, 4096),
    expected: `${formatBytes(size + SPARE_BYTES)} free`,
    found: formatBytes(Math.max(0, free + SPARE_BYTES)),
    remedy:
      'remove old copies with `paddock store prune`; or set XDG_DATA_HOME to a larger file system, best the one of the file',
  });
}

function changed(): PaddockError {
  return new PaddockError('changed', 'the file was changed while it was copied', {
    check: 'FILE-001',
    expected: 'one and the same content from the first byte to the last',
    found: 'other size, times, owner, mode or links',
    remedy: 'wait until it is written (a download?), then try again',
  });
}

function failed({ folder }: StorePlace, cause: unknown): PaddockError {
  return new PaddockError('io', 'the private copy cannot be made', {
    where: escapeText(folder, 4096),
    found: escapeText(cause instanceof Error ? cause.message : String(cause), 300),
    remedy: 'see whether the folder may be written and has room (XDG_DATA_HOME)',
    cause,
  });
}
