import type { Random } from '../../fuzz/random.ts';

/** Values that a field gets now and then in place of the right one. */
const ODD = [
  0n,
  1n,
  2n,
  22n,
  46n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xfffffffen,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0xffffffffffffffffn,
];

/**
 * Bytes with everything in them that a reader of zip archives looks for, put together at random: members, directories, end
 * records of both kinds, several generations, records without members, locators that lead anywhere, comments, gaps, and
 * wrong numbers in any place.
 */
export function randomArchive(random: Random): Buffer {
  const file = new Growing();
  file.add(random.bytes(random.below(60)));
  const generations = 1 + random.below(3);
  for (let count = 0; count < generations; count++) addGeneration(random, file);
  if (random.chance(4)) file.add(noise(random));
  if (random.chance(40)) addDistance(random, file);
  return file.bytes();
}

/** So many bytes that the archive lies at the edge of a reader's window, and now and then a locator in them. */
function addDistance(random: Random, file: Growing): void {
  const length = random.pick([65_400, 65_470, 65_510, 69_560, 69_600]) + random.below(60);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(random.chance(3) ? random.pick(ODD) : BigInt(random.pick(file.places)), 8);
  const before = random.below(length - 20);
  file.add(
    Buffer.alloc(before),
    random.chance(2) ? locator : Buffer.alloc(20),
    Buffer.alloc(length - before - 20),
  );
}

class Growing {
  private readonly parts: Buffer[] = [];
  length = 0;
  readonly places: number[] = [];

  add(...parts: Buffer[]): number {
    const at = this.length;
    for (const part of parts) {
      this.parts.push(part);
      this.length += part.length;
    }
    this.places.push(at);
    return at;
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

function addGeneration(random: Random, file: Growing): void {
  const odd = random.chance(3);
  const records: Buffer[] = [];
  const members = random.below(4);
  for (let count = 0; count < members; count++) records.push(addMember(random, file, odd));
  if (random.chance(4)) file.add(noise(random));
  const directory = Buffer.concat(records);
  const start = file.add(directory);
  if (random.chance(12)) file.add(random.bytes(random.below(150)));
  addEnd(random, file, { records: records.length, start, length: directory.length, odd });
}

function addMember(random: Random, file: Growing, odd: boolean): Buffer {
  const name = Buffer.from(random.pick(['a', '.args', 'model.gguf', 'a', 'x\0y', 'dir/']));
  const content = random.bytes(random.below(40));
  const wide = random.chance(2);
  const method = random.pick([0, 0, 8, 1]);
  const extra = wide ? zip64(random, odd, content.length, content.length) : Buffer.alloc(0);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(odd && random.chance(8) ? 0 : 0x04034b50, 0);
  local.writeUInt16LE(method, 8);
  sizes(random, odd, local, 18, content.length, wide);
  local.writeUInt16LE(name.length, 26);
  local.writeUInt16LE(odd && random.chance(8) ? random.below(300) : extra.length, 28);
  const at = file.add(local, name, extra, content, Buffer.alloc(random.pick([0, 0, 24])));
  const record = Buffer.alloc(46);
  record.writeUInt32LE(odd && random.chance(8) ? 0 : 0x02014b50, 0);
  record.writeUInt16LE(odd && random.chance(4) ? 8 - method : method, 10);
  sizes(random, odd, record, 20, content.length, wide);
  record.writeUInt16LE(name.length, 28);
  const own = wide ? zip64(random, odd, content.length, content.length, at) : Buffer.alloc(0);
  const comment = random.bytes(random.chance(10) ? random.below(20) : 0);
  record.writeUInt16LE(odd && random.chance(10) ? random.below(500) : own.length, 30);
  record.writeUInt16LE(comment.length, 32);
  record.writeUInt32LE(wide ? 0xffffffff : number32(random, odd, at), 42);
  return Buffer.concat([record, name, own, comment]);
}

function sizes(random: Random, odd: boolean, into: Buffer, at: number, size: number, wide: boolean): void {
  const marked = wide && !(odd && random.chance(5));
  into.writeUInt32LE(marked ? 0xffffffff : number32(random, odd, size), at);
  into.writeUInt32LE(marked ? 0xffffffff : number32(random, odd, size), at + 4);
}

function zip64(random: Random, odd: boolean, ...values: number[]): Buffer {
  const kept = odd && random.chance(4) ? values.slice(0, random.below(values.length + 1)) : values;
  const out = Buffer.alloc(4 + kept.length * 8);
  out.writeUInt16LE(odd && random.chance(8) ? 0x5455 : 1, 0);
  out.writeUInt16LE(odd && random.chance(10) ? random.below(64) : kept.length * 8, 2);
  kept.forEach((value, index) => {
    out.writeBigUInt64LE(number64(random, odd, value), 4 + index * 8);
  });
  const other = Buffer.from('555405000300000000', 'hex');
  return random.chance(3) ? Buffer.concat(random.chance(2) ? [other, out] : [out, other]) : out;
}

interface Tail {
  readonly records: number;
  readonly start: number;
  readonly length: number;
  readonly odd: boolean;
}

function addEnd(random: Random, file: Growing, { records, start, length, odd }: Tail): void {
  const kind = random.below(6);
  if (kind > 0 && kind < 4) {
    const record = Buffer.alloc(56);
    record.writeUInt32LE(odd && random.chance(8) ? 0 : 0x06064b50, 0);
    record.writeBigUInt64LE(number64(random, odd, 44), 4);
    const count = number64(random, odd, records);
    record.writeBigUInt64LE(odd && random.chance(8) ? BigInt.asUintN(64, count + 1n) : count, 24);
    record.writeBigUInt64LE(count, 32);
    record.writeBigUInt64LE(number64(random, odd, length), 40);
    record.writeBigUInt64LE(number64(random, odd, start), 48);
    const at = file.add(record);
    if (odd && random.chance(5)) file.add(random.bytes(random.below(130)));
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50, 0);
    locator.writeBigUInt64LE(odd && random.chance(3) ? BigInt(random.pick(file.places)) : BigInt(at), 8);
    locator.writeUInt32LE(1, 16);
    file.add(locator);
  }
  if (kind === 5) return;
  if (odd && random.chance(5)) file.add(random.bytes(random.below(140)));
  const end = Buffer.alloc(22);
  const count = odd && random.chance(5) ? random.below(5) : records;
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(odd && random.chance(8) ? 1 : 0, 4);
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(odd && random.chance(8) ? count + 1 : count, 10);
  end.writeUInt32LE(number32(random, odd, length), 12);
  end.writeUInt32LE(kind === 1 ? 0xffffffff : number32(random, odd, start), 16);
  const comment = random.bytes(random.chance(6) ? random.below(60) : 0);
  end.writeUInt16LE(odd && random.chance(6) ? random.below(200) : comment.length, 20);
  file.add(end, comment);
}

/** Signatures without what belongs to them. */
function noise(random: Random): Buffer {
  const signatures = ['504b0304', '504b0102', '504b0506', '504b0606', '504b0607'].map((hex) =>
    Buffer.from(hex, 'hex'),
  );
  const pieces = Array.from({ length: random.below(4) }, () =>
    Buffer.concat([random.pick(signatures), random.bytes(random.below(70))]),
  );
  return Buffer.concat(pieces);
}

function number32(random: Random, odd: boolean, right: number): number {
  return Number(number64(random, odd, right) & 0xffffffffn);
}

function number64(random: Random, odd: boolean, right: number): bigint {
  if (!odd || !random.chance(6)) return BigInt(right);
  if (random.chance(2)) return BigInt.asUintN(64, BigInt(right) + BigInt(random.pick([-46, -1, 1, 46])));
  return random.pick(ODD);
}
