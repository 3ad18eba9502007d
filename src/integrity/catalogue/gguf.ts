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
    why: 'harmless in itself; it shows that somebody worked on the archive with another tool than the releases’ own',
    remedy: 'add them with `zipalign -j0`, which puts them at a multiple of 65536',
  },
  'GGUF-012a': {
    stage: 'judging',
    severity: 'warn',
    title: 'the weights have a metadata key of unusual characters',
    why: 'loaders do not mind it; it may be meant for another program that reads the same weights',
    remedy: CONVERT,
  },
  'GGUF-032a': {
    stage: 'judging',
    severity: 'warn',
    title: 'a tensor has no dimensions',
    why: 'it is so rare that the code behind the loaders has seldom met one',
    remedy: CONVERT,
  },
  'GGUF-033a': {
    stage: 'judging',
    severity: 'warn',
    title: 'a tensor has a dimension of zero',
    why: 'code that divides by a dimension stops the program, and some releases refuse the weights',
    remedy: CONVERT,
  },
  'GGUF-034a': {
    stage: 'judging',
    severity: 'deny',
    title: 'a tensor has a type that this release of llamafile does not know',
    why: 'this release reads behind its table of types, stops, or takes the number for another type',
    remedy: 'use a newer llamafile for these weights, or weights of an older type',
  },
  'GGUF-037a': {
    stage: 'judging',
    severity: 'warn',
    title: 'there is space between the tensors that alignment does not explain',
    why: 'such space can hold what no tool looks at',
    remedy: CONVERT,
  },
  'GGUF-038a': {
    stage: 'judging',
    severity: 'warn',
    title: 'something follows the last tensor of the weights',
    why: 'what no tensor explains can hold anything, and no tool looks at it',
    remedy: CONVERT,
  },
  'GGUF-041a': {
    stage: 'judging',
    severity: 'deny',
    title: 'the lists of the tokenizer do not fit together',
    why: 'the loader takes the length of one list and reads the others by it, also behind the end of a shorter one',
    remedy: REBUILD,
  },
  'GGUF-042': {
    stage: 'judging',
    severity: 'deny',
    title: 'a well-known key has a value that cannot be',
    why: 'loaders divide by such values and reserve memory by them',
    remedy: REBUILD,
  },
  'GGUF-043': {
    stage: 'judging',
    severity: 'deny',
    title: 'a special token is not in the vocabulary',
    why: 'loaders use the number as a place in the list of tokens and read what lies behind it',
    remedy: REBUILD,
  },
  'GGUF-043a': {
    stage: 'judging',
    severity: 'warn',
    title: 'the padding token is not in the vocabulary',
    why: 'some conversions have this fault, and programs that write text never use the token',
    remedy: CONVERT,
  },
  'GGUF-044': {
    stage: 'judging',
    severity: 'deny',
    title: 'a token that stands for a byte names no byte',
    why: 'a tokenizer uses the number as a place in a table of 256 and writes beside it',
    remedy: REBUILD,
  },
  'GGUF-044a': {
    stage: 'judging',
    severity: 'warn',
    title: 'a token that stands for a byte is spelled in an unusual way',
    why: 'some releases take two of its characters for a number, and stop where there are none',
    remedy: CONVERT,
  },
  'GGUF-045': {
    stage: 'judging',
    severity: 'deny',
    title: 'a key of the image or audio encoder has a value that cannot be',
    why: 'the loader of the encoder divides by such values and reserves memory by their products',
    remedy: REBUILD,
  },
  'GGUF-046': {
    stage: 'judging',
    severity: 'deny',
    title: 'the weights are one part of several, and the others are not in the file',
    why: 'the loader looks for them in the working folder: what somebody put there becomes part of the model, unjudged',
    remedy: 'add every part to the archive, or join them with llama-gguf-split --merge',
  },
  'GGUF-050': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template is too long to be judged',
    why: 'what lies behind the bound was not looked at, and it is what the model is told before every conversation',
    remedy: TEMPLATE,
    incomplete: true,
  },
  'GGUF-050a': {
    stage: 'judging',
    severity: 'info',
    title: 'the weights have several chat templates',
    why: 'the program uses one of them, and which one depends on how it is started',
    remedy: '`paddock inspect` lists them; each is judged',
  },
  'GGUF-051': {
    stage: 'judging',
    severity: 'deny',
    title: 'a chat template reaches for what no chat template needs',
    why: 'programs that render it with Python’s Jinja without a fence let it run any code (CVE-2024-34359)',
    remedy: TEMPLATE,
  },
  'GGUF-052': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template hides text, or adds orders of its own',
    why: 'the model gets orders that nobody sees in the conversation, and acts on them',
    remedy: TEMPLATE,
  },
  'GGUF-053': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template has an address of the network in its text',
    why: 'the model can be led to load that address or to show it, and with it what the conversation holds',
    remedy: TEMPLATE,
  },
  'GGUF-054': {
    stage: 'judging',
    severity: 'warn',
    title: 'a chat template cannot be parsed, so that it is not judged in full',
    why: 'code that one parser refuses and another one runs is not seen by the first',
    remedy: TEMPLATE,
    incomplete: true,
  },
} as const satisfies Checks;
