import { malformed, tooLarge } from '../faults.ts';
import type { LoaderRange } from '../loaders.ts';
import type { ByteSource } from '../source.ts';

/** Scripts begin at 0x202 to 0x20f. Were more allowed, the document before them could hide something. */
const START_LIMIT = 0x400;
const SCRIPT_LIMIT = 16 * 1024;
const COMMENT_LINE = '\n#\'"';

/** Offset of the comment line that every script begins with; undefined if there is none near the start of the file. */
export function findScriptStart(source: ByteSource): number | undefined {
  const head = source.read(0, Math.min(source.size, START_LIMIT)).toString('latin1');
  const at = head.indexOf(COMMENT_LINE, 64);
  return at < 0 ? undefined : at + 1;
}

/**
 * The script: whole lines of printable text from its comment line on, a character a byte. What follows in the file is binary.
 * @throws PaddockError `malformed` if there is none.
 */
export function scriptText(source: ByteSource): { readonly start: number; readonly text: string } {
  const start = findScriptStart(source);
  if (start === undefined) throw noScript(source);
  const text = source.read(start, Math.min(SCRIPT_LIMIT, source.size - start)).toString('latin1');
  const binary = text.search(/[^\t\n\r\x20-\x7e]/);
  return { start, text: text.slice(0, text.lastIndexOf('\n', binary < 0 ? text.length : binary) + 1) };
}

function noScript(source: ByteSource) {
  const cut = source.size < START_LIMIT;
  return malformed(
    cut
      ? 'the file is truncated: it ends before its shell script'
      : 'there is no shell script behind the APE header',
    {
      check: 'FILE-003',
      offset: Math.min(source.size, 0x200),
      expected: `a line that begins #'" in the first ${START_LIMIT} bytes`,
      found: cut ? `a file of ${source.size} bytes` : 'none',
    },
  );
}

// `dd if="$o" skip=N count=N bs=1 | gzip -dc`: a compressed loader. `dd if="$o" of="$t.$$" skip=N count=N bs=64`: one that is
// not. `dd if="$o" of="$o" …`: the Mach-O header that --assimilate copies. Old linkers pad the numbers inside quotes.
const DD_LINE = /^[^\n]*\bdd if="\$o" [^\n]*$/gm;
/** Genuine scripts have four. Each loader costs unpacking up to 1 MiB. */
const RANGES_LIMIT = 16;
const FIELD = (name: string) => new RegExp(`\\b${name}="? *(\\d{1,15})`);

/**
 * What the `dd` lines copy, of known scripts and of unknown ones: loaders, and headers for macOS.
 * @param start offset of the script in the file.
 * @throws PaddockError `malformed` if a range is not in the file, `too-large` above 16 of them.
 */
export function copiedRanges(
  script: string,
  start: number,
  size: number,
): { readonly loaders: readonly LoaderRange[]; readonly headers: readonly LoaderRange[] } {
  const loaders = new Map<string, LoaderRange>();
  const headers = new Map<string, LoaderRange>();
  for (const { index, 0: line } of script.matchAll(DD_LINE)) {
    const [skip, count, unit] = ['skip', 'count', 'bs'].map((name) => FIELD(name).exec(line)?.[1]);
    if (skip === undefined || count === undefined) continue;
    const block = Number(unit ?? 512);
    const offset = Number(skip) * block;
    // dd stops at the end of the file, and the loaders of the oldest linker run over it.
    const length = Math.min(Number(count) * block, Math.max(0, size - offset));
    const gzip = /\|[^\n]*gzip -dc/.test(line);
    if (!Number.isSafeInteger(offset) || offset >= size || (gzip && offset + Number(count) * block > size)) {
      throw malformed('the shell script unpacks what is not in the file', {
        check: 'APE-015',
        offset: start + index,
        expected: `a range inside the ${size} bytes of the file`,
        found: `${count} blocks of ${block} bytes from block ${skip}`,
      });
    }
    const own = / of="\$o"/.test(line);
    (own ? headers : loaders).set(`${offset} ${length}`, { offset, length, gzip });
  }
  if (loaders.size + headers.size > RANGES_LIMIT) {
    const found = `${loaders.size + headers.size} ranges`;
    throw tooLarge('the shell script copies too much', start, `at most ${RANGES_LIMIT} ranges`, found);
  }
  return { loaders: [...loaders.values()], headers: [...headers.values()] };
}
