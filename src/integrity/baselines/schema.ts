import * as v from 'valibot';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { type Baseline, PIECE_BYTES, START_BYTES } from './baseline.ts';
import { LIMITS } from './describe.ts';
import { DIGEST_DIGITS } from './digests.ts';

/** Names of baselines; nothing in them needs escaping, and each is a file name. */
export const NAME_RULE = /^[a-z0-9][a-z0-9._-]{0,63}$/;
export const SCHEMA = 'paddock/baseline/v1';

const count = (most: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(most));
const text = (most: number) => v.pipe(v.string(), v.maxLength(most));
const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256 in hex'));
const start = v.pipe(v.string(), v.hexadecimal(), v.length(START_BYTES * 2));
const architecture = v.picklist(['x86-64', 'aarch64']);
const bytes = count(LIMITS.fileBytes);
/** Every kind of region that can lie in front of an archive. */
const kind = v.picklist([
  ...(['ape-header', 'shell-script', 'elf-header', 'elf-notes', 'program-headers', 'macho-header'] as const),
  ...(['pe-header', 'segment', 'section-headers', 'loader', 'loader-source'] as const),
  ...(['padding', 'unaccounted'] as const),
]);

const Part = v.strictObject({
  kind,
  label: text(200),
  offset: bytes,
  length: bytes,
  sha256: digest,
  executable: v.boolean(),
  pieces: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[0-9a-f]*$/),
      v.maxLength((LIMITS.prefixBytes / PIECE_BYTES) * DIGEST_DIGITS),
    ),
  ),
});
const Member = v.strictObject({
  name: text(1024),
  method: count(0xffff),
  size: bytes,
  crc32: count(0xffffffff),
  sha256: digest,
  class: v.picklist(['code', 'web', 'sql', 'trust', 'doc', 'data']),
});
const components = {
  name: v.pipe(v.string(), v.regex(NAME_RULE, 'a name')),
  version: v.optional(text(32)),
  form: v.picklist(['ape', 'elf']),
  file: v.optional(v.strictObject({ size: bytes, sha256: digest })),
  prefix: v.strictObject({ length: count(LIMITS.prefixBytes), sha256: digest }),
  start,
  headers: v.pipe(v.array(v.strictObject({ architecture, bytes: start })), v.maxLength(2)),
  parts: v.pipe(v.array(Part), v.minLength(1), v.maxLength(LIMITS.parts)),
  loaders: v.pipe(
    v.array(
      v.strictObject({
        kind: v.picklist(['elf', 'source']),
        architecture: v.picklist(['x86-64', 'aarch64', 'any']),
        sha256: digest,
      }),
    ),
    v.maxLength(16),
  ),
  members: v.pipe(v.array(Member), v.maxLength(LIMITS.members)),
};

const Stored = v.strictObject({
  schema: v.literal(SCHEMA),
  ...components,
  learned: v.strictObject({
    at: v.pipe(v.string(), v.isoTimestamp()),
    /** Name of the file that it was learned from. */
    from: text(255),
    /** Why it is believed. */
    because: v.picklist(['published digest', 'vouched for']),
  }),
  /** Who signed the export that it came with, by the name in the trust store and the key. */
  imported: v.optional(
    v.strictObject({ at: v.pipe(v.string(), v.isoTimestamp()), signer: text(64), key: digest }),
  ),
  /** A copy of the release's own executable, if one is kept. */
  engine: v.optional(v.strictObject({ path: text(4096) })),
});

/** A baseline with where it comes from, as the store keeps it. */
export type StoredBaseline = v.InferOutput<typeof Stored> & Baseline;

/**
 * A baseline from its JSON value.
 * @param where names the file in messages
 * @throws PaddockError `policy-invalid`: a baseline is right as a whole, or nothing of it counts.
 */
export function checkBaseline(value: unknown, where: string): StoredBaseline {
  const result = v.safeParse(Stored, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw damaged(where, `${v.getDotPath(issue) ?? 'the whole'}: ${issue.message}`);
  }
  const baseline = result.output as StoredBaseline;
  const odd = oddPart(baseline);
  if (odd !== undefined) throw damaged(where, odd);
  return baseline;
}

/** Parts must follow one another and cover the program; long ones must have all of their pieces. */
function oddPart({ parts, prefix }: Baseline): string | undefined {
  let at = 0;
  for (const { label, offset, length, pieces } of parts) {
    const total = Math.ceil(length / PIECE_BYTES);
    const digits = total > 1 ? total * DIGEST_DIGITS : undefined;
    if (offset !== at || length === 0) return `${escapeText(label)} begins at byte ${offset}, not at ${at}`;
    if (pieces?.length !== digits) return `${escapeText(label)} has not ${total} pieces`;
    at += length;
  }
  return at === prefix.length ? undefined : `parts that end at byte ${at}, not at ${prefix.length}`;
}

function damaged(where: string, found: string): PaddockError {
  return new PaddockError('policy-invalid', 'a baseline is damaged', {
    where,
    expected: 'what `paddock baseline add` writes',
    found: escapeText(found),
    remedy: 'remove it, and learn the release again: `paddock baseline add`',
  });
}
