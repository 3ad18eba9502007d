import type { Anchor } from '../../integrity/signatures/trust.ts';

/** Types of CEL that facts have. Whole numbers are 64 bits wide there. */
export type FactType = 'bool' | 'int' | 'string' | 'list<string>';

interface Variable {
  readonly type: FactType;
  /** For docs and messages: what it is, and in which unit. */
  readonly means: string;
  /** When it is not known; missing where it always is. */
  readonly unknown?: string;
}

const NO_MODEL = '`model.known` is false';
const NO_ZONE = 'the zone of the machine has no name';

/**
 * All that a condition may ask about, by dotted name. What comes from the file is what the file says: it stands here as
 * a value and never as part of an expression.
 */
export const VARIABLES = {
  'user.name': { type: 'string', means: 'login name of who starts the file', unknown: 'the id has no name' },
  'user.uid': { type: 'int', means: 'numeric id of that user' },
  'user.groups': {
    type: 'list<string>',
    means: 'names of all groups of the running process',
    unknown: 'nobody can be asked for the name of a group that /etc/group lacks',
  },
  'file.path': {
    type: 'string',
    means: 'real path of the file, links followed',
    unknown: 'the path does not lead to the opened file any more',
  },
  'file.name': {
    type: 'string',
    means: 'last part of that path',
    unknown: 'the path does not lead to the opened file any more',
  },
  'file.digest': { type: 'string', means: 'SHA-256 of the whole file, 64 hexadecimal digits in lower case' },
  'file.size': { type: 'int', means: 'length of the file in bytes' },
  'runtime.tier': { type: 'string', means: '"A", "B" or "C"' },
  'runtime.standing': { type: 'string', means: '"release", "unknown" or "tampered"' },
  'runtime.release': { type: 'string', means: 'name of the release, "" when it is none that is known' },
  'runtime.version': { type: 'string', means: 'version of the runtime, "" when it is not known' },
  signers: {
    type: 'list<string>',
    means: 'trusted signers whose signature of this file is valid',
  },
  'model.known': { type: 'bool', means: 'whether the weights that the arguments load could be read' },
  'model.inside': { type: 'bool', means: 'whether these weights lie in the file itself', unknown: NO_MODEL },
  'model.architecture': {
    type: 'string',
    means: '"llama", "qwen2"; "" when the weights do not say',
    unknown: NO_MODEL,
  },
  'model.name': {
    type: 'string',
    means: 'the name that the weights give themselves, "" without',
    unknown: NO_MODEL,
  },
  'model.parameters': {
    type: 'int',
    means: 'number of parameters, summed over all tensors',
    unknown: NO_MODEL,
  },
  'model.quantization': {
    type: 'string',
    means: 'type of most parameters: "Q4_K", "F16"',
    unknown: NO_MODEL,
  },
  'model.context': {
    type: 'int',
    means: 'longest context that it was trained for, in tokens; 0 without',
    unknown: NO_MODEL,
  },
  arguments: {
    type: 'list<string>',
    means: 'the arguments given by the user and by the file, in order',
    unknown: '`.args` cannot be read, or different releases read it differently',
  },
  'network.serve': {
    type: 'bool',
    means: 'whether these arguments start a server',
    unknown: '`.args` cannot be read',
  },
  'time.year': {
    type: 'int',
    means: 'local time by the zone of the machine, as all that is not below time.utc',
    unknown: NO_ZONE,
  },
  'time.month': { type: 'int', means: '1 to 12', unknown: NO_ZONE },
  'time.day': { type: 'int', means: '1 to 31', unknown: NO_ZONE },
  'time.weekday': { type: 'int', means: '1 (Monday) to 7 (Sunday)', unknown: NO_ZONE },
  'time.hour': { type: 'int', means: '0 to 23', unknown: NO_ZONE },
  'time.minute': { type: 'int', means: '0 to 59', unknown: NO_ZONE },
  'time.unix': { type: 'int', means: 'seconds since 1970-01-01 00:00 UTC' },
  'time.utc.year': { type: 'int', means: 'the same in UTC' },
  'time.utc.month': { type: 'int', means: '1 to 12' },
  'time.utc.day': { type: 'int', means: '1 to 31' },
  'time.utc.weekday': { type: 'int', means: '1 (Monday) to 7 (Sunday)' },
  'time.utc.hour': { type: 'int', means: '0 to 23' },
  'time.utc.minute': { type: 'int', means: '0 to 59' },
  'host.name': { type: 'string', means: 'name of this machine' },
  'host.cpus': { type: 'int', means: 'CPUs that paddock may use' },
  'host.memory': { type: 'int', means: 'memory of the machine in bytes' },
  'host.gpus': { type: 'list<string>', means: 'kinds of GPU that have device files: "nvidia", "amd"' },
} as const satisfies Readonly<Record<string, Variable>>;

export type VariableName = keyof typeof VARIABLES;

export const VARIABLE_NAMES = Object.keys(VARIABLES) as readonly VariableName[];

interface TypeOf {
  readonly bool: boolean;
  /** Whole, and at most 2⁵³ − 1. */
  readonly int: number;
  readonly string: string;
  readonly 'list<string>': readonly string[];
}

type ValueOf<Name extends VariableName> = TypeOf[(typeof VARIABLES)[Name]['type']];

/** A trusted signer of the file. */
export interface SignerFact {
  readonly name: string;
  /** Whose trust store vouches for it. */
  readonly anchor: Anchor;
}

/**
 * What is known when rules are judged. A name that is missing is not known: a condition whose outcome depends on it fails.
 */
export interface Facts {
  readonly values: { readonly [Name in Exclude<VariableName, 'signers'>]?: ValueOf<Name> };
  readonly signers: readonly SignerFact[];
}
