import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw, inflateRawSync } from 'node:zlib';
import type { ZipMember } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';

/** Up to this much, unpacking in one piece is faster. */
const WHOLE_BYTES = 1024 * 1024;
const CHUNK_BYTES = 1024 * 1024;
const STORED = 0;
const DEFLATED = 8;

/**
 * SHA-256 (hex) of what the program would read from a member: its content, unpacked. Memory is bounded whatever the
 * member says.
 * @returns undefined for content that no runtime could read, or that unpacks to another length than the header says.
 * @throws PaddockError of the source, for instance `changed`
 */
export async function contentDigest(source: ByteSource, member: ZipMember): Promise<string | undefined> {
  if (member.method === STORED) return digestOf(chunksOf(source, member));
  if (member.method !== DEFLATED) return undefined;
  const small = member.size <= WHOLE_BYTES && member.compressedSize <= WHOLE_BYTES;
  return small ? inflateWhole(source, member) : inflateStream(source, member);
}

/**
 * The same, and every piece of the content is handed to `write` on the way. What was written counts only with the digest
 * that comes back. Memory is bounded; so is what is written, by the size that the member says.
 * @throws whatever `write` throws
 */
export async function unpackMember(
  source: ByteSource,
  member: ZipMember,
  write: (content: Buffer) => void,
): Promise<string | undefined> {
  if (member.method === STORED && member.compressedSize === member.size) {
    return digestOf(chunksOf(source, member), write);
  }
  return member.method === DEFLATED ? inflateStream(source, member, write) : undefined;
}

function digestOf(chunks: Iterable<Buffer>, write?: (content: Buffer) => void): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) {
    hash.update(chunk);
    write?.(chunk);
  }
  return hash.digest('hex');
}

function* chunksOf(
  source: ByteSource,
  { contentOffset, compressedSize }: ZipMember,
): Generator<Buffer, void, undefined> {
  for (let done = 0; done < compressedSize; done += CHUNK_BYTES) {
    yield source.read(contentOffset + done, Math.min(CHUNK_BYTES, compressedSize - done));
  }
}

function inflateWhole(source: ByteSource, member: ZipMember): string | undefined {
  const packed = source.read(member.contentOffset, member.compressedSize);
  let content: Buffer;
  try {
    content = inflateRawSync(packed, { maxOutputLength: Math.max(1, member.size) });
  } catch (cause) {
    if (isUnpackError(cause)) return undefined; // "cannot be read" is an answer
    throw cause;
  }
  return content.length === member.size ? digestOf([content]) : undefined;
}

async function inflateStream(
  source: ByteSource,
  member: ZipMember,
  write?: (content: Buffer) => void,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  let length = 0;
  let failure: unknown;
  try {
    await pipeline(Readable.from(chunksOf(source, member)), createInflateRaw(), async (content) => {
      for await (const chunk of content as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > member.size) throw new Error('longer than it says');
        hash.update(chunk);
        try {
          write?.(chunk);
        } catch (error) {
          failure = error; // kept: see below
          throw error;
        }
      }
    });
  } catch (cause) {
    if (failure !== undefined) throw failure;
    // "Cannot be read" is an answer. Of an error in its last step a pipeline tells only that it was aborted.
    if (length > member.size || isUnpackError(cause)) return undefined;
    throw cause;
  }
  return length === member.size ? hash.digest('hex') : undefined;
}

function isUnpackError(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  return code.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE';
}
