import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import type { Algorithm, Subject } from './subject.ts';

/** The in-toto statement of a model signature (OpenSSF Model Signing 1.0, §5). Unknown fields are allowed where it allows them. */
const HASH_TYPES = ['sha256', 'blake2b', 'blake3'] as const;
const digest = v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2})+$/, 'lower-case hex digits'));
const Statement = v.object({
  _type: v.literal('https://in-toto.io/Statement/v1'),
  predicateType: v.literal('https://model_signing/signature/v1.0'),
  subject: v.pipe(
    v.array(v.object({ name: v.string(), digest: v.object({ sha256: digest }) })),
    v.length(1, 'exactly one subject'),
  ),
  predicate: v.object({
    resources: v.pipe(
      v.array(
        v.object({ name: v.pipe(v.string(), v.minLength(1)), digest, algorithm: v.picklist(HASH_TYPES) }),
      ),
      v.minLength(1, 'at least one resource'),
    ),
    serialization: v.object({
      method: v.picklist(['files', 'shards']),
      hash_type: v.picklist(HASH_TYPES),
      shard_size: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
    }),
  }),
});

type Resource = v.InferOutput<typeof Statement>['predicate']['resources'][number];

/** A manifest of files with their digests, whose signature somebody else checked. */
export interface Manifest {
  readonly resources: readonly Resource[];
  /** Undefined for an algorithm that is not checked (BLAKE3, which the specification leaves optional). */
  readonly algorithm: Algorithm | undefined;
  readonly hashType: string;
  /** Size of the ranges that the digests are of; undefined where they are of whole files. */
  readonly shardBytes?: number;
}

/** BLAKE2b means 512 bits here (algorithm registry). */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = { sha256: 'sha256', blake2b: 'blake2b512' };
const DIGEST_BYTES: Readonly<Record<string, number>> = { sha256: 32, blake2b: 64, blake3: 32 };

/**
 * The manifest in a signed payload.
 * @throws PaddockError `malformed` for another kind of statement, digests of another algorithm than it says, a name twice, or a
 * root digest that is not over its digests.
 */
export function parseManifest(payload: Buffer): Manifest {
  const result = v.safeParse(Statement, parseJson(payload));
  if (!result.success) {
    const [issue] = result.issues;
    throw malformed(`${v.getDotPath(issue) ?? 'a statement'}: ${issue.expected ?? 'another'}`, issue.message);
  }
  const { subject, predicate } = result.output;
  const { resources, serialization } = predicate;
  const { method, hash_type, shard_size } = serialization;
  if ((method === 'shards') !== (shard_size !== undefined))
    throw malformed('a shard size with shards only', method);
  for (const one of resources) {
    if (one.algorithm === hash_type && one.digest.length === 2 * (DIGEST_BYTES[hash_type] ?? 0)) continue;
    throw malformed(`digests of ${hash_type}`, `${one.algorithm}, ${one.digest.length} digits`);
  }
  if (new Set(resources.map(({ name }) => name)).size !== resources.length)
    throw malformed('each name once', 'one twice');
  const root = createHash('sha256').update(Buffer.from(resources.map((one) => one.digest).join(''), 'hex'));
  const claimed = subject[0]?.digest.sha256 ?? '';
  const computed = root.digest('hex');
  if (claimed !== computed) throw malformed(`the root digest ${computed}`, claimed);
  const algorithm = ALGORITHMS[hash_type];
  return {
    resources,
    algorithm,
    hashType: hash_type,
    ...(shard_size === undefined ? {} : { shardBytes: shard_size }),
  };
}

/** How many files, or pieces of files, it speaks of. */
export function describeManifest({ resources, shardBytes }: Manifest): string {
  const count = resources.length;
  return `a manifest of ${count} ${shardBytes === undefined ? 'file' : 'piece'}${count === 1 ? '' : 's'}`;
}

/** `absent`: it does not speak of this name. `differs`: the file has other bytes. `unknown`: not checked. */
export type Match = 'same' | 'differs' | 'absent' | 'unknown';

/** Whether the subject is what the manifest says under its name. */
export async function matchManifest(manifest: Manifest, subject: Subject): Promise<Match> {
  const { resources, algorithm, shardBytes } = manifest;
  if (shardBytes !== undefined) return matchShards(manifest, subject, shardBytes);
  const own = resources.find(({ name }) => name === subject.name);
  if (own === undefined) return 'absent';
  if (algorithm === undefined) return 'unknown';
  return (await subject.digest(algorithm)).toString('hex') === own.digest ? 'same' : 'differs';
}

// `name:start:end`; the name itself may have colons.
async function matchShards(
  { resources, algorithm }: Manifest,
  subject: Subject,
  sizeBytes: number,
): Promise<Match> {
  const prefix = `${subject.name}:`;
  const own = new Map(
    resources
      .filter(({ name }) => name.startsWith(prefix) && /^\d+:\d+$/.test(name.slice(prefix.length)))
      .map((one) => [one.name, one.digest]),
  );
  if (own.size === 0) return 'absent';
  if (algorithm === undefined) return 'unknown';
  if (own.size !== Math.ceil(subject.sizeBytes / sizeBytes)) return 'differs';
  const digests = await subject.shards({ algorithm, sizeBytes });
  const same = digests.every((digest, index) => {
    const end = Math.min(subject.sizeBytes, (index + 1) * sizeBytes);
    return own.get(`${prefix}${index * sizeBytes}:${end}`) === digest.toString('hex');
  });
  return same ? 'same' : 'differs';
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new PaddockError('malformed', 'the statement that was signed is not JSON', { cause });
  }
}

function malformed(expected: string, found: string): PaddockError {
  return new PaddockError('malformed', 'what was signed is no manifest of a model', {
    expected: escapeText(expected),
    found: escapeText(found),
  });
}
