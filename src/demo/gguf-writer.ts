export type GgufScalarType =
  | 'u8'
  | 'i8'
  | 'u16'
  | 'i16'
  | 'u32'
  | 'i32'
  | 'f32'
  | 'bool'
  | 'string'
  | 'u64'
  | 'i64'
  | 'f64';
export type GgufScalar = number | bigint | boolean | string | Buffer;

/** Key, type ("u32", "string", or "f32[]" for an array), and value. A Buffer is a string of any bytes. */
export type GgufEntry = readonly [
  key: string,
  type: GgufScalarType | `${GgufScalarType}[]`,
  value: GgufScalar | readonly GgufScalar[],
];

export interface GgufTensor {
  readonly name: string;
  /** Innermost dimension first, as ggml counts: one to four. */
  readonly dims: readonly number[];
  readonly type: 'F32' | 'F16';
  /** product(dims) elements, little-endian. */
  readonly data: Buffer;
}

export interface GgufModel {
  readonly metadata: readonly GgufEntry[];
  readonly tensors: readonly GgufTensor[];
  /** Defaults to 32. Another value needs a `general.alignment` entry of the same value in `metadata`. */
  readonly alignment?: number;
}

const VALUE_TYPE: Readonly<Record<GgufScalarType, number>> = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  u64: 10,
  i64: 11,
  f64: 12,
};
const ARRAY_TYPE = 9;
const TENSOR_TYPE = { F32: { id: 0, bytes: 4 }, F16: { id: 1, bytes: 2 } } as const;

/**
 * A GGUF version 3 file, little-endian, tensors back to back at the alignment.
 * @throws RangeError if a tensor's data does not match its dimensions: a bug of the caller.
 */
export function writeGguf(model: GgufModel): Buffer {
  const alignment = model.alignment ?? 32;
  const parts: Buffer[] = [
    Buffer.from('GGUF'),
    u32(3),
    u64(model.tensors.length),
    u64(model.metadata.length),
  ];
  for (const entry of model.metadata) parts.push(encodeEntry(entry));
  let offset = 0;
  const data: Buffer[] = [];
  for (const tensor of model.tensors) {
    parts.push(encodeTensorInfo(tensor, offset));
    const length = roundUp(tensor.data.length, alignment);
    data.push(tensor.data, Buffer.alloc(length - tensor.data.length));
    offset += length;
  }
  const header = Buffer.concat(parts);
  if (data.length === 0) return header;
  return Buffer.concat([header, Buffer.alloc(roundUp(header.length, alignment) - header.length), ...data]);
}

function encodeEntry([key, type, value]: GgufEntry): Buffer {
  if (!type.endsWith('[]')) {
    const scalar = type as GgufScalarType;
    return Buffer.concat([text(key), u32(VALUE_TYPE[scalar]), encodeScalar(scalar, value as GgufScalar)]);
  }
  const element = type.slice(0, -2) as GgufScalarType;
  const values = value as readonly GgufScalar[];
  const head = [text(key), u32(ARRAY_TYPE), u32(VALUE_TYPE[element]), u64(values.length)];
  return Buffer.concat([...head, ...values.map((each) => encodeScalar(element, each))]);
}

function encodeTensorInfo(tensor: GgufTensor, offset: number): Buffer {
  const { id, bytes } = TENSOR_TYPE[tensor.type];
  const expected = tensor.dims.reduce((product, dim) => product * dim, 1) * bytes;
  if (tensor.data.length !== expected) {
    throw new RangeError(`tensor ${tensor.name}: ${expected} bytes expected, ${tensor.data.length} given`);
  }
  const dims = tensor.dims.map((dim) => u64(dim));
  return Buffer.concat([text(tensor.name), u32(tensor.dims.length), ...dims, u32(id), u64(offset)]);
}

function encodeScalar(type: GgufScalarType, value: GgufScalar): Buffer {
  if (type === 'string') return text(Buffer.isBuffer(value) ? value : String(value));
  const out = Buffer.alloc(8);
  const number = Number(value);
  switch (type) {
    case 'u8':
    case 'bool':
      return out.subarray(0, out.writeUInt8(number));
    case 'i8':
      return out.subarray(0, out.writeInt8(number));
    case 'u16':
      return out.subarray(0, out.writeUInt16LE(number));
    case 'i16':
      return out.subarray(0, out.writeInt16LE(number));
    case 'u32':
      return out.subarray(0, out.writeUInt32LE(number));
    case 'i32':
      return out.subarray(0, out.writeInt32LE(number));
    case 'f32':
      return out.subarray(0, out.writeFloatLE(number));
    case 'u64':
      return out.subarray(0, out.writeBigUInt64LE(typeof value === 'bigint' ? value : BigInt(number)));
    case 'i64':
      return out.subarray(0, out.writeBigInt64LE(typeof value === 'bigint' ? value : BigInt(number)));
    case 'f64':
      return out.subarray(0, out.writeDoubleLE(number));
  }
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

function u64(value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
