import { tooLarge } from '../faults.ts';
import type { ByteSource } from '../source.ts';
import type { EndRecord } from './zipos.ts';
import { signatures, zip64Value } from './zipos.ts';

/**
 * llamafile's own reader of weights, as it is. Source: Mozilla-Ocho/llamafile, llamafile/llamafile.c and zip.c at tags 0.1 to
 * 0.9.3. Of 0.10 it is known by report only that it takes the last; its first builds refused, as 0.9.3 does.
 */
export interface WeightsEra {
  readonly name: string;
  /** Which of several members of one name it opens. */
  readonly several: 'first' | 'none' | 'last';
  /** Takes the first value of a zip64 field for the compressed size, whatever comes first there. */
  readonly firstValueIsSize: boolean;
  /** Opens weights of which it was given no name. */
  readonly opensUnnamed: boolean;
}

export const WEIGHTS_ERAS: readonly WeightsEra[] = [
  { name: '0.1 to 0.5', several: 'first', firstValueIsSize: true, opensUnnamed: false },
  { name: '0.6 to 0.7', several: 'none', firstValueIsSize: true, opensUnnamed: true },
  { name: '0.7.1 to 0.9.3', several: 'none', firstValueIsSize: false, opensUnnamed: true },
  { name: '0.10', several: 'last', firstValueIsSize: false, opensUnnamed: true },
];

/** Where the content of a member lies, by its reading: not compared with the size of the file, which it does not do. */
export interface SeenWeights {
  readonly recordOffset: number;
  readonly contentOffset: bigint;
  readonly length: bigint;
}

const WINDOW = 65_536;
const EOCD32_MINIMUM = 22;
const EOCD64_MINIMUM = 56;
const LOCATOR_LENGTH = 20;
const RECORD_MINIMUM = 46;
const LOCAL_MINIMUM = 30;
const EOCD32 = 0x06054b50;
const EOCD64 = 0x06064b50;
const LOCATOR = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const UINT32_MAX = 0xffffffff;
const INT_MAX = 0x7fffffffn;
const FAR = 2n ** 52n;
/** Bound of ours: the reader takes up to 2 GiB. */
const DIRECTORY_LIMIT = 16 * 1024 * 1024;

/** The end record that it takes from the last 65,536 bytes; undefined: "not a pkzip archive". */
export function locateWeights(source: ByteSource): EndRecord | undefined {
  const start = Math.max(0, source.size - WINDOW);
  // A copy: a probe of a 64-bit record that fails has overwritten the first bytes of the window by then.
  const window = Buffer.from(source.read(start, source.size - start));
  // What a probe overwrites may make or unmake a signature there, so that every byte counts.
  const unstable = Math.min(window.length - LOCATOR_LENGTH, EOCD64_MINIMUM + 4);
  const stable = signatures(window).filter((at) => at > unstable && at <= window.length - LOCATOR_LENGTH);
  const early = Array.from({ length: Math.max(0, unstable + 1) }, (_, at) => at);
  for (const at of [...early, ...stable].reverse()) {
    const signature = window.readUInt32LE(at);
    if (signature === LOCATOR) {
      const found = probe(source, window, window.readBigInt64LE(at + 8));
      if (found === 'nothing') return undefined;
      if (found !== undefined) return found;
    }
    const small = signature === EOCD32 ? eocd32At(window, start, at) : undefined;
    if (small !== undefined) return small;
  }
  return undefined;
}

function eocd32At(window: Buffer, start: number, at: number): EndRecord | undefined {
  if (at + EOCD32_MINIMUM > window.length) return undefined;
  const records = window.readUInt16LE(at + 10);
  const directoryLength = window.readUInt32LE(at + 12);
  const directoryOffset = window.readUInt32LE(at + 16);
  const taken =
    records === window.readUInt16LE(at + 8) &&
    records !== 0 &&
    BigInt(directoryLength) <= INT_MAX &&
    directoryOffset !== UINT32_MAX;
  if (!taken) return undefined;
  return { kind: 'eocd32', offset: start + at, records, directoryOffset, directoryLength };
}

/**
 * Reads 56 bytes of the file over the beginning of the window, as much as there is. `nothing`: the record is taken, and with
 * it a count of which 32 bits are kept, and these are zero.
 */
function probe(source: ByteSource, window: Buffer, position: bigint): EndRecord | 'nothing' | undefined {
  if (position < 0n || position > BigInt(source.size)) return undefined;
  const offset = Number(position);
  const length = Math.min(EOCD64_MINIMUM, source.size - offset);
  source.read(offset, length).copy(window);
  if (length < EOCD64_MINIMUM || window.length < EOCD64_MINIMUM) return undefined;
  const records = window.readBigUInt64LE(32);
  const directoryLength = window.readBigUInt64LE(40);
  const directoryOffset = window.readBigUInt64LE(48);
  const taken =
    window.readUInt32LE(0) === EOCD64 &&
    records === window.readBigUInt64LE(24) &&
    records !== 0n &&
    directoryLength <= INT_MAX;
  if (!taken) return undefined;
  const kept = Number(BigInt.asUintN(32, records));
  if (kept === 0) return 'nothing';
  return {
    kind: 'eocd64',
    offset,
    records: kept,
    // Beyond any file: the directory cannot be read, as it says.
    directoryOffset: Number(directoryOffset < FAR ? directoryOffset : FAR),
    directoryLength: Number(directoryLength),
  };
}

/**
 * Opens a member by its raw name, or, without a name, the member whose name ends in ".gguf".
 * @returns a few words where it gives up.
 * @throws PaddockError `too-large` for a directory of more than 16 MiB.
 */
export function openWeights(source: ByteSource, era: WeightsEra, name?: Buffer): SeenWeights | string {
  const end = locateWeights(source);
  if (end === undefined) return 'no archive';
  if (name === undefined && !era.opensUnnamed) return 'no such member';
  if (end.directoryOffset + end.directoryLength > source.size) return 'the directory leaves the file';
  if (end.directoryLength > DIRECTORY_LIMIT) {
    const found = `${end.directoryLength} bytes`;
    throw tooLarge(
      'the zip directory is too large to be judged',
      end.offset,
      `${DIRECTORY_LIMIT} bytes`,
      found,
      'ZIP-007',
    );
  }
  const directory = source.read(end.directoryOffset, end.directoryLength);
  if (directory.length < 4 || directory.readUInt32LE(0) !== CENTRAL) return 'no directory';
  const found = matches(directory, end.records, era, name);
  if (typeof found === 'string') return found;
  const at = era.several === 'last' ? found.at(-1) : found[0];
  if (at === undefined) return 'no such member';
  if (found.length > 1 && era.several === 'none') return 'several members of the name';
  return openRecord(source, directory.subarray(at), end.directoryOffset + at, era);
}

function matches(directory: Buffer, records: number, era: WeightsEra, name?: Buffer): number[] | string {
  const found: number[] = [];
  let at = 0;
  for (let index = 0; index < records && at + RECORD_MINIMUM <= directory.length; index++) {
    const length = [28, 30, 32].reduce(
      (sum, field) => sum + directory.readUInt16LE(at + field),
      RECORD_MINIMUM,
    );
    if (at + length > directory.length) break;
    if (directory.readUInt32LE(at) !== CENTRAL) return 'a record without its signature';
    const own = directory.subarray(
      at + RECORD_MINIMUM,
      at + RECORD_MINIMUM + directory.readUInt16LE(28 + at),
    );
    if (isWanted(own, name)) {
      found.push(at);
      if (era.several === 'first') break;
    }
    at += length;
  }
  return found;
}

function isWanted(own: Buffer, name: Buffer | undefined): boolean {
  if (name !== undefined) return own.equals(name);
  return own.length > 5 && own.subarray(-5).toString('latin1').toLowerCase() === '.gguf';
}

function openRecord(
  source: ByteSource,
  record: Buffer,
  recordOffset: number,
  era: WeightsEra,
): SeenWeights | string {
  if (record.readUInt16LE(10) !== 0) return 'compressed';
  const nameLength = record.readUInt16LE(28);
  const extra = record.subarray(
    RECORD_MINIMUM + nameLength,
    RECORD_MINIMUM + nameLength + record.readUInt16LE(30),
  );
  const [compressed, whole, offset] = [20, 24, 42].map((field) => record.readUInt32LE(field)) as Three;
  const wideWhole = whole === UINT32_MAX ? 8 : 0;
  const wideBoth = wideWhole + (compressed === UINT32_MAX ? 8 : 0);
  const length =
    compressed === UINT32_MAX
      ? (zip64Value(extra, era.firstValueIsSize ? 0 : wideWhole) ?? -1n)
      : BigInt(compressed);
  const local = offset === UINT32_MAX ? (zip64Value(extra, wideBoth) ?? -1n) : BigInt(offset);
  if (local < 0n || local + BigInt(LOCAL_MINIMUM) > BigInt(source.size)) return 'no local header';
  const header = source.read(Number(local), LOCAL_MINIMUM);
  if (header.readUInt32LE(0) !== LOCAL) return 'a local header without its signature';
  const skipped = LOCAL_MINIMUM + header.readUInt16LE(26) + header.readUInt16LE(28);
  return { recordOffset, contentOffset: local + BigInt(skipped), length };
}
type Three = [number, number, number];
