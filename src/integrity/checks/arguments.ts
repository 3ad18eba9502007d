import { inflateRawSync } from 'node:zlib';
import type { Anatomy, ZipMember } from '../../format/anatomy.ts';
import type { ByteSource } from '../../format/source.ts';
import { escapeText } from '../../lib/text.ts';
import { finding } from '../catalogue.ts';
import type { Finding } from '../verdict.ts';

/** Longer `.args` are refused; genuine ones are a few hundred bytes. */
export const MAX_ARGS_BYTES = 64 * 1024;

/** ARG: the arguments that the file brings along. How a release merges them with the user's is not judged here. */
export function checkArguments(anatomy: Anatomy, source: ByteSource): Finding[] {
  return (anatomy.zip?.members ?? [])
    .filter(({ name }) => name === '.args')
    .flatMap((member) => {
      const text = readArgs(source, member);
      if (typeof text !== 'string') return [text];
      const variable = /\$(?:\w+|\{\w+\})/.exec(text);
      if (variable === null) return [];
      return [finding('ARG-003', { offset: member.contentOffset, found: escapeText(variable[0], 60) })];
    });
}

/** Text of the last `.args` member; undefined where there is none, or none that is plain text (ARG-001 says so). */
export function readDotArgs(anatomy: Anatomy, source: ByteSource): string | undefined {
  const member = anatomy.zip?.members.findLast(({ name }) => name === '.args');
  const text = member === undefined ? undefined : readArgs(source, member);
  return typeof text === 'string' ? text : undefined;
}

function readArgs(source: ByteSource, member: ZipMember): string | Finding {
  const bad = (found: string): Finding =>
    finding('ARG-001', { offset: member.contentOffset, length: member.compressedSize, found });
  if (member.compressedSize > MAX_ARGS_BYTES || member.size > MAX_ARGS_BYTES)
    return bad(`${member.size} bytes`);
  const raw = source.read(member.contentOffset, member.compressedSize);
  let bytes = raw;
  if (member.method !== 0) {
    try {
      bytes = inflateRawSync(raw, { maxOutputLength: MAX_ARGS_BYTES });
    } catch {
      return bad('data that does not decompress'); // the finding is the report
    }
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.exec(text);
    return control === null ? text : bad(`control character ${escapeText(control[0])}`);
  } catch {
    return bad('bytes that are not UTF-8'); // the finding is the report
  }
}
