import { asUntrusted, type Untrusted } from '../lib/text.ts';
import { malformed, tooLarge } from './faults.ts';
import { LIMITS } from './gguf-types.ts';
import type { ByteSource } from './source.ts';

const WINDOW = 256 * 1024;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads forward through `[start, end)` of a source with one small window in memory. */
export class GgufCursor {
  readonly #source: ByteSource;
  readonly #start: number;
  readonly #end: number;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;
  /** Absolute offset of the next byte. */
  at: number;

  constructor(source: ByteSource, start: number, end: number) {
    this.#source = source;
    this.#start = start;
    this.#end = end;
    this.at = start;
  }

  get remaining(): number {
    return this.#end - this.at;
  }

  u8(): number {
    return this.#take(1).readUInt8(0);
  }

  u32(): number {
    return this.#take(4).readUInt32LE(0);
  }

  u64(): bigint {
    return this.#take(8).readBigUInt64LE(0);
  }

  /** A 64-bit count or length. @throws `malformed` (`check`) above `limit`, which the rest of the member sets. */
  count(limit: number, what: string, check: string): number {
    const offset = this.at;
    const value = this.u64();
    if (value <= BigInt(Math.floor(limit))) return Number(value);
    throw malformed(`${what} does not fit into what is left of the GGUF`, {
      check,
      offset,
      expected: `at most ${Math.floor(limit)}`,
      found: String(value),
    });
  }

  /** At most 64 KiB, valid until the next read. */
  bytes(length: number): Buffer {
    return this.#take(length);
  }

  /** A string's length and its first bytes, at most `limit` (up to 64 KiB) of them; the rest is skipped. Any bytes are right. */
  stringStart(limit: number): { readonly length: number; readonly start: Buffer } {
    const length = this.#stringLength();
    const start = this.#take(Math.min(limit, length));
    this.skip(length - start.length);
    return { length, start };
  }

  /** A string that is kept. @throws `malformed` (`check`) if it is not UTF-8 or longer than `limitBytes`. */
  text(what: string, check: string, limitBytes: number = LIMITS.stringBytes): Untrusted {
    const offset = this.at;
    const length = this.#stringLength();
    if (length > limitBytes) {
      throw malformed(`${what} is too long`, {
        check,
        offset,
        expected: `at most ${limitBytes} bytes`,
        found: `${length} bytes`,
      });
    }
    const bytes = length > WINDOW ? this.#direct(length) : this.#take(length);
    try {
      return asUntrusted(UTF8.decode(bytes));
    } catch {
      // Reported with its place: the decoder's own words would not help.
      throw malformed(`${what} is not valid UTF-8`, {
        check,
        offset,
        expected: 'UTF-8',
        found: `${length} other bytes`,
      });
    }
  }

  skip(length: number): void {
    this.#demand(length);
    this.at += length;
  }

  #stringLength(): number {
    const offset = this.at;
    const length = this.count(this.remaining - 8, 'the length of a string', 'GGUF-014');
    if (length <= LIMITS.stringBytes) return length;
    throw tooLarge(
      'a string is too long',
      offset,
      `${LIMITS.stringBytes} bytes`,
      `${length} bytes`,
      'GGUF-014',
    );
  }

  #take(length: number): Buffer {
    this.#demand(length);
    const from = this.at - this.#windowAt;
    this.at += length;
    if (from >= 0 && from + length <= this.#window.length) return this.#window.subarray(from, from + length);
    this.#windowAt = this.at - length;
    this.#window = this.#source.read(this.#windowAt, Math.min(WINDOW, this.#end - this.#windowAt));
    return this.#window.subarray(0, length);
  }

  #direct(length: number): Buffer {
    this.#demand(length);
    this.at += length;
    return this.#source.read(this.at - length, length);
  }

  #demand(length: number): void {
    if (length > this.remaining) {
      throw malformed('the GGUF ends inside its header', {
        check: 'GGUF-022',
        offset: this.at,
        expected: `${length} more bytes`,
        found: `${this.remaining} bytes`,
      });
    }
    if (this.at + length - this.#start > LIMITS.headerBytes) {
      throw tooLarge(
        'the GGUF header is too long',
        this.#start,
        `${LIMITS.headerBytes} bytes`,
        'more',
        'GGUF-022',
      );
    }
  }
}
