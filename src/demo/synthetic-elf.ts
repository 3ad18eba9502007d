const EHDR = 64;
const PHDR = 56;

export interface SyntheticElf {
  readonly architecture?: 'x86-64' | 'aarch64';
  /** Bytes of the code segment behind the headers. */
  readonly code?: Buffer;
  readonly data?: Buffer;
  readonly base?: bigint;
}

/** A small, well-formed static ELF with a code and a data segment and a stack note, for tests that run nothing. */
export function syntheticElf(spec: SyntheticElf = {}): Buffer {
  const x86 = (spec.architecture ?? 'x86-64') === 'x86-64';
  const base = spec.base ?? (x86 ? 0x400000n : 0x800000000n);
  const code = spec.code ?? Buffer.alloc(700, x86 ? 0xcc : 0xd4);
  const data = spec.data ?? Buffer.alloc(300, 0x11);
  const page = 0x4000;
  const codeEnd = EHDR + 3 * PHDR + code.length;
  const dataOffset = Math.ceil(codeEnd / page) * page;
  const out = Buffer.alloc(dataOffset + data.length);
  out.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  out.writeUInt16LE(2, 16);
  out.writeUInt16LE(x86 ? 62 : 183, 18);
  out.writeUInt32LE(1, 20);
  out.writeBigUInt64LE(base + BigInt(EHDR + 3 * PHDR), 24);
  out.writeBigUInt64LE(BigInt(EHDR), 32);
  out.writeUInt16LE(EHDR, 52);
  out.writeUInt16LE(PHDR, 54);
  out.writeUInt16LE(3, 56);
  segment(out, EHDR, { type: 1, flags: 5, offset: 0, address: base, size: codeEnd });
  const dataAddress = base + BigInt(dataOffset);
  segment(out, EHDR + PHDR, {
    type: 1,
    flags: 6,
    offset: dataOffset,
    address: dataAddress,
    size: data.length,
  });
  segment(out, EHDR + 2 * PHDR, { type: 0x6474e551, flags: 6, offset: 0, address: 0n, size: 0 });
  code.copy(out, EHDR + 3 * PHDR);
  data.copy(out, dataOffset);
  return out;
}

interface SegmentSpec {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly size: number;
}

function segment(out: Buffer, at: number, spec: SegmentSpec): void {
  out.writeUInt32LE(spec.type, at);
  out.writeUInt32LE(spec.flags, at + 4);
  out.writeBigUInt64LE(BigInt(spec.offset), at + 8);
  out.writeBigUInt64LE(spec.address, at + 16);
  out.writeBigUInt64LE(spec.address, at + 24);
  out.writeBigUInt64LE(BigInt(spec.size), at + 32);
  out.writeBigUInt64LE(BigInt(spec.size), at + 40);
  out.writeBigUInt64LE(0x4000n, at + 48);
}
