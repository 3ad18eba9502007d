/** A header that the APE loader tries. `offset` is that of `printf '`; absent for the last try on what the buffer holds then. */
export interface PrintfAttempt {
  readonly offset?: number;
  readonly header: Buffer;
}

const PRINTF = Buffer.from("printf '", 'latin1');
const HEADER_LENGTH = 64;
const QUOTE = 0x27;
const BACKSLASH = 0x5c;

/**
 * The headers that the APE loader decodes from the first 8192 bytes, in its order (ape/loader.c, ApeLoader): every
 * occurrence of `printf '`, also in comments; 1 to 3 octal digits after a backslash, of which the low 8 bits count;
 * decoded bytes overwrite the buffer from its start while the scan goes on behind them; at the end the buffer is tried
 * once more as it is.
 */
export function scanPrintf(head: Buffer): PrintfAttempt[] {
  const buffer = Buffer.from(head);
  const attempts: PrintfAttempt[] = [];
  let at = buffer.indexOf(PRINTF);
  while (at >= 0) {
    const { next, written } = decode(buffer, at + PRINTF.length);
    if (written >= HEADER_LENGTH) {
      attempts.push({ offset: at, header: Buffer.from(buffer.subarray(0, HEADER_LENGTH)) });
    }
    // The loader's own loop steps over one more byte.
    at = buffer.indexOf(PRINTF, next + 1);
  }
  if (buffer.length >= HEADER_LENGTH)
    attempts.push({ header: Buffer.from(buffer.subarray(0, HEADER_LENGTH)) });
  return attempts;
}

/** Where `printf '` occurs in `head`, whether the loader's scan stops there or runs over it inside another one. */
export function printfPositions(head: Buffer): number[] {
  const positions: number[] = [];
  for (let at = head.indexOf(PRINTF); at >= 0; at = head.indexOf(PRINTF, at + 1)) positions.push(at);
  return positions;
}

function decode(buffer: Buffer, from: number): { next: number; written: number } {
  const digit = (position: number): number | undefined => {
    const value = (buffer[position] ?? 0) - 0x30;
    return value >= 0 && value <= 7 ? value : undefined;
  };
  let next = from;
  let written = 0;
  while (next + 3 < buffer.length) {
    let value = buffer[next++] ?? 0;
    if (value === QUOTE) break;
    if (value === BACKSLASH && digit(next) !== undefined) {
      value = 0;
      for (let count = 0; count < 3; count++) {
        const more = digit(next);
        if (more === undefined) break;
        value = value * 8 + more;
        next++;
      }
    }
    buffer[written++] = value & 0xff;
  }
  return { next, written };
}
