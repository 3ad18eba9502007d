/**
 * A filter for what a program writes to the user's terminal. Text, colours, cursor movement and full-screen modes
 * pass; whatever sets the title or the clipboard, makes the terminal answer (the answer would be typed into the
 * user's next command), erases the scrollback, or resets the terminal is removed.
 *
 * Sequences: ECMA-48 5th edition, and the control sequences that xterm documents. The terminal never sees the
 * introducer of a removed sequence, so what follows it is at worst shown as text.
 */
export interface TerminalFilter {
  /** Filters one chunk. A sequence that is cut by the end of the chunk waits for the next. */
  push(chunk: Uint8Array): Buffer;
  /** Nothing more comes: an unfinished sequence is dropped. Returns how many sequences were removed in all. */
  end(): { readonly removed: number };
}

/** Final bytes of control sequences (CSI) without private marker that pass. */
const CSI_ALLOWED = new Set('@ABCDEFGHIJKLMPSTXZ`adefmrsu');
/** DEC private modes that `CSI ? n h` and `l` may set: cursor keys, wrap, blink, cursor, alternate screen, paste, synchronised output. */
const PRIVATE_MODES = new Set(['1', '7', '12', '25', '47', '1047', '1048', '1049', '2004', '2026']);
/** ECMA-48 modes that `CSI n h` and `l` may set: insert, line feed. */
const ANSI_MODES = new Set(['4', '20']);
/** Bytes after ESC that pass alone: save and restore cursor, index, next line, reverse index, keypad modes. */
const ESC_ALLOWED = new Set('78DEM=>');
/** C0 controls that pass: BEL, BS, TAB, LF, VT, FF, CR. */
const C0_ALLOWED = new Set([7, 8, 9, 10, 11, 12, 13]);

const ESC = 0x1b;
const BEL = 0x07;
/** Longest control sequence kept while it is incomplete; longer ones are removed. */
const MAX_SEQUENCE = 256;
/** Longest string (OSC, DCS, APC, PM, SOS) swallowed; after that text passes again. */
const MAX_STRING = 64 * 1024;

/**
 * Bytes that pass in the text state without a look: runs of them are copied whole. Of those above ASCII these are
 * the ones that are never part of UTF-8, and controls nowhere.
 */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  (byte >= 0x20 && byte < 0x7f) || C0_ALLOWED.has(byte) || (byte >= 0xa0 && continuations(byte) === 0)
    ? 1
    : 0,
);

type State = 'text' | 'lead' | 'escape' | 'charset' | 'csi' | 'csi-skip' | 'string' | 'string-escape';

/** A new filter, in the state of a terminal after reset. */
export function terminalFilter(): TerminalFilter {
  let state: State = 'text';
  let pending: number[] = [];
  let swallowed = 0;
  let removed = 0;

  function step(byte: number, out: number[]): void {
    switch (state) {
      case 'text':
        if (byte === ESC) enter('escape', [byte]);
        else if (continuations(byte) > 0) enter('lead', [byte]);
        else if (PLAIN[byte] === 1) out.push(byte);
        else removed++; // 0x80 to 0x9f among them: outside of a character they are the C1 controls of an 8-bit terminal
        return;
      case 'lead':
        character(byte, out);
        return;
      case 'escape':
        escapeStep(byte, out);
        return;
      case 'charset': // ESC ( B and the like: ASCII and DEC line drawing only
        if (byte === 0x42 || byte === 0x30) out.push(...pending, byte);
        else removed++;
        restartAt(byte, byte === ESC, out);
        return;
      case 'csi':
      case 'csi-skip':
        sequence(byte, out);
        return;
      case 'string':
        swallowed++;
        if (byte === BEL || swallowed > MAX_STRING) enter('text', []);
        else if (byte === ESC) state = 'string-escape';
        return;
      case 'string-escape':
        if (byte === 0x5c) enter('text', []);
        else {
          enter('escape', [ESC]);
          step(byte, out);
        }
        return;
    }
  }

  function character(byte: number, out: number[]): void {
    const [lead = 0] = pending;
    if (!continues(pending, byte)) {
      // No character. C2 could meet its other half when what is between is removed; continuations below 0xa0 are controls.
      out.push(...pending.filter((one) => one >= 0xa0 && one !== 0xc2));
      removed++;
      restartAt(byte, true, out);
    } else if (lead === 0xc2 && byte <= 0x9f) {
      // U+0080 to U+009F are the C1 controls, which some terminals obey
      removed++;
      enter('text', []);
      if (byte === 0x9b) enter('csi-skip', []);
      if (STRING_C1.has(byte)) startString();
    } else if (pending.push(byte) > continuations(lead)) {
      out.push(...pending);
      enter('text', []);
    }
  }

  function escapeStep(byte: number, out: number[]): void {
    const char = String.fromCharCode(byte);
    if (char === '[') enter('csi', [ESC, byte]);
    else if (char === '(' || char === ')') enter('charset', [ESC, byte]);
    else if (']PX^_'.includes(char)) startString();
    else if (ESC_ALLOWED.has(char)) {
      out.push(ESC, byte);
      enter('text', []);
    } else {
      removed++;
      restartAt(byte, byte === ESC || byte < 0x20 || byte > 0x7e, out);
    }
  }

  function sequence(byte: number, out: number[]): void {
    const inside = byte >= 0x20 && byte <= 0x3f;
    if (inside && state === 'csi') {
      pending.push(byte);
      if (pending.length > MAX_SEQUENCE) state = 'csi-skip';
      return;
    }
    if (inside) {
      if (++swallowed > MAX_STRING) enter('text', []);
      return;
    }
    const final = byte >= 0x40 && byte <= 0x7e;
    if (final && state === 'csi' && allowedSequence(pending, byte)) out.push(...pending, byte);
    else removed++;
    restartAt(byte, !final, out);
  }

  // A byte that cannot belong to the sequence ends it and is read again as text.
  function restartAt(byte: number, again: boolean, out: number[]): void {
    enter('text', []);
    if (again) step(byte, out);
  }

  function startString(): void {
    removed++;
    swallowed = 0;
    enter('string', []);
  }

  function enter(next: State, bytes: number[]): void {
    state = next;
    pending = bytes;
    if (next === 'csi-skip') swallowed = 0;
  }

  return {
    push(chunk) {
      const parts: Uint8Array[] = [];
      let at = 0;
      while (at < chunk.length) {
        const start = at;
        while (state === 'text' && at < chunk.length && PLAIN[chunk[at] ?? 0] === 1) at++;
        if (at > start) parts.push(chunk.subarray(start, at));
        const out: number[] = [];
        do {
          if (at < chunk.length) step(chunk[at++] ?? 0, out);
        } while (state !== 'text' && at < chunk.length);
        if (out.length > 0) parts.push(Uint8Array.from(out));
      }
      return Buffer.concat(parts);
    },
    end() {
      if (state !== 'text') removed++;
      enter('text', []);
      return { removed };
    },
  };
}

/** How many bytes follow this first byte of a character beyond ASCII (RFC 3629); 0 for one that is no first byte. */
function continuations(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

/** Whether the byte goes on with a well-formed character: no overlong form, no surrogate, nothing above U+10FFFF. */
function continues([lead = 0, ...rest]: readonly number[], byte: number): boolean {
  const [lowest, highest] = (rest.length === 0 ? SECOND.get(lead) : undefined) ?? [0x80, 0xbf];
  return byte >= lowest && byte <= highest;
}

/** Second bytes that are narrower after these first ones. */
const SECOND: ReadonlyMap<number, readonly [number, number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);

// DCS, SOS, OSC, PM, APC as single C1 controls.
const STRING_C1 = new Set([0x90, 0x98, 0x9d, 0x9e, 0x9f]);

function allowedSequence(bytes: readonly number[], finalByte: number): boolean {
  const body = String.fromCharCode(...bytes.slice(2));
  const final = String.fromCharCode(finalByte);
  if (final === 'h' || final === 'l') {
    const modes = body.startsWith('?') ? PRIVATE_MODES : ANSI_MODES;
    return body
      .replace(/^\?/, '')
      .split(';')
      .every((mode) => modes.has(mode));
  }
  if (!/^[0-9;:]*$/.test(body)) return false;
  if (final === 'J' && body.split(';').some((value) => Number(value) > 2)) return false; // 3: the scrollback
  return CSI_ALLOWED.has(final);
}
