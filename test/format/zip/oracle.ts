/**
 * The /zip reader once more, by the rules of its sources and in another way than src/format/zip/zipos.ts: first every
 * place where a signature stands is listed, then rules are applied to the list. Whole file in memory, 64-bit arithmetic
 * throughout, nothing shared with the product.
 */
export type OracleVersion = '3.0' | '3.0.2' | '3.1' | '3.3.3' | '3.5.2';

export interface OracleMember {
  at: number;
  name: string;
  method: number;
  local: bigint;
  content: bigint;
  whole: bigint;
  packed: bigint;
}
export type OracleAnswer = 'nothing' | 'ends' | { end: string; members: OracleMember[] };

const M64 = (1n << 64n) - 1n;
const ALL_ONES = 0xffffffffn;

export function oracle(file: Uint8Array, version: OracleVersion): OracleAnswer {
  const oldest = version === '3.0' || version === '3.0.2';
  const data = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const n = BigInt(file.length);
  const u16 = (at: bigint | number) => BigInt(data.getUint16(Number(at), true));
  const u32 = (at: bigint | number) => BigInt(data.getUint32(Number(at), true));
  const u64 = (at: bigint | number) => data.getBigUint64(Number(at), true);
  const i64 = (at: bigint | number) => data.getBigInt64(Number(at), true);
  // The oldest versions may read behind the end of the file, where the rest of its last page is zero.
  const far = new DataView(new ArrayBuffer(oldest ? file.length + 80_000 : 0));
  if (oldest) new Uint8Array(far.buffer).set(file);
  const sign = (at: bigint, a: number, b: number) =>
    at + 4n <= n && u32(at) === BigInt(0x4b50 | (a << 16) | (b << 24));

  // Rule of the 64-bit record at `i`.
  const big = (i: bigint): boolean => {
    if (i + 56n > n || !sign(i, 6, 6)) return false;
    const jump = (u64(i + 4n) + 12n) & M64;
    const locator = i + jump;
    if (locator > M64 || locator + 20n > n) return false;
    if (!sign(locator, 6, 7) || u64(locator + 8n) !== i) return false;
    const last = u64(i + 48n) + u64(i + 40n);
    if (last > M64 || last > i) return false;
    return u64(i + 32n) * 46n <= M64 && u64(i + 32n) * 46n <= u64(i + 40n);
  };
  // Rule of the 32-bit record at `i`.
  const little = (i: bigint): boolean => {
    if (n - i < 22n || i + 22n + u16(i + 20n) > n) return false;
    if (u16(i + 4n) !== u16(i + 6n) || u16(i + 8n) !== u16(i + 10n)) return false;
    if (u16(i + 10n) * 46n > u32(i + 12n)) return false;
    if (version !== '3.0' && u32(i + 16n) === ALL_ONES) return false;
    return u32(i + 16n) + u32(i + 12n) <= i;
  };
  const target = (i: bigint): bigint | undefined =>
    i >= 0n && sign(i, 6, 7) && i + 20n <= n && big(u64(i + 8n)) ? u64(i + 8n) : undefined;

  const places: bigint[] = [];
  for (let i = file.length - 4; i >= 0 && i + 0x11001 >= file.length; i--)
    if (file[i] === 0x50 && (sign(BigInt(i), 6, 7) || sign(BigInt(i), 5, 6))) places.push(BigInt(i));
  let end: { kind: 'big' | 'little'; at: bigint } | undefined;
  for (const i of places) {
    const direct = target(i);
    if (direct !== undefined) end = { kind: 'big', at: direct };
    else if (sign(i, 5, 6) && little(i)) {
      const near = Array.from({ length: 128 }, (_, back) => target(i - BigInt(back))).find(
        (one) => one !== undefined,
      );
      end = near === undefined ? { kind: 'little', at: i } : { kind: 'big', at: near };
    }
    if (end !== undefined) break;
  }
  if (end === undefined) return 'nothing';

  const count = end.kind === 'big' ? u64(end.at + 32n) : u16(end.at + 10n);
  const start = end.kind === 'big' ? u64(end.at + 48n) : u32(end.at + 16n);
  const length = end.kind === 'big' ? u64(end.at + 40n) : u32(end.at + 12n);
  const members: OracleMember[] = [];
  let at = start;
  for (let seen = 0n; seen < count; seen++) {
    if (at + 46n > n) return 'ends';
    const size = 46n + u16(at + 28n) + u16(at + 30n) + u16(at + 32n);
    if (at + size > n) return 'ends';
    const extra = [at + 46n + u16(at + 28n), u16(at + 30n)] as const;
    const field = (wanted: bigint, [from, room]: readonly [bigint, bigint]): bigint | undefined => {
      let p = from;
      while (oldest && p < from + room) {
        const [id, length] = [far.getUint16(Number(p), true), far.getUint16(Number(p) + 2, true)];
        if (id === 1 && Number(wanted) + 8 <= length) return far.getBigInt64(Number(p + 4n + wanted), true);
        p += BigInt(4 + length);
      }
      while (p + 4n <= from + room && p + 4n + u16(p + 2n) <= from + room) {
        if (u16(p) === 1n && wanted + 8n <= u16(p + 2n)) return i64(p + 4n + wanted);
        p += 4n + u16(p + 2n);
      }
      return undefined;
    };
    const skip = (packed: bigint, whole: bigint) =>
      (packed === ALL_ONES ? 8n : 0n) + (whole === ALL_ONES ? 8n : 0n);
    let local = u32(at + 42n);
    if (local === ALL_ONES) {
      local = oldest
        ? (field(16n, extra) ?? ALL_ONES)
        : (field(skip(u32(at + 20n), u32(at + 24n)), extra) ?? -1n);
    }
    if (local < 0n || local + 30n > n) return 'ends';
    const content = local + 30n + u16(local + 26n) + u16(local + 28n);
    if (content > n) return 'ends';
    if (version !== '3.5.2' && !sign(local, 3, 4)) return 'ends';
    const localExtra = [local + 30n + u16(local + 26n), u16(local + 28n)] as const;
    let packed = u32(local + 18n);
    let whole = u32(local + 22n);
    const [widePacked, wideWhole] = [packed === ALL_ONES, whole === ALL_ONES];
    if (wideWhole) {
      whole = oldest
        ? (field(0n, localExtra) ?? ALL_ONES)
        : (field(version === '3.1' && widePacked ? 8n : 0n, localExtra) ?? -1n);
    }
    if (widePacked) {
      packed = oldest
        ? (field(8n, localExtra) ?? ALL_ONES)
        : (field(version !== '3.1' && wideWhole ? 8n : 0n, localExtra) ?? -1n);
    }
    const nameAt = Number(at) + 46;
    members.push({
      at: Number(at),
      name: Buffer.from(file.subarray(nameAt, nameAt + Number(u16(at + 28n)))).toString('hex'),
      method: Number(u16(local + 8n)),
      local,
      content,
      whole,
      packed,
    });
    at += size;
  }
  return { end: `${end.kind} ${end.at}: ${count} from ${start}, ${length}`, members };
}
