import { type Checks, REBUILD } from './check.ts';

/** GGUF: what the reader refuses. Loaders of one release or another overflow, divide by zero or read beyond the file on these. */
export const GGUF_READING = {
  'GGUF-001': {
    stage: 'reading',
    severity: 'deny',
    title: 'the weights do not begin like a GGUF',
    remedy: REBUILD,
  },
  'GGUF-002': {
    stage: 'reading',
    severity: 'deny',
    title: 'the weights are of a version of GGUF that cannot be run',
    remedy: REBUILD,
  },
  'GGUF-005': {
    stage: 'reading',
    severity: 'deny',
    title: 'the weights announce more metadata than they can hold',
    remedy: REBUILD,
  },
  'GGUF-006': {
    stage: 'reading',
    severity: 'deny',
    title: 'the weights announce more tensors than they can hold',
    remedy: REBUILD,
  },
  'GGUF-010': {
    stage: 'reading',
    severity: 'deny',
    title: 'a metadata value has a type that does not exist',
    remedy: REBUILD,
  },
  'GGUF-011': {
    stage: 'reading',
    severity: 'deny',
    title: 'a truth value of the metadata is neither 0 nor 1',
    remedy: REBUILD,
  },
  'GGUF-012': {
    stage: 'reading',
    severity: 'deny',
    title: 'a metadata key is not a name',
    remedy: REBUILD,
  },
  'GGUF-013': {
    stage: 'reading',
    severity: 'deny',
    title: 'a metadata key appears twice, and loaders differ in which one counts',
    remedy: REBUILD,
  },
  'GGUF-014': {
    stage: 'reading',
    severity: 'deny',
    title: 'a text of the metadata is longer than the file, not UTF-8, or has a NUL byte',
    remedy: REBUILD,
  },
  'GGUF-020': {
    stage: 'reading',
    severity: 'deny',
    title: 'an array of the metadata is longer than the file, or of no known type',
    remedy: REBUILD,
  },
  'GGUF-022': {
    stage: 'reading',
    severity: 'deny',
    title: 'the weights end inside their header, or the header has no sane end',
    remedy: REBUILD,
  },
  'GGUF-030': {
    stage: 'reading',
    severity: 'deny',
    title: 'a tensor has a name that is none',
    remedy: REBUILD,
  },
  'GGUF-031': {
    stage: 'reading',
    severity: 'deny',
    title: 'two tensors have the same name',
    remedy: REBUILD,
  },
  'GGUF-032': {
    stage: 'reading',
    severity: 'deny',
    title: 'a tensor has more than four dimensions',
    remedy: REBUILD,
  },
  'GGUF-033': {
    stage: 'reading',
    severity: 'deny',
    title: 'the dimensions of a tensor multiply to 2^63 or more',
    remedy: REBUILD,
  },
  'GGUF-034': {
    stage: 'reading',
    severity: 'deny',
    title: 'a tensor has a type that no runtime knows',
    remedy: REBUILD,
  },
  'GGUF-035': {
    stage: 'reading',
    severity: 'deny',
    title: 'a row of a tensor is not a whole number of blocks',
    remedy: REBUILD,
  },
  'GGUF-036': {
    stage: 'reading',
    severity: 'deny',
    title: 'a tensor is larger than the weights are',
    remedy: REBUILD,
  },
  'GGUF-037': {
    stage: 'reading',
    severity: 'deny',
    title: 'tensors share data, or are not at their alignment',
    remedy: REBUILD,
  },
  'GGUF-038': {
    stage: 'reading',
    severity: 'deny',
    title: 'the data of a tensor is not in the file',
    remedy: REBUILD,
  },
  'GGUF-040': {
    stage: 'reading',
    severity: 'deny',
    title: 'the alignment of the tensors is not a power of two up to 1 MiB',
    remedy: REBUILD,
  },
  'GGUF-041': {
    stage: 'reading',
    severity: 'deny',
    title: 'an element of a string array is longer than 1 MiB',
    remedy: REBUILD,
  },
} as const satisfies Checks;
