import { escapeText } from '../../lib/text.ts';
import type { ScriptDifference } from '../ape-facts.ts';

/** Ends the string that the magic opened, and begins a document that hides the boot stub from the shell. */
const DOCUMENT_AT = 40;
const DOCUMENT = /^' <<'(@|justine[0-9a-z]{6})'\n$/;
const STRING_FROM = 8;

/**
 * What a shell makes of the bytes before the script: the magic opens a string, which ends either at byte 40, before a document
 * that ends right before the script, or right before the script itself. Everything else would be read as commands.
 * @param head the file from its start to the script.
 * @returns where it is otherwise; undefined if it is so.
 */
export function checkOpening(head: Buffer): ScriptDifference | undefined {
  const text = head.toString('latin1');
  const quote = text.indexOf("'", STRING_FROM);
  if (quote === text.length - 2 && text.endsWith("'\n")) return undefined;
  const line = text.slice(DOCUMENT_AT, text.indexOf('\n', DOCUMENT_AT) + 1);
  const token = quote === DOCUMENT_AT ? DOCUMENT.exec(line)?.[1] : undefined;
  if (token === undefined) {
    return difference(
      Math.max(0, quote),
      `' <<'justine……' at byte ${DOCUMENT_AT}`,
      text.slice(quote, quote + 24),
    );
  }
  // Shells drop NUL bytes, so that a line with some of them can be the end of the document, too.
  const body = `\n${text.slice(DOCUMENT_AT + line.length)}`;
  const end = body.replaceAll('\0', '').indexOf(`\n${token}\n`);
  const last = `\n${token}\n`;
  if (body.endsWith(last) && end === body.replaceAll('\0', '').length - last.length) return undefined;
  return difference(DOCUMENT_AT, `a document that ends with ${token} right before the script`, 'another end');
}

function difference(offset: number, expected: string, found: string): ScriptDifference {
  return { line: 1, offset, nearest: 'all of them', expected, found: escapeText(found, 40) };
}
