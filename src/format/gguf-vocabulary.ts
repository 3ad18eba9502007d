import { asUntrusted } from '../lib/text.ts';
import type { GgufToken, GgufVocabulary } from './anatomy.ts';
import { VALUE } from './gguf-types.ts';

const TOKENS = 'tokenizer.ggml.tokens';
const TYPES = 'tokenizer.ggml.token_type';
/** llama_token_type of llama.h. */
const BYTE = 6;

const SPELLING = { other: 0, byte: 1, broken: 2 } as const;
const PREFIX = '<0x';
const LESS_THAN = 0x3c;
const BYTE_TOKEN = /^<0x[0-9A-Fa-f]{2}>$/;
const SPELLED_BYTES = 6;
/** Texts of broken byte tokens that are kept until their types are known. */
const KEPT = 64;

/**
 * Looks at every token and its type while they pass by. They stand in two arrays, in either order, so that one byte for each
 * token is kept of both until the end: at most 8 MiB for the longest lists.
 */
export class VocabularyScan {
  #spellings = new Uint8Array(0);
  #isByte = new Uint8Array(0);
  readonly #texts = new Map<number, string>();

  /** Whether `token` is to be called for each element of this string array. */
  beginTokens(key: string, length: number): boolean {
    if (key !== TOKENS) return false;
    this.#spellings = new Uint8Array(length);
    return true;
  }

  /** @param start the first 8 bytes of the token, at least, or all of it */
  token(index: number, start: Buffer, length: number): void {
    if (start[0] !== LESS_THAN || start.toString('latin1', 0, PREFIX.length) !== PREFIX) return;
    const text = start.toString('latin1', 0, 8);
    const isByte = length === SPELLED_BYTES && BYTE_TOKEN.test(text);
    this.#spellings[index] = isByte ? SPELLING.byte : SPELLING.broken;
    if (!isByte && this.#texts.size < KEPT) this.#texts.set(index, text);
  }

  /** Whether `types` is to be called for the elements of this array. */
  beginTypes(key: string, length: number, elementType: number): boolean {
    if (key !== TYPES || (elementType !== VALUE.i32 && elementType !== VALUE.u32)) return false;
    this.#isByte = new Uint8Array(length);
    return true;
  }

  /** @param chunk the types from this index on, four bytes each */
  types(index: number, chunk: Buffer): void {
    for (let at = 0; at < chunk.length; at += 4) {
      if (chunk.readUInt32LE(at) === BYTE) this.#isByte[index + at / 4] = 1;
    }
  }

  result(): GgufVocabulary {
    const broken = this.#bytesSpelled(SPELLING.broken);
    const other = this.#bytesSpelled(SPELLING.other);
    return {
      ...(broken === undefined ? {} : { brokenBytes: broken }),
      ...(other === undefined ? {} : { otherBytes: other }),
    };
  }

  #bytesSpelled(spelling: number): { count: number; first: GgufToken } | undefined {
    let count = 0;
    let first: number | undefined;
    const length = Math.min(this.#spellings.length, this.#isByte.length);
    for (let index = 0; index < length; index++) {
      if (this.#isByte[index] === 0 || this.#spellings[index] !== spelling) continue;
      first ??= index;
      count++;
    }
    if (first === undefined) return undefined;
    return { count, first: { index: first, text: asUntrusted(this.#texts.get(first) ?? '') } };
  }
}
