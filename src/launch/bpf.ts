import { PaddockError } from '../lib/errors.ts';

/** One instruction or label of a classic BPF program over `struct seccomp_data`. */
export type Item =
  | { readonly kind: 'label'; readonly name: string }
  /** A ← the 32-bit word at this offset of seccomp_data. */
  | { readonly kind: 'load'; readonly offset: number }
  /** A ← A & value. */
  | { readonly kind: 'and'; readonly value: number }
  /** A label left out means the next instruction. `set` is A & value ≠ 0. */
  | {
      readonly kind: 'jump';
      readonly test: Test;
      readonly value: number;
      readonly yes?: string;
      readonly no?: string;
    }
  | { readonly kind: 'goto'; readonly target: string }
  | { readonly kind: 'return'; readonly value: number };

export type Test = 'eq' | 'gt' | 'ge' | 'set';

/** Offsets in struct seccomp_data (linux/seccomp.h). Arguments are 64-bit; the low word comes first on both machines. */
export const DATA_NR = 0;
export const DATA_ARCH = 4;
export const dataArgument = (index: number): number => 16 + 8 * index;

/** BPF_MAXINSNS of linux/bpf_common.h: the kernel refuses longer programs. */
export const MAX_INSTRUCTIONS = 4096;

// Opcodes of linux/bpf_common.h: class, size or operation, mode or source.
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
const GOTO = 0x05; // BPF_JMP | BPF_JA
const RETURN = 0x06; // BPF_RET | BPF_K
const JUMP: Readonly<Record<Test, number>> = { eq: 0x15, gt: 0x25, ge: 0x35, set: 0x45 };

/** Bytes of one struct sock_filter: u16 code, u8 jt, u8 jf, u32 k. */
export const INSTRUCTION_BYTES = 8;

/** A conditional jump reaches this many instructions; a `goto` reaches all of them. */
const SHORT = 255;

/**
 * The program as an array of `struct sock_filter`. A conditional jump whose target is out of its 8-bit reach goes by
 * way of a `goto`.
 * @throws PaddockError `internal` for an unknown, repeated or backward label, a program that can run off its end, and
 * one of more than 4096 instructions: the kernel would refuse these, later and without a reason.
 */
export function assemble(items: readonly Item[]): Uint8Array {
  const far = relax(items);
  const { addresses, labels, length } = layOut(items, far);
  if (length > MAX_INSTRUCTIONS) fail(`${length} instructions`, `at most ${MAX_INSTRUCTIONS}`);
  const last = items.at(-1);
  if (last?.kind !== 'return' && last?.kind !== 'goto') fail('no return at the end', 'a return');

  const out = Buffer.alloc(length * INSTRUCTION_BYTES);
  for (const [index, item] of items.entries()) {
    const at = addresses[index] ?? 0;
    if (item.kind === 'load') put(out, at, LOAD, 0, 0, item.offset);
    else if (item.kind === 'and') put(out, at, AND, 0, 0, item.value);
    else if (item.kind === 'return') put(out, at, RETURN, 0, 0, item.value);
    else if (item.kind === 'goto') put(out, at, GOTO, 0, 0, distance(labels, item.target, at));
    else if (item.kind === 'jump') putJump(out, at, item, labels, far.get(index));
  }
  return out;
}

type Jump = Extract<Item, { kind: 'jump' }>;
interface Far {
  readonly yes: boolean;
  readonly no: boolean;
}

// Jumps only ever get longer, so this ends after at most one round for each side of each jump.
function relax(items: readonly Item[]): Map<number, Far> {
  const far = new Map<number, Far>();
  for (let round = 0; round <= 2 * items.length; round++) {
    const { addresses, labels } = layOut(items, far);
    let grown = false;
    items.forEach((item, index) => {
      if (item.kind !== 'jump') return;
      const at = addresses[index] ?? 0;
      const known = far.get(index) ?? { yes: false, no: false };
      const tooFar = (label: string | undefined): boolean =>
        label !== undefined && distance(labels, label, at) > SHORT;
      const now = {
        yes: known.yes || tooFar(item.yes),
        no: known.no || tooFar(item.no),
      };
      if (now.yes !== known.yes || now.no !== known.no) {
        far.set(index, now);
        grown = true;
      }
    });
    if (!grown) return far;
  }
  return fail('jumps that do not settle', 'a fixed layout');
}

function layOut(items: readonly Item[], far: ReadonlyMap<number, Far>) {
  const addresses: number[] = [];
  const labels = new Map<string, number>();
  let length = 0;
  items.forEach((item, index) => {
    addresses.push(length);
    if (item.kind === 'label') {
      if (labels.has(item.name)) fail(`label ${item.name} twice`, 'each label once');
      labels.set(item.name, length);
      return;
    }
    const hops = far.get(index);
    length += 1 + (hops?.yes ? 1 : 0) + (hops?.no ? 1 : 0);
  });
  return { addresses, labels, length };
}

function putJump(out: Buffer, at: number, item: Jump, labels: ReadonlyMap<string, number>, far?: Far): void {
  // Hops stand right behind the jump: first that of `yes`, after it that of `no`.
  const hops = (far?.yes ? 1 : 0) + (far?.no ? 1 : 0);
  let hop = 0;
  const side = (label: string | undefined, isFar: boolean | undefined): number => {
    if (label === undefined) return hops;
    if (!isFar) return distance(labels, label, at);
    hop += 1;
    put(out, at + hop, GOTO, 0, 0, distance(labels, label, at + hop));
    return hop - 1;
  };
  const jt = side(item.yes, far?.yes);
  const jf = side(item.no, far?.no);
  if (jt > SHORT || jf > SHORT) fail(`a jump over ${Math.max(jt, jf)} instructions`, `at most ${SHORT}`);
  put(out, at, JUMP[item.test], jt, jf, item.value);
}

function distance(labels: ReadonlyMap<string, number>, label: string, from: number): number {
  const target = labels.get(label);
  if (target === undefined) return fail(`unknown label ${label}`, 'a label of the program');
  if (target <= from) return fail(`a jump back to ${label}`, 'jumps forward only');
  return target - from - 1;
}

function put(out: Buffer, at: number, code: number, jt: number, jf: number, k: number): void {
  const offset = at * INSTRUCTION_BYTES;
  out.writeUInt16LE(code, offset);
  out.writeUInt8(jt, offset + 2);
  out.writeUInt8(jf, offset + 3);
  out.writeUInt32LE(k >>> 0, offset + 4);
}

function fail(found: string, expected: string): never {
  throw new PaddockError('internal', 'a seccomp program cannot be assembled', { found, expected });
}
