import { createHash } from 'node:crypto';
import { inflateRawSync, type Zlib } from 'node:zlib';
import { crc32 } from '../lib/crc32.ts';
import { PaddockError } from '../lib/errors.ts';
import type { Architecture, EmbeddedLoader } from './anatomy.ts';
import { malformed, tooLarge } from './faults.ts';
import type { ByteSource } from './source.ts';

/** Bytes [skip, skip + count) that the shell script unpacks with `dd`, in bytes. */
export interface LoaderRange {
  readonly offset: number;
  readonly length: number;
  readonly gzip: boolean;
}

/** Loaders have 8 to 9 KiB, ape-m1.c 40 KiB. */
const LOADER_LIMIT = 1024 * 1024;
/** Deflate, no name, no time, level 9, Unix: what apelink writes before each of its loaders. */
const GZIP_HEADER = Buffer.from('1f8b0800000000000203', 'hex');
const GZIP_TRAILER = 8;
const MACHINES: Readonly<Record<number, Architecture>> = { 62: 'x86-64', 183: 'aarch64' };

/**
 * Unpacks one embedded loader in memory and names it by its SHA-256.
 * @throws PaddockError `malformed` if it is no gzip stream that fills its range exactly, `too-large` above 1 MiB.
 */
export function readLoader(source: ByteSource, range: LoaderRange): EmbeddedLoader {
  const { offset, length, gzip } = range;
  if (length > LOADER_LIMIT)
    throw tooLarge('an embedded loader is too large', offset, `${LOADER_LIMIT} bytes`, `${length}`);
  const bytes = source.read(offset, length);
  const loader = gzip ? gunzip(bytes, offset) : bytes;
  const elf = loader.length >= 20 && loader.toString('latin1', 0, 4) === '\x7fELF';
  return {
    kind: elf ? 'elf' : 'source',
    architecture: (elf ? MACHINES[loader.readUInt16LE(18)] : undefined) ?? 'any',
    encoding: gzip ? 'gzip' : 'raw',
    offset,
    length,
    sha256: createHash('sha256').update(loader).digest('hex'),
    size: loader.length,
  };
}

/** The bytes of a loader that `readLoader` described. */
export function unpackLoader(source: ByteSource, loader: EmbeddedLoader): Buffer {
  const bytes = source.read(loader.offset, loader.length);
  const unpacked = loader.encoding === 'gzip' ? gunzip(bytes, loader.offset) : bytes;
  if (createHash('sha256').update(unpacked).digest('hex') === loader.sha256) return unpacked;
  throw new PaddockError('changed', 'the embedded loader changed since it was checked', {
    check: 'FILE-001',
    offset: loader.offset,
  });
}

/** One gzip member without optional fields that is exactly `bytes`. */
function gunzip(bytes: Buffer, offset: number): Buffer {
  const plain =
    bytes.length >= GZIP_HEADER.length + GZIP_TRAILER &&
    GZIP_HEADER.equals(bytes.subarray(0, GZIP_HEADER.length));
  if (!plain) {
    throw malformed('an embedded loader is not a plain gzip stream', {
      check: 'APE-015',
      offset,
      expected: GZIP_HEADER.toString('hex'),
      found: bytes.subarray(0, GZIP_HEADER.length).toString('hex'),
    });
  }
  const { buffer, engine } = inflate(bytes.subarray(GZIP_HEADER.length), offset);
  const used = GZIP_HEADER.length + engine.bytesWritten + GZIP_TRAILER;
  const trailer = used <= bytes.length ? bytes.subarray(used - GZIP_TRAILER, used) : undefined;
  const sum = trailer !== undefined && trailer.readUInt32LE(0) === crc32(buffer);
  if (used !== bytes.length || !sum || trailer.readUInt32LE(4) !== buffer.length) {
    throw malformed('an embedded loader does not fill the range that the script unpacks', {
      check: 'APE-015',
      offset,
      expected: `a gzip stream of ${bytes.length} bytes with a right checksum`,
      found: sum ? `${used} bytes` : 'a wrong or missing checksum',
    });
  }
  return buffer;
}

function inflate(bytes: Buffer, offset: number): { buffer: Buffer; engine: Zlib } {
  try {
    const result: unknown = inflateRawSync(bytes, { maxOutputLength: LOADER_LIMIT, info: true });
    return result as { buffer: Buffer; engine: Zlib };
  } catch (cause) {
    const found = (cause as NodeJS.ErrnoException).code ?? 'an error';
    if (found === 'ERR_BUFFER_TOO_LARGE') {
      throw tooLarge(
        'an embedded loader unpacks to too much',
        offset,
        `at most ${LOADER_LIMIT} bytes`,
        'more',
      );
    }
    throw malformed('an embedded loader cannot be unpacked', {
      check: 'APE-015',
      offset,
      expected: 'a deflate stream',
      found,
    });
  }
}
