import { asUntrusted } from '../lib/text.ts';
import type { MachoFacts, MachoSegment, Unreadable } from './ape-facts.ts';
import type { ByteSource } from './source.ts';

const MAGIC = 0xcffaedfe;
const HEADER = 32;
/** Genuine headers have 528 or 696 bytes, and five or six commands. */
const LENGTH_LIMIT = 4096;
const COMMANDS_LIMIT = 32;
export const LC = { segment: 0x19, unixThread: 5, uuid: 0x1b } as const;
const SEGMENT = 72;
/** LC_UNIXTHREAD of x86-64: flavor 4, 42 words, of which rip is the seventeenth register. */
const THREAD = 184;
const RIP_AT = 16 + 16 * 8;

/**
 * The 64-bit Mach-O header in the `length` bytes from `offset`, as XNU reads it (mach-o/loader.h); nothing is judged. It must fill
 * those bytes exactly, since that is what the script copies.
 */
export function readMacho(source: ByteSource, offset: number, length: number): MachoFacts | Unreadable {
  const wrong = (at: number, expected: string, found: string): Unreadable => {
    return { kind: 'unreadable', offset: at, expected, found };
  };
  if (length < HEADER || length > LENGTH_LIMIT || offset + length > source.size) {
    return wrong(offset, `${HEADER} to ${LENGTH_LIMIT} bytes inside the file`, `${length} bytes`);
  }
  const bytes = source.read(offset, length);
  if (bytes.readUInt32BE(0) !== MAGIC) {
    return wrong(offset, 'the magic cf fa ed fe', bytes.toString('hex', 0, 4));
  }
  const count = bytes.readUInt32LE(16);
  const size = bytes.readUInt32LE(20);
  if (HEADER + size !== length || count > COMMANDS_LIMIT) {
    const expected = `at most ${COMMANDS_LIMIT} commands in ${length - HEADER} bytes`;
    return wrong(offset + 16, expected, `${count} commands in ${size} bytes`);
  }
  const commands: { type: number; offset: number; length: number }[] = [];
  let at = HEADER;
  while (commands.length < count && at + 8 <= length) {
    const each = { type: bytes.readUInt32LE(at), offset: offset + at, length: bytes.readUInt32LE(at + 4) };
    if (each.length < 8 || each.length > length - at) break;
    commands.push(each);
    at += each.length;
  }
  if (commands.length !== count || at !== length) {
    return wrong(offset + at, 'load commands that fill the header', `${commands.length} of ${count}`);
  }
  return { kind: 'macho', offset, length, ...describe(bytes, offset, commands) };
}

function describe(bytes: Buffer, start: number, commands: MachoFacts['commands']) {
  const thread = commands.find(({ type, length }) => type === LC.unixThread && length === THREAD);
  return {
    cpuType: bytes.readUInt32LE(4),
    fileType: bytes.readUInt32LE(12),
    commands,
    segments: commands
      .filter(({ type, length }) => type === LC.segment && length >= SEGMENT)
      .map(({ offset }) => segment(bytes, offset - start)),
    ...(thread === undefined ? {} : { entry: bytes.readBigUInt64LE(thread.offset - start + RIP_AT) }),
  };
}

function segment(bytes: Buffer, at: number): MachoSegment {
  return {
    name: asUntrusted(bytes.toString('latin1', at + 8, at + 24).replace(/\0+$/, '')),
    virtualAddress: bytes.readBigUInt64LE(at + 24),
    memorySize: bytes.readBigUInt64LE(at + 32),
    offset: bytes.readBigUInt64LE(at + 40),
    fileSize: bytes.readBigUInt64LE(at + 48),
    protection: bytes.readUInt32LE(at + 60),
  };
}
