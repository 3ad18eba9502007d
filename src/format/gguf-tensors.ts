import { escapeText } from '../lib/text.ts';
import { malformed } from './faults.ts';
import type { GgufCursor } from './gguf-cursor.ts';
import { LIMITS, TENSOR_TYPES } from './gguf-types.ts';

export interface TensorTable {
  /** From the magic to the end of the last tensor info. */
  readonly headerLength: number;
  readonly parameterCount: bigint;
  /** The type that holds most parameters. */
  readonly commonestType?: string;
  readonly ranges: readonly { readonly offset: number; readonly length: number }[];
}

interface Bounds {
  /** Absolute range of the GGUF. */
  readonly start: number;
  readonly end: number;
  readonly alignment: number;
}
interface Tensor {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly parameters: bigint;
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
    if (names.has(tensor.name))
      throw fault(tensor.at, 'two tensors have one name', 'each name once', tensor.name);
    names.add(tensor.name);
    tensors.push(tensor);
  }
  const headerLength = cursor.at - bounds.start;
  const commonestType = commonest(tensors);
  return {
    headerLength,
    parameterCount: tensors.reduce((sum, { parameters }) => sum + parameters, 0n),
    ...(commonestType === undefined ? {} : { commonestType }),
    ranges: place(tensors, bounds.start + roundUp(headerLength, bounds.alignment), bounds),
  };
}

function readInfo(cursor: GgufCursor, { start, end, alignment }: Bounds): Tensor {
  const at = cursor.at;
  const name = cursor.text('the name of a tensor');
  if (Buffer.byteLength(name) > LIMITS.tensorNameBytes || !/^[^\0/\\]+$/.test(name) || name.includes('..')) {
    throw fault(at, 'a tensor has a name that is none', '1 to 63 bytes without NUL, slashes and ".."', name);
  }
  const dims = cursor.u32();
  if (dims > DIMS_LIMIT)
    throw fault(at, 'a tensor has too many dimensions', `at most ${DIMS_LIMIT}`, `${dims}`);
  let parameters = 1n;
  let innermost = 1n;
  for (let index = 0; index < dims; index++) {
    const dim = cursor.u64();
    if (index === 0) innermost = dim;
    parameters *= dim;
    if (dim > INT64_MAX || parameters > INT64_MAX) {
      throw fault(
        at,
        'the dimensions of a tensor multiply to too much',
        'less than 2^63',
        `${dim} among others`,
      );
    }
  }
  const id = cursor.u32();
  const [type, elements, bytes] = TENSOR_TYPES[id] ?? [];
  if (type === undefined || elements === undefined || bytes === undefined) {
    throw fault(at, 'a tensor has a type that does not exist', 'a type of ggml', `type ${id}`);
  }
  if (innermost % BigInt(elements) !== 0n) {
    throw fault(
      at,
      'a tensor has part of a block',
      `a first dimension that ${elements} divides`,
      `${innermost}`,
    );
  }
  const length = (parameters / BigInt(elements)) * BigInt(bytes);
  const offset = cursor.u64();
  const room = BigInt(end - start);
  if (length > room || offset > room || offset % BigInt(alignment) !== 0n) {
    throw fault(
      at,
      'a tensor is not inside the member, at its alignment',
      `${room} bytes`,
      `${length} from ${offset}`,
    );
  }
  return { name, type, parameters, offset: Number(offset), length: Number(length), at };
}

/** Absolute ranges, merged where only alignment lies between. */
function place(
  tensors: readonly Tensor[],
  dataStart: number,
  { end, alignment }: Bounds,
): TensorTable['ranges'] {
  const sorted = [...tensors].sort((a, b) => a.offset - b.offset || a.length - b.length);
  const ranges: { offset: number; length: number }[] = [];
  let last: { offset: number; length: number } | undefined;
  for (const { offset: relative, length, at, name } of sorted) {
    const offset = dataStart + relative;
    if (offset + length > end) {
      throw fault(
        at,
        'the data of a tensor leaves the member',
        `an end by byte ${end}`,
        `${offset + length}, ${name}`,
      );
    }
    const free = last === undefined ? offset : last.offset + last.length;
    if (offset < free)
      throw fault(at, 'two tensors share data', `a start from byte ${free}`, `byte ${offset}, ${name}`);
    if (last !== undefined && offset - free < alignment) {
      last.length = offset + length - last.offset;
    } else {
      last = { offset, length };
      ranges.push(last);
    }
  }
  return ranges;
}

function commonest(tensors: readonly Tensor[]): string | undefined {
  const totals = new Map<string, bigint>();
  for (const { type, parameters } of tensors) totals.set(type, (totals.get(type) ?? 0n) + parameters);
  let best: string | undefined;
  for (const [type, total] of totals) if (best === undefined || total > (totals.get(best) ?? 0n)) best = type;
  return best;
}

function fault(offset: number, message: string, expected: string, found: string) {
  return malformed(message, { offset, expected, found: escapeText(found, 120) });
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
