/** What a call looks like to a seccomp filter. Arguments are 64-bit and unsigned; missing ones are 0. */
export interface Call {
  readonly arch: number;
  readonly nr: number;
  readonly args?: readonly (number | bigint)[];
}

export interface Verdict {
  /** What the filter returned. */
  readonly value: number;
  /** Instructions executed. */
  readonly steps: number;
}

/**
 * Runs a classic BPF program as the kernel does (seccomp_check_filter, bpf_check_classic): 32-bit words, forward
 * jumps, loads only at the aligned words of seccomp_data.
 * @throws Error for every program that the kernel would refuse, and for one that leaves its own code.
 */
export function interpret(program: Uint8Array, call: Call): Verdict {
  const data = seccompData(call);
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const count = program.byteLength / 8;
  if (!Number.isInteger(count) || count === 0 || count > 4096) throw new Error(`${count} instructions`);
  let accumulator = 0;
  for (let pc = 0, steps = 1; pc < count; steps++) {
    const [op, jt, jf, k] = [
      code.getUint16(pc * 8, true),
      code.getUint8(pc * 8 + 2),
      code.getUint8(pc * 8 + 3),
      code.getUint32(pc * 8 + 4, true),
    ];
    const branch = (taken: boolean): number => pc + 1 + (taken ? jt : jf);
    switch (op) {
      case 0x20:
        if (k % 4 !== 0 || k >= 64) throw new Error(`load from ${k}`);
        accumulator = data.getUint32(k, true);
        pc += 1;
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        pc += 1;
        break;
      case 0x05:
        pc += 1 + k;
        break;
      case 0x15:
        pc = branch(accumulator === k);
        break;
      case 0x25:
        pc = branch(accumulator > k);
        break;
      case 0x35:
        pc = branch(accumulator >= k);
        break;
      case 0x45:
        pc = branch((accumulator & k) !== 0);
        break;
      case 0x06:
        return { value: k, steps };
      default:
        throw new Error(`instruction 0x${op.toString(16)} at ${pc}`);
    }
  }
  throw new Error('the program ran off its end');
}

function seccompData(call: Call): DataView {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, call.nr >>> 0, true);
  data.setUint32(4, call.arch >>> 0, true);
  data.setBigUint64(8, 0x7f00_1234_5678n, true);
  for (let i = 0; i < 6; i++)
    data.setBigUint64(16 + 8 * i, BigInt.asUintN(64, BigInt(call.args?.[i] ?? 0)), true);
  return data;
}
