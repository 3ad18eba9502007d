import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import type { Random } from './random.ts';
import type { Field, Seed } from './seeds.ts';

/** A file made from a seed by one to four changes; mostly such as keep the rest in its place. */
export function mutate(random: Random, seeds: readonly Seed[]): Buffer {
  const seed = random.pick(seeds);
  let bytes: Buffer = Buffer.from(seed.bytes);
  const changes = 1 + random.below(4);
  for (let count = 0; count < changes; count++) {
    bytes = random.pick(CHANGES)(random, bytes, seed, seeds);
  }
  return bytes;
}

type Change = (random: Random, bytes: Buffer, seed: Seed, seeds: readonly Seed[]) => Buffer;

const setField: Change = (random, bytes, seed) => {
  const field = random.pick(seed.fields);
  if (field.offset + field.width <= bytes.length) write(bytes, field, interesting(random, bytes, seed));
  return bytes;
};

/** One field gets the value of another: counts, lengths and offsets that fit somewhere else. */
const copyField: Change = (random, bytes, seed) => {
  const [from, to] = [random.pick(seed.fields), random.pick(seed.fields)];
  if (Math.max(from.offset, to.offset) + 8 <= bytes.length) write(bytes, to, read(bytes, from));
  return bytes;
};

const nudgeField: Change = (random, bytes, seed) => {
  const field = random.pick(seed.fields);
  if (field.offset + field.width > bytes.length) return bytes;
  write(bytes, field, read(bytes, field) + BigInt(random.pick([-2, -1, 1, 2, 24, -24, 46, 65536, -65536])));
  return bytes;
};

const flipBits: Change = (random, bytes) => {
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  }
  return bytes;
};

const overwrite: Change = (random, bytes) => {
  const piece = random.bytes(1 + random.below(40));
  piece.copy(bytes, random.below(bytes.length));
  return bytes;
};

const copyRecord: Change = (random, bytes, seed) => {
  if (seed.records.length === 0) return bytes;
  const [from, to] = [random.pick(seed.records), random.pick(seed.records)];
  if (from.offset + from.length > bytes.length) return bytes;
  bytes.copy(bytes, Math.min(to.offset, bytes.length), from.offset, from.offset + from.length);
  return bytes;
};

/** Everything behind moves: offsets point beside what they meant. */
const insert: Change = (random, bytes, seed) => {
  const at = place(random, bytes, seed);
  const piece = random.chance(2) ? random.bytes(1 + random.below(100)) : Buffer.alloc(1 + random.below(100));
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
};

const remove: Change = (random, bytes, seed) => {
  const at = place(random, bytes, seed);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(100))]);
};

const cut: Change = (random, bytes, seed) =>
  Buffer.from(bytes.subarray(0, place(random, bytes, seed) + random.below(50)));

const append: Change = (random, bytes, seed) => {
  const record = seed.records.length === 0 ? undefined : random.pick(seed.records);
  const again =
    record === undefined
      ? random.bytes(22)
      : seed.bytes.subarray(record.offset, record.offset + record.length);
  const between = Buffer.alloc(random.pick([0, 0, 1, 22, 128]));
  return Buffer.concat([bytes, between, again, seed.bytes.subarray(-22)]);
};

/** The front of one file with the end of another. */
const splice: Change = (random, bytes, seed, seeds) => {
  const other = random.pick(seeds);
  const at = place(random, bytes, seed);
  const from = place(random, other.bytes, other);
  return Buffer.concat([bytes.subarray(0, at), other.bytes.subarray(from)]);
};

/** One more generation on top of whatever the file has become, where the writer still finds a directory. */
const generation: Change = (random, bytes) => {
  const name = random.pick(['.args', 'model.gguf', 'a', 'A', '../x', 'dir/', '', 'é', '.cosmo', 'x.so']);
  try {
    return zipalignAppend(bytes, [{ name, content: random.bytes(random.below(300)) }]);
  } catch {
    return bytes; // the writer needs a directory to append to
  }
};

const CHANGES: readonly Change[] = [
  ...[setField, setField, setField, setField, copyField, copyField, nudgeField, nudgeField, nudgeField],
  ...[flipBits, flipBits, overwrite, copyRecord, insert, remove, cut, append, splice, generation],
];

function place(random: Random, bytes: Buffer, seed: Seed): number {
  const at = random.chance(3) ? random.below(bytes.length) : random.pick(seed.fields).offset;
  return Math.min(at, bytes.length);
}

const WHOLE = [
  0n,
  1n,
  2n,
  7n,
  22n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xfffffffen,
  0xffffffffn,
];
const WIDE = [
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xfffffffffffffff0n,
  0xffffffffffffffffn,
];

function interesting(random: Random, bytes: Buffer, seed: Seed): bigint {
  const near = BigInt(random.pick([-22, -1, 0, 1, 22]));
  switch (random.below(5)) {
    case 0:
      return random.pick(WHOLE);
    case 1:
      return random.pick([...WHOLE, ...WIDE]);
    case 2:
      return BigInt(bytes.length) + near;
    case 3:
      return BigInt(random.pick(seed.fields).offset) + near;
    default:
      return BigInt(random.u32());
  }
}

function read(bytes: Buffer, { offset, width }: Field): bigint {
  return width === 8 ? bytes.readBigUInt64LE(offset) : BigInt(bytes.readUIntLE(offset, width));
}

function write(bytes: Buffer, { offset, width }: Field, value: bigint): void {
  const low = BigInt.asUintN(width * 8, value);
  if (width === 8) bytes.writeBigUInt64LE(low, offset);
  else bytes.writeUIntLE(Number(low), offset, width);
}
