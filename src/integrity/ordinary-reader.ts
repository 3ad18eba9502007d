import { Readable } from 'node:stream';
import type { ByteSource } from '../format/source.ts';
import { escapeText } from '../lib/text.ts';

/** A member as an ordinary zip library lists it. */
export interface ListedMember {
  readonly name: string;
  readonly localOffset: number;
  readonly method: number;
  readonly size: number;
  readonly compressedSize: number;
}

/** Directories above this are refused by our own reader before. */
const MEMBERS_LIMIT = 32_768;

/**
 * The directory of the archive as yauzl lists it: where an ordinary reader sees something else, one of them can be deceived.
 * Names are decoded as ours are. Nothing is unpacked.
 * @returns a few words where it reads no archive; escaped.
 */
export async function ordinaryView(source: ByteSource): Promise<ListedMember[] | string> {
  const { default: yauzl } = await import('yauzl');
  class Reader extends yauzl.RandomAccessReader {
    override _readStreamForRange(start: number, end: number): Readable {
      return Readable.from([source.read(start, end - start)]);
    }
    override read(
      buffer: Buffer,
      offset: number,
      length: number,
      position: number,
      callback: (error: Error | null) => void,
    ): void {
      try {
        source.read(position, length).copy(buffer, offset);
      } catch (cause) {
        return void setImmediate(callback, cause instanceof Error ? cause : new Error(String(cause)));
      }
      setImmediate(callback, null);
    }
  }
  return new Promise((resolve) => {
    const failed = (cause: Error) => resolve(`yauzl: ${escapeText(cause.message, 120)}`);
    const listed: ListedMember[] = [];
    yauzl.fromRandomAccessReader(
      new Reader(),
      source.size,
      { lazyEntries: true, decodeStrings: false, validateEntrySizes: false, autoClose: false },
      (error, archive) => {
        if (error !== null && error !== undefined) return failed(error);
        archive.on('error', failed);
        archive.on('end', () => resolve(listed));
        archive.on('entry', (entry) => {
          listed.push(member(entry));
          if (listed.length > MEMBERS_LIMIT) resolve('more members than paddock judges');
          else archive.readEntry();
        });
        archive.readEntry();
      },
    );
  });
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function member(entry: {
  fileName: unknown;
  relativeOffsetOfLocalHeader: number;
  compressionMethod: number;
  uncompressedSize: number;
  compressedSize: number;
}): ListedMember {
  const bytes = Buffer.from(entry.fileName as Buffer);
  return {
    name: decode(bytes),
    localOffset: entry.relativeOffsetOfLocalHeader,
    method: entry.compressionMethod,
    size: entry.uncompressedSize,
    compressedSize: entry.compressedSize,
  };
}

function decode(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return bytes.toString('latin1'); // as our own reader does
  }
}
