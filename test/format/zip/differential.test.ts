import { expect, it } from 'vitest';
import { bufferSource } from '../../../src/format/source.ts';
import { readZip } from '../../../src/format/zip/archive.ts';
import { locateWeights, openWeights, WEIGHTS_ERAS } from '../../../src/format/zip/weights.ts';
import { ZIPOS_VERSIONS, ziposView } from '../../../src/format/zip/zipos.ts';
import { PaddockError } from '../../../src/lib/errors.ts';
import { Random } from '../../fuzz/random.ts';
import { type OracleAnswer, type OracleVersion, oracle } from './oracle.ts';
import { randomArchive } from './random-archive.ts';
import { type WeightsAnswer, type WeightsRules, weightsOracle } from './weights-oracle.ts';

// PADDOCK_ARCHIVES=100000 for the number that docs/fuzzing.md records.
const COUNT = Number(process.env.PADDOCK_ARCHIVES ?? 1000);
const SEED = 20_261_123;
const VERSIONS: readonly OracleVersion[] = ['3.0', '3.0.2', '3.1', '3.3.3', '3.5.2'];
const RULES: readonly WeightsRules[] = [
  { take: 'first', sizeIsFirst: true, unnamed: false },
  { take: 'none', sizeIsFirst: true, unnamed: true },
  { take: 'none', sizeIsFirst: false, unnamed: true },
  { take: 'last', sizeIsFirst: false, unnamed: true },
];
const WANTED = ['model.gguf', 'a', undefined];

const text = (value: unknown) =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}` : item));

it(`${COUNT} random archives are seen as independent oracles see them, by every version of both readers`, () => {
  const seen = { nothing: 0, ends: 0, empty: 0, members: 0, versionsDiffer: 0, weights: 0, accepted: 0 };
  for (let number = 0; number < COUNT; number++) {
    const bytes = randomArchive(new Random(SEED + number));
    const answers = ZIPOS_VERSIONS.map((version, index) => {
      const expected = oracle(bytes, VERSIONS[index] ?? '3.5.2');
      expectSame(number, version.name, zipos(bytes, version), expected);
      return expected;
    });
    const weights = WEIGHTS_ERAS.flatMap((era, index) =>
      WANTED.map((name) => {
        const expected = weightsOracle(bytes, RULES[index] ?? never(), name);
        expectSame(number, `${era.name}, ${name}`, opened(bytes, era, name), expected);
        return expected;
      }),
    );
    const last = answers.at(-1) ?? 'nothing';
    if (typeof last === 'string') seen[last]++;
    else seen[last.members.length === 0 ? 'empty' : 'members']++;
    if (new Set(answers.map(text)).size > 1) seen.versionsDiffer++;
    if (weights.some((each) => typeof each !== 'string')) seen.weights++;
    if (isAccepted(number, bytes, answers)) seen.accepted++;
  }
  // Archives that no reader gets far with would prove little.
  for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(COUNT / 200);
  if (process.env.PADDOCK_ARCHIVES !== undefined) console.log(`seed ${SEED}: ${text(seen)}`);
}, 1_800_000);

function expectSame(number: number, reader: string, found: unknown, expected: unknown): void {
  if (text(found) !== text(expected)) expect(`${number}, ${reader}: ${text(found)}`).toBe(text(expected));
}

/** What the strict reader lets pass is what the oracle sees, for all versions that a llamafile has. */
function isAccepted(number: number, bytes: Buffer, answers: readonly OracleAnswer[]): boolean {
  let members: unknown;
  try {
    members = readZip(bufferSource(bytes))?.members.map((member) => [
      member.recordOffset,
      member.method,
      member.localOffset,
      member.contentOffset,
      member.size,
      member.compressedSize,
    ]);
  } catch (cause) {
    if (!(cause instanceof PaddockError)) throw cause;
    // Every refusal is a case of a check.
    expect(cause.detail.check, `${number}: ${cause.message}`).toMatch(/^ZIP-0/);
    return false;
  }
  for (const answer of members === undefined ? [] : answers.slice(2)) {
    if (typeof answer === 'string') throw new Error(`${number}: accepted, but the oracle says ${answer}`);
    const theirs = answer.members.map(({ at, method, local, content, whole, packed }) =>
      [at, method, local, content, whole, packed].map(Number),
    );
    expect(members, `${number}`).toEqual(theirs);
  }
  return members !== undefined;
}

function zipos(bytes: Buffer, version: (typeof ZIPOS_VERSIONS)[number]): OracleAnswer | 'too large' {
  const view = guarded(() => ziposView(bufferSource(bytes), version));
  if (view === undefined) return 'too large';
  if ('none' in view) return 'nothing';
  if ('crash' in view) return 'ends';
  const { kind, offset, records, directoryOffset, directoryLength } = view.end;
  return {
    end: `${kind === 'eocd64' ? 'big' : 'little'} ${offset}: ${records} from ${directoryOffset}, ${directoryLength}`,
    members: view.members.map((member) => ({
      at: member.recordOffset,
      name: member.name.toString('hex'),
      method: member.method,
      local: member.localOffset,
      content: member.contentOffset,
      whole: member.size,
      packed: member.compressedSize,
    })),
  };
}

function opened(bytes: Buffer, era: (typeof WEIGHTS_ERAS)[number], name?: string): WeightsAnswer {
  const source = bufferSource(bytes);
  const raw = name === undefined ? undefined : Buffer.from(name, 'latin1');
  const seen = guarded(() => openWeights(source, era, raw));
  if (seen === undefined) return 'too large';
  if (typeof seen === 'string') return 'nothing';
  const end = locateWeights(source);
  return {
    end: `${end?.kind.slice(4)} ${end?.offset}`,
    at: seen.recordOffset,
    content: seen.contentOffset,
    length: seen.length,
  };
}

function guarded<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof PaddockError && cause.code === 'too-large') return undefined;
    throw cause;
  }
}

function never(): never {
  throw new RangeError('as many rules as eras');
}
