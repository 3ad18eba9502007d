import { PaddockError } from '../../lib/errors.ts';
import type { Environment } from '../../lib/paths.ts';
import {
  BACKSLASH,
  CLOSE_BRACE,
  DOLLAR,
  DOT,
  DOUBLE_QUOTE,
  decode,
  HASH,
  hexValue,
  isDigit,
  isName,
  isSpace,
  LETTERS,
  NEWLINE,
  OPEN_BRACE,
  QUOTE,
  RETURN,
  SMALL_X,
} from './bytes.ts';
import {
  type DotArgs,
  type DotArgsToken,
  type Dots,
  lineCounter,
  type VariableReference,
} from './dot-args.ts';

/** More is refused: a file of 64 KiB can name a long variable twenty thousand times. */
const MAX_EXPANDED = 4 * 1024 * 1024;

/**
 * `.args` as releases since 0.8.17 read it: words like a shell's, with its own rules where a shell has others.
 *
 * - White space ends a word; `#` begins a comment only where a word could begin; `...` stands for the user's arguments only
 *   as a word of its own, and only the first time.
 * - `'…'` is literal; in `"…"` there are C's escapes with octal and hexadecimal numbers; outside quotes a backslash has the
 *   escapes of one letter, or takes the next byte as it is.
 * - A backslash before a newline goes back to where a word could begin *and keeps what the word has so far*: white space
 *   does not end it any more, and a `#` or `...` counts again.
 * - `$NAME` and `${NAME}` become the variable's value, which is not split; one that is not set becomes nothing.
 * - Quotes may stay open. A word that is empty is an argument, but not as the last one. A NUL ends an argument's text.
 *
 * @param environment that the program will have, so that variables become what they will be.
 * @throws PaddockError `too-large` when variables make it longer than 4 MiB. Work is bounded by input and that.
 *
 * Source: cosmopolitan 3.9.7 and 4.0.2, tool/args/args2.c (`cosmo_args`).
 */
export function parseShell(bytes: Uint8Array, environment: Environment = {}): DotArgs {
  const reader = new ShellReader(bytes, environment);
  reader.readAll();
  const { tokens, dots, variables, insertAt } = reader;
  return { tokens, dots, variables, ...(insertAt === undefined ? {} : { insertAt }) };
}

/** Where the reader is: a word could begin here, or it is inside of one. */
type State = 'start' | 'word';

class ShellReader {
  readonly tokens: DotArgsToken[] = [];
  readonly dots: Dots[] = [];
  readonly variables: VariableReference[] = [];
  insertAt: number | undefined;

  readonly #bytes: Uint8Array;
  readonly #environment: Environment;
  readonly #lineOf: (offset: number) => number;
  #at = 0;
  #word: number[] = [];
  #variables: VariableReference[] = [];
  /** First byte of the word, and the one behind its last. */
  #begin: number | undefined;
  #end = 0;
  #expanded = 0;

  constructor(bytes: Uint8Array, environment: Environment) {
    this.#bytes = bytes;
    this.#environment = environment;
    this.#lineOf = lineCounter(bytes);
  }

  readAll(): void {
    let state: State = 'start';
    while (this.#at < this.#bytes.length) state = state === 'start' ? this.#start() : this.#inWord();
    if (this.#word.length > 0) this.#push();
  }

  #start(): State {
    const byte = this.#byte();
    if (isSpace(byte)) this.#at++;
    else if (byte === HASH) this.#skipBehind(NEWLINE);
    else if (byte === DOT) return this.#leadingDots();
    else return this.#inWord();
    return 'start';
  }

  #leadingDots(): State {
    const offset = this.#at;
    while (this.#at - offset < 3 && this.#byte() === DOT) this.#at++;
    const count = this.#at - offset;
    const next = this.#byte();
    if (count === 3 && (next === undefined || isSpace(next))) {
      this.dots.push({ offset, effect: this.insertAt === undefined ? 'insert' : 'nothing' });
      this.insertAt ??= this.tokens.length;
      return 'start';
    }
    this.#touch(offset);
    for (let i = 0; i < count; i++) this.#append(DOT);
    return 'word';
  }

  #inWord(): State {
    const offset = this.#at;
    const byte = this.#byte();
    if (isSpace(byte)) {
      this.#push();
      return 'start';
    }
    this.#at++;
    if (byte === BACKSLASH) return this.#backslash(offset);
    this.#begin ??= offset;
    if (byte === QUOTE) this.#quoted();
    else if (byte === DOUBLE_QUOTE) this.#doubleQuoted();
    else if (byte === DOLLAR) this.#dollar(offset, true);
    else if (byte !== undefined) this.#append(byte);
    this.#end = this.#at;
    return 'word';
  }

  #backslash(offset: number): State {
    while (this.#byte() === RETURN) this.#at++;
    const byte = this.#byte();
    if (byte === undefined) return 'word';
    this.#at++;
    if (byte === NEWLINE) return 'start';
    this.#touch(offset);
    this.#append(LETTERS.get(byte) ?? byte);
    return 'word';
  }

  #quoted(): void {
    for (let byte = this.#take(); byte !== undefined && byte !== QUOTE; byte = this.#take())
      this.#append(byte);
  }

  #doubleQuoted(): void {
    for (let byte = this.#take(); byte !== undefined && byte !== DOUBLE_QUOTE; byte = this.#take()) {
      if (byte === DOLLAR) this.#dollar(this.#at - 1, false);
      else if (byte === BACKSLASH) this.#escape();
      else this.#append(byte);
    }
  }

  // What the file's end cuts off is lost, a number as well as a lone backslash.
  #escape(): void {
    while (this.#byte() === RETURN) this.#at++;
    const byte = this.#take();
    if (byte === undefined || byte === NEWLINE) return;
    if (isDigit(byte)) this.#octal(byte);
    else if (byte === SMALL_X) this.#hexadecimal();
    else this.#append(LETTERS.get(byte) ?? byte);
  }

  // 8 and 9 are digits here, too.
  #octal(first: number): void {
    let value = first - 48;
    for (let digits = 1; digits < 3; digits++) {
      const next = this.#byte();
      if (next === undefined) return;
      if (!isDigit(next)) break;
      value = value * 8 + (next - 48);
      this.#at++;
    }
    this.#append(value & 255);
  }

  #hexadecimal(): void {
    const high = hexValue(this.#byte());
    if (high === undefined) {
      if (this.#byte() !== undefined) this.#append(SMALL_X);
      return;
    }
    this.#at++;
    const low = hexValue(this.#byte());
    if (low === undefined) {
      if (this.#byte() !== undefined) this.#append(high);
      return;
    }
    this.#at++;
    this.#append(high * 16 + low);
  }

  // A dollar before another one stays, and what follows the last may still be a name.
  #dollar(start: number, keepsLast: boolean): void {
    for (let offset = start; ; offset = this.#at++) {
      const byte = this.#byte();
      if (byte === undefined) {
        if (keepsLast) this.#append(DOLLAR);
        return;
      }
      if (isName(byte)) this.#variable(offset, this.#at, this.#skipName());
      else if (byte === OPEN_BRACE) this.#braced(offset);
      else this.#append(DOLLAR);
      if (byte !== DOLLAR) return;
    }
  }

  #braced(offset: number): void {
    const from = ++this.#at;
    const to = this.#bytes.indexOf(CLOSE_BRACE, from);
    if (to !== -1) {
      this.#at = to + 1;
      this.#variable(offset, from, to);
      return;
    }
    this.#at = this.#bytes.length;
    const nul = this.#bytes.indexOf(0, from);
    for (const byte of this.#bytes.subarray(offset, nul === -1 ? this.#at : nul)) this.#append(byte);
  }

  #variable(offset: number, from: number, to: number): void {
    const [name = ''] = decode(this.#bytes.subarray(from, to)).split('\0', 1);
    const value = this.#lookUp(name);
    const place = { name, offset, length: this.#at - offset };
    const reference = value === undefined ? place : { ...place, value };
    this.variables.push(reference);
    this.#variables.push(reference);
    const bytes = Buffer.from(value ?? '');
    this.#expanded += bytes.length;
    if (this.#expanded > MAX_EXPANDED) throw tooLong(offset);
    for (const byte of bytes) this.#append(byte);
  }

  // The runtime compares up to the first `=`, also of the name it looks for.
  #lookUp(asked: string): string | undefined {
    const [name = ''] = asked.split('=', 1);
    return Object.hasOwn(this.#environment, name) ? this.#environment[name] : undefined;
  }

  #skipName(): number {
    for (let byte = this.#byte(); byte !== undefined && isName(byte); byte = this.#byte()) this.#at++;
    return this.#at;
  }

  #skipBehind(byte: number): void {
    const found = this.#bytes.indexOf(byte, this.#at);
    this.#at = found === -1 ? this.#bytes.length : found + 1;
  }

  #push(): void {
    const offset = this.#begin ?? this.#at;
    const nul = this.#word.indexOf(0);
    this.tokens.push({
      text: decode(Uint8Array.from(nul === -1 ? this.#word : this.#word.slice(0, nul))),
      offset,
      length: Math.max(0, this.#end - offset),
      line: this.#lineOf(offset),
      variables: this.#variables,
    });
    this.#word = [];
    this.#variables = [];
    this.#begin = undefined;
  }

  #touch(offset: number): void {
    this.#begin ??= offset;
    this.#end = this.#at;
  }

  #append(byte: number): void {
    this.#word.push(byte);
  }

  #take(): number | undefined {
    const byte = this.#byte();
    if (byte !== undefined) this.#at++;
    return byte;
  }

  #byte(): number | undefined {
    return this.#bytes[this.#at];
  }
}

function tooLong(offset: number): PaddockError {
  return new PaddockError('too-large', '.args becomes too long by its environment variables', {
    expected: `at most ${MAX_EXPANDED} bytes`,
    offset,
    remedy: 'leave the long variables out of `environment.pass` and `environment.set` of the policy',
  });
}
