import { escapeText } from '../lib/text.ts';
import type { GgufTensorLayout } from './anatomy.ts';
import { malformed } from './faults.ts';
import type { GgufCursor } from './gguf-cursor.ts';
import { LIMITS, type TensorTypes } from './gguf-types.ts';

export interface TensorTable {
  /** In the order of the header. */
  readonly tensors: readonly Tensor[];
  /** From the magic to the end of the last tensor info. */
  readonly headerLength: number;
  readonly parameterCount: bigint;
  /** The type that holds most parameters. */
  readonly commonestType?: string;
  readonly ranges: readonly { readonly offset: number; readonly length: number }[];
  readonly layout: GgufTensorLayout;
}

interface Bounds {
  /** Absolute range of the GGUF. */
  readonly start: number;
  readonly end: number;
  readonly alignment: number;
  readonly types: TensorTypes;
}
/** A tensor info that fits into the file. */
export interface Tensor {
  readonly name: string;
  /** From the start of the tensor data. */
  readonly offset: number;
  readonly length: number;
  /** Innermost first. */
  readonly dims: readonly bigint[];
  readonly parameters: bigint;
  readonly typeId: number;
  readonly type: string;
  /** Where its info is. */
  readonly at: number;
}

const DIMS_LIMIT = 4;
const INT64_MAX = (1n << 63n) - 1n;

/**
 * The tensor infos, from where the cursor stands, checked against each other and the member's end. All sums are exact.
 * @throws PaddockError `malformed`
 */
export function readTensors(cursor: GgufCursor, count: number, bounds: Bounds): TensorTable {
  const names = new Set<string>();
  const tensors: Tensor[] = [];
  for (let index = 0; index < count; index++) {
    const tensor = readInfo(cursor, bounds);
    if (names.has(tensor.name)) {
      throw fault('GGUF-031', tensor.at, 'two tensors have one name', 'each name once', tensor.name);
    }
    names.add(tensor.name);
    tensors.push(tensor);
  }
  const headerLength = cursor.at - bounds.start;
  const commonestType = commonest(tensors);
  const dataStart = bounds.start + roundUp(headerLength, bounds.alignment);
  const { ranges, gap, end } = place(tensors, dataStart, bounds);
  const scalar = tensors.find(({ dims }) => dims.length === 0);
  const empty = tensors.find(({ parameters }) => parameters === 0n);
  return {
    tensors,
    headerLength,
    parameterCount: tensors.reduce((sum, { parameters }) => sum + parameters, 0n),
    ...(commonestType === undefined ? {} : { commonestType }),
    ranges,
    layout: {
      types: new Map(tensors.map(({ typeId, at }) => [typeId, at] as const).reverse()),
      ...(scalar === undefined ? {} : { scalarAt: scalar.at }),
      ...(empty === undefined ? {} : { emptyAt: empty.at }),
      ...(gap === undefined ? {} : { gap }),
      end: end ?? cursor.at,
    },
  };
}

function readInfo(cursor: GgufCursor, { start, end, alignment, types }: Bounds): Tensor {
  const at = cursor.at;
  const name = readName(cursor);
  const { dims, parameters } = readShape(cursor, at);
  const innermost = dims[0] ?? 1n;
  const typeId = cursor.u32();
  const [type, elements, bytes] = types[typeId] ?? [];
  if (type === undefined || elements === undefined || bytes === undefined) {
    const found = `type ${typeId}`;
    throw fault('GGUF-034', at, 'a tensor has a type that does not exist', 'a type of ggml', found);
  }
  if (innermost % BigInt(elements) !== 0n) {
    const expected = `a first dimension that ${elements} divides`;
    throw fault('GGUF-035', at, 'a tensor has part of a block', expected, `${innermost}`);
  }
  const length = (parameters / BigInt(elements)) * BigInt(bytes);
  const offset = cursor.u64();
  const room = BigInt(end - start);
  if (length > room) {
    const expected = `at most ${room} bytes, the length of the member`;
    throw fault('GGUF-036', at, 'a tensor is larger than the weights are', expected, `${length} bytes`);
  }
  if (offset > room) {
    const expected = `an offset of at most ${room}`;
    throw fault('GGUF-038', at, 'the data of a tensor is not inside the member', expected, `${offset}`);
  }
  if (offset % BigInt(alignment) !== 0n) {
    const expected = `an offset that ${alignment} divides`;
    throw fault('GGUF-037', at, 'the data of a tensor is not at its alignment', expected, `${offset}`);
  }
  return { name, typeId, type, dims, parameters, offset: Number(offset), length: Number(length), at };
}

function readName(cursor: GgufCursor): string {
  const at = cursor.at;
  const name = cursor.text('the name of a tensor', 'GGUF-030', LIMITS.tensorNameBytes);
  if (/^[^\0/\\]+$/.test(name) && !name.includes('..')) return name;
  const expected = `1 to ${LIMITS.tensorNameBytes} bytes without NUL, slashes and ".."`;
  throw fault('GGUF-030', at, 'a tensor has a name that is none', expected, name);
}

function readShape(cursor: GgufCursor, at: number): Pick<Tensor, 'dims' | 'parameters'> {
  const count = cursor.u32();
  if (count > DIMS_LIMIT) {
    throw fault('GGUF-032', at, 'a tensor has too many dimensions', `at most ${DIMS_LIMIT}`, `${count}`);
  }
  const dims: bigint[] = [];
  let parameters = 1n;
  for (let index = 0; index < count; index++) {
    const dim = cursor.u64();
    dims.push(dim);
    parameters *= dim;
    if (dim > INT64_MAX || parameters > INT64_MAX) {
      const message = 'the dimensions of a tensor multiply to too much';
      throw fault('GGUF-033', at, message, 'less than 2^63', `${dim} among others`);
    }
  }
  return { dims, parameters };
}

interface Placed {
  readonly ranges: TensorTable['ranges'];
  readonly gap?: NonNullable<GgufTensorLayout['gap']>;
  /** First byte after the last tensor; undefined without tensors. */
  readonly end?: number;
}

/** Absolute ranges, merged where only alignment lies between. */
function place(tensors: readonly Tensor[], dataStart: number, { end, alignment }: Bounds): Placed {
  const sorted = [...tensors].sort((a, b) => a.offset - b.offset || a.length - b.length);
  const ranges: { offset: number; length: number }[] = [];
  let gap: { offset: number; length: number; totalBytes: number } | undefined;
  let free = dataStart;
  for (const { offset: relative, length, at, name } of sorted) {
    const offset = dataStart + relative;
    if (offset + length > end) {
      const found = `${offset + length}, ${name}`;
      throw fault('GGUF-038', at, 'the data of a tensor leaves the member', `an end by byte ${end}`, found);
    }
    if (offset < free) {
      const expected = `a start from byte ${free}`;
      throw fault('GGUF-037', at, 'two tensors share data', expected, `byte ${offset}, ${name}`);
    }
    const unexplained = offset - dataStart - roundUp(free - dataStart, alignment);
    if (unexplained > 0) {
      gap ??= { offset: offset - unexplained, length: unexplained, totalBytes: 0 };
      gap.totalBytes += unexplained;
    }
    const last = ranges.at(-1);
    if (last !== undefined && offset - free < alignment) last.length = offset + length - last.offset;
    else ranges.push({ offset, length });
    free = offset + length;
  }
  if (tensors.length === 0) return { ranges };
  return { ranges, end: free, ...(gap === undefined ? {} : { gap }) };
}

function commonest(tensors: readonly Tensor[]): string | undefined {
  const totals = new Map<string, bigint>();
  for (const { type, parameters } of tensors) totals.set(type, (totals.get(type) ?? 0n) + parameters);
  let best: string | undefined;
  for (const [type, total] of totals) if (best === undefined || total > (totals.get(best) ?? 0n)) best = type;
  return best;
}

function fault(check: string, offset: number, message: string, expected: string, found: string) {
  return malformed(message, { check, offset, expected, found: escapeText(found, 120) });
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
