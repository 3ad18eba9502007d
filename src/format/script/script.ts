import type { ScriptFacts, ScriptHeader, ScriptRange } from '../ape-facts.ts';
import { demoTemplates } from './demo.ts';
import { checkDocument } from './document.ts';
import { linkedTemplates } from './linked.ts';
import { type Filled, matchScript, type Template } from './match.ts';
import { monolithicTemplates } from './monolithic.ts';
import { checkOpening } from './opening.ts';

export { type Filled, matchScript, type Template } from './match.ts';

let known: readonly Template[] | undefined;

/** Every script that a known linker writes, with holes for what it fills in; built on first use. */
export function knownTemplates(): readonly Template[] {
  known ??= [...linkedTemplates(), ...monolithicTemplates(), ...demoTemplates()];
  return known;
}

/**
 * Which known script it is, and what it says of headers and loaders; or where it first differs from all of them.
 * @param text the script, a character a byte, from its comment line to its end; at most 16 KiB.
 * @param start its offset in the file.
 * @param head the bytes before it; undefined if the file was assimilated, which overwrites them.
 * @param rest the bytes behind it, at least 16 KiB if there are as many.
 */
export function readScriptFacts(
  text: string,
  start: number,
  head: Buffer | undefined,
  rest: Buffer,
): ScriptFacts {
  const place = { offset: start, length: text.length };
  const match = matchScript(text, start, knownTemplates());
  if ('difference' in match) return { ...place, headers: [], ranges: [], difference: match.difference };
  const { filled, template } = match;
  const version = filled.find(({ hole }) => hole.field === 'version')?.bytes.toString('latin1');
  const facts = {
    ...place,
    headers: filled.flatMap((each) => headerOf(each, start)),
    ranges: rangesOf(filled, start),
    ...(version === undefined ? {} : { version }),
  };
  const difference =
    (head === undefined ? undefined : checkOpening(head)) ??
    (template.behind === 'document' ? checkDocument(rest, start + text.length) : undefined);
  return difference === undefined ? { ...facts, template: template.name } : { ...facts, difference };
}

const PRINTF_LENGTH = 'printf '.length;

function headerOf({ hole, at, bytes }: Filled, start: number): ScriptHeader[] {
  const { role } = hole;
  if (hole.field !== 'header' || (role !== 'x86-64' && role !== 'aarch64')) return [];
  return [
    {
      architecture: role,
      offset: start + at - PRINTF_LENGTH,
      entry: bytes.readBigUInt64LE(24),
      programHeaderOffset: bytes.readBigUInt64LE(32),
      programHeaderCount: bytes.readUInt16LE(56),
    },
  ];
}

/** Each `skip` with the `count` that follows it. */
function rangesOf(filled: readonly Filled[], start: number): ScriptRange[] {
  return filled.flatMap(({ hole, value, at }, index) => {
    const count = filled[index + 1];
    if (hole.field !== 'skip' || count?.hole.field !== 'count') return [];
    const { role, unit } = hole;
    return [{ role, at: start + at, offset: value * unit, length: count.value * unit }];
  });
}
