import { type Checks, REBUILD } from './check.ts';
import { GGUF_READING } from './gguf-reading.ts';

const TEMPLATE =
  'use weights whose template you can vouch for, or the one of the original model; `paddock inspect` shows it';
const CONVERT =
  'convert the model anew with a current converter, or get the weights of the original publisher';

/**
 * GGUF: the weights. Where an id of a refusal has a milder part, that part has the id with an `a`: the reader refuses
 * GGUF-037 (tensors that share data), and GGUF-037a is a finding (space between tensors).
 */
export const GGUF = {
  ...GGUF_READING,
  'GGUF-003': {
    stage: 'judging',
    severity: 'info',
    title: 'weights do not begin on a page: they cannot be mapped everywhere',
    remedy: 'add them with `zipalign -j0`, which puts them at a multiple of 65536',
  },
  'GGUF-012a': {
    stage: 'judging',
    severity: 'warn',
    title: 'the weights have a metadata key of unusual characters',
    remedy: CONVERT,
  },
  'GGUF-032a': {
    stage: 'judging',
    severity: 'warn',
    title: 'a tensor has no dimensions',
    remedy: CONVERT,
  },
  'GGUF-033a': {
    stage: 'judging',
    severity: 'warn',
    title: 'a tensor has a dimension of zero',
    remedy: CONVERT,
  },
  'GGUF-034a': {
    stage: 'judging',
    severity: 'deny',
    title: 'a tensor has a type that this release of llamafile does not know',
    remedy: 'use a newer llamafile for these weights, or weights of an older type',
  },
  'GGUF-037a': {
    stage: 'judging',
    severity: 'warn',
    title: 'there is space between the tensors that alignment does not explain',
    remedy: CONVERT,
  },
  'GGUF-038a': {
    stage: 'judging',
    severity: 'warn',
    title: 'something follows the last tensor of the weights',
    remedy: CONVERT,
  },
  'GGUF-041a': {
    stage: 'judging',
    severity: 'deny',
    title: 'the lists of the tokenizer do not fit together',
    remedy: REBUILD,
  },
  'GGUF-042': {
    stage: 'judging',
    severity: 'deny',
    title: 'a well-known key has a value that cannot be',
    remedy: REBUILD,
  },
  'GGUF-043': {
    stage: 'judging',
    severity: 'deny',
    title: 'a special token is not in the vocabulary',
    remedy: REBUILD,
  },
  'GGUF-043a': {
    stage: 'judging',
    severity: 'warn',
    title: 'the padding token is not in the vocabulary',
    remedy: CONVERT,
  },
  'GGUF-044': {
    stage: 'judging',
    severity: 'deny',
    title: 'a token that stands for a byte names no byte',
    remedy: REBUILD,
  },
  'GGUF-044a': {
    stage: 'judging',
    severity: 'warn',
    title: 'a token that stands for a byte is spelled in an unusual way',
    remedy: CONVERT,
  },
  'GGUF-045': {
    stage: 'judging',
    severity: 'deny',
    title: 'a key of the image or audio encoder has a value that cannot be',
    remedy: REBUILD,
  },
  'GGUF-046': {
    stage: 'judging',
    severity: 'deny',
    title: 'the weights are one part of several, and the others are not in the file',
    remedy: 'add every part to the archive, or join them with llama-gguf-split --merge',
  },
  'GGUF-050': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template is too long to be judged',
    remedy: TEMPLATE,
    incomplete: true,
  },
  'GGUF-050a': {
    stage: 'judging',
    severity: 'info',
    title: 'the weights have several chat templates',
    remedy: '`paddock inspect` lists them; each is judged',
  },
  'GGUF-051': {
    stage: 'judging',
    severity: 'deny',
    title: 'a chat template reaches for what no chat template needs',
    remedy: TEMPLATE,
  },
  'GGUF-052': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template hides text, or adds orders of its own',
    remedy: TEMPLATE,
  },
  'GGUF-053': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template has an address of the network in its text',
    remedy: TEMPLATE,
  },
  'GGUF-054': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template cannot be parsed, so that it is not judged in full',
    remedy: TEMPLATE,
    incomplete: true,
  },
} as const satisfies Checks;
