import { expect, it } from 'vitest';
import { bufferSource } from '../../../src/format/source.ts';
import { ZIPOS_VERSIONS, ziposView } from '../../../src/format/zip/zipos.ts';
import { PaddockError } from '../../../src/lib/errors.ts';
import { Random } from '../../fuzz/random.ts';
import { type OracleAnswer, type OracleVersion, oracle } from './oracle.ts';
import { randomArchive } from './random-archive.ts';

// PADDOCK_ARCHIVES=100000 for the number that docs/fuzzing.md records.
const COUNT = Number(process.env.PADDOCK_ARCHIVES ?? 4000);
const SEED = 20_261_123;
const NAMES: readonly OracleVersion[] = ['first', 'second', 'third', 'fourth'];

it(`${COUNT} random archives are seen as the independent oracle sees them, by every version`, () => {
  const seen = { nothing: 0, ends: 0, empty: 0, members: 0, disagreeing: 0 };
  for (let number = 0; number < COUNT; number++) {
    const bytes = randomArchive(new Random(SEED + number));
    const answers = ZIPOS_VERSIONS.map((version, index) => {
      const expected = oracle(bytes, NAMES[index] ?? 'fourth');
      const found = answer(bytes, version);
      if (JSON.stringify(plain(found)) !== JSON.stringify(plain(expected))) {
        expect({ number, version: version.name, ...wrap(found) }).toEqual({
          number,
          version: version.name,
          ...wrap(expected),
        });
      }
      return JSON.stringify(plain(found));
    });
    const last = oracle(bytes, 'fourth');
    if (typeof last === 'string') seen[last]++;
    else seen[last.members.length === 0 ? 'empty' : 'members']++;
    if (new Set(answers).size > 1) seen.disagreeing++;
  }
  // Archives that no reader gets far with would prove little.
  for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(COUNT / 200);
}, 900_000);

function answer(bytes: Buffer, version: (typeof ZIPOS_VERSIONS)[number]): OracleAnswer | 'too large' {
  try {
    const view = ziposView(bufferSource(bytes), version);
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
  } catch (cause) {
    if (cause instanceof PaddockError && cause.code === 'too-large') return 'too large';
    throw cause;
  }
}

function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}` : item)),
  );
}

function wrap(value: unknown): { answer: unknown } {
  return { answer: plain(value) };
}
