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

  u32(): number {
    const at = this.#ensure(4);
    return this.#window.readUInt32LE(at);
  }

  u64(): bigint {
    const at = this.#ensure(8);
    return this.#window.readBigUInt64LE(at);
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

  /** A string's length, in bytes; its bytes are skipped. */
  skipString(): number {
    const length = this.#stringLength();
    this.skip(length);
    return length;
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
    const at = this.#ensure(8);
    const low = this.#window.readUInt32LE(at);
    // The usual case by itself: token lists have hundreds of thousands of lengths.
    if (this.#window.readUInt32LE(at + 4) === 0 && low <= this.remaining && low <= LIMITS.stringBytes)
      return low;
    this.at = offset;
    const length = this.count(this.remaining - 8, 'the length of a string', 'GGUF-014');
    throw tooLarge(
      'a string is too long',
      offset,
      `${LIMITS.stringBytes} bytes`,
      `${length} bytes`,
      'GGUF-014',
    );
  }

  #take(length: number): Buffer {
    const at = this.#ensure(length);
    return this.#window.subarray(at, at + length);
  }

  /** Makes sure that the next `length` bytes are in the window, and goes behind them. Where they are in it. */
  #ensure(length: number): number {
    this.#demand(length);
    const from = this.at - this.#windowAt;
    this.at += length;
    if (from >= 0 && from + length <= this.#window.length) return from;
    this.#windowAt = this.at - length;
    this.#window = this.#source.read(this.#windowAt, Math.min(WINDOW, this.#end - this.#windowAt));
    return 0;
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
