/**
 * llamafile's reader of weights once more, by the rules of its source and in another way than src/format/zip/weights.ts:
 * one function over the whole file, which walks down the window and keeps a state. Nothing shared with the product.
 */
export interface WeightsRules {
  /** Of several members of the name. */
  readonly take: 'first' | 'last' | 'none';
  readonly sizeIsFirst: boolean;
  readonly unnamed: boolean;
}
export type WeightsAnswer = string | { end: string; at: number; content: bigint; length: bigint };

const PK = (a: number, b: number) => `PK${String.fromCharCode(a, b)}`;

export function weightsOracle(file: Buffer, rules: WeightsRules, name?: string): WeightsAnswer {
  const top = Math.max(0, file.length - 65_536);
  // The buffer that the end of the file is read into, and that 64-bit records are read over.
  const buffer = Buffer.alloc(65_536);
  file.copy(buffer, 0, top);
  const amount = file.length - top;
  let end = '';
  let directory: Buffer = Buffer.alloc(0);
  let start = 0n;
  let count = 0;
  for (let i = amount - 20; i >= 0 && end === ''; i--) {
    if (buffer[i] !== 0x50) continue;
    const what = buffer.toString('latin1', i, i + 4);
    if (what === PK(5, 6) && i + 22 <= amount) {
      const fields = { disk: buffer.readUInt16LE(i + 8), all: buffer.readUInt16LE(i + 10) };
      const size = buffer.readInt32LE(i + 12);
      if (fields.disk !== fields.all || fields.all === 0 || size < 0) continue;
      if (buffer.readInt32LE(i + 16) === -1) continue;
      [end, count, start] = [`32 ${top + i}`, fields.all, BigInt(buffer.readUInt32LE(i + 16))];
      directory = slice(file, start, size);
      if (directory.length < size) return 'nothing';
    } else if (what === PK(6, 7)) {
      const place = buffer.readBigInt64LE(i + 8);
      const record = place < 0n ? Buffer.alloc(0) : slice(file, place, 56);
      record.copy(buffer);
      if (record.length < 56 || record.toString('latin1', 0, 4) !== PK(6, 6)) continue;
      const [disk, all, size] = [24, 32, 40].map((at) => record.readBigUInt64LE(at)) as [
        bigint,
        bigint,
        bigint,
      ];
      if (disk !== all || all === 0n || size >= 1n << 31n) continue;
      if ((all & 0xffffffffn) === 0n) return 'nothing';
      [end, count, start] = [`64 ${place}`, Number(all & 0xffffffffn), record.readBigUInt64LE(48)];
      directory = slice(file, start, Number(size));
      if (directory.length < Number(size)) return 'nothing';
    }
  }
  if (end === '' || (name === undefined && !rules.unnamed)) return 'nothing';
  if (directory.length < 4 || directory.toString('latin1', 0, 4) !== PK(1, 2)) return 'nothing';

  const hits: number[] = [];
  let at = 0;
  while (count-- > 0 && at + 46 <= directory.length) {
    const [n, x, c] = [
      directory.readUInt16LE(at + 28),
      directory.readUInt16LE(at + 30),
      directory.readUInt16LE(at + 32),
    ];
    if (at + 46 + n + x + c > directory.length) break;
    if (directory.toString('latin1', at, at + 4) !== PK(1, 2)) return 'nothing';
    const own = directory.toString('latin1', at + 46, at + 46 + n);
    if (name === undefined ? own.length > 5 && /\.gguf$/i.test(own) : own === name) hits.push(at);
    if (hits.length === 1 && rules.take === 'first') break;
    at += 46 + n + x + c;
  }
  if (hits.length === 0 || (hits.length > 1 && rules.take === 'none')) return 'nothing';
  const hit = hits[rules.take === 'first' ? 0 : hits.length - 1] ?? 0;
  if (directory.readUInt16LE(hit + 10) !== 0) return 'nothing';

  // The values of the zip64 fields, each at 8 bytes for every field before it that refers to them.
  const words = {
    packed: directory.readInt32LE(hit + 20),
    whole: directory.readInt32LE(hit + 24),
    local: directory.readInt32LE(hit + 42),
  };
  const from = hit + 46 + directory.readUInt16LE(hit + 28);
  const room = directory.subarray(from, from + directory.readUInt16LE(hit + 30));
  const wide = (skip: number): bigint => {
    for (let rest = room; rest.length >= 4 && rest.length >= 4 + rest.readUInt16LE(2); ) {
      const length = rest.readUInt16LE(2);
      if (rest.readUInt16LE(0) === 1 && length >= skip + 8) return rest.readBigInt64LE(4 + skip);
      rest = rest.subarray(4 + length);
    }
    return -1n;
  };
  const before = words.whole === -1 ? 8 : 0;
  const length = words.packed === -1 ? wide(rules.sizeIsFirst ? 0 : before) : BigInt(words.packed >>> 0);
  const local = words.local === -1 ? wide(before + (words.packed === -1 ? 8 : 0)) : BigInt(words.local >>> 0);
  const header = local < 0n ? Buffer.alloc(0) : slice(file, local, 30);
  if (header.length < 30 || header.toString('latin1', 0, 4) !== PK(3, 4)) return 'nothing';
  const content = local + 30n + BigInt(header.readUInt16LE(26) + header.readUInt16LE(28));
  return { end, at: Number(start) + hit, content, length };
}

/** As much as there is. */
function slice(file: Buffer, at: bigint, length: number): Buffer {
  const start = at > BigInt(file.length) ? file.length : Number(at);
  return file.subarray(start, start + length);
}
