import type { ScriptDifference } from '../ape-facts.ts';
import { matchScript } from './match.ts';
import { BEHIND_DOCUMENT } from './monolithic.ts';

const END = '\n@\n';
/** Genuine files have it 1.4 KiB behind the script. */
const LIMIT = 16 * 1024;

/**
 * The document that some old scripts end with, and the script behind it, which machines other than x86-64 run. Shells drop NUL
 * bytes, and so does this.
 * @param rest the file from the end of the script on.
 * @param offset of `rest` in the file.
 * @returns where it differs from the known one; undefined if it does not.
 */
export function checkDocument(rest: Buffer, offset: number): ScriptDifference | undefined {
  const near = rest.subarray(0, LIMIT);
  const text = `\n${near.toString('latin1').replaceAll('\0', '')}`;
  const end = text.indexOf(END);
  if (end < 0) {
    const expected = `a document that ends with @ in the next ${LIMIT} bytes`;
    return { line: 1, offset, nearest: BEHIND_DOCUMENT.name, expected, found: 'no such line' };
  }
  const match = matchScript(text.slice(end + END.length), 0, [BEHIND_DOCUMENT]);
  if ('template' in match) return undefined;
  const { difference } = match;
  return { ...difference, offset: offset + rawPosition(near, end + END.length - 1 + difference.offset) };
}

/** Position in `bytes` of the `count`-th byte that is not NUL. */
function rawPosition(bytes: Buffer, count: number): number {
  let left = count;
  for (const [at, byte] of bytes.entries()) {
    if (byte !== 0 && left-- === 0) return at;
  }
  return bytes.length;
}
