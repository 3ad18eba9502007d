import fc from 'fast-check';
import { expect, it } from 'vitest';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import type { CentralFields, LocalFields, ZipEntry } from '../../src/demo/zip-records.ts';
import { appendBaseZip, zipalignAppend } from '../../src/demo/zip-writer.ts';
import { archiveHistory } from '../../src/format/history.ts';
import { shownGeneration } from '../../src/report/history.ts';
import { judged } from '../checks/judged.ts';

const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((given) => Buffer.from(given));

// Names that meet each other, in forms that some reader takes for the same, beside arbitrary bytes.
const name = fc.oneof(
  fc.constantFrom(
    'a',
    'A',
    'a/',
    'a/b',
    'a//b',
    '../a',
    '',
    '/',
    '.args',
    '.ARGS',
    '.arg\u017f',
    'm.gguf',
    'M.GGUF',
  ),
  fc.constantFrom('ggml-cuda.so', '.symtab.amd64', 'www/index.html', 'e\u0301', '\u00e9', 'x'.repeat(1024)),
  bytes(20),
);
/** Whole extra fields of any number and content, or bytes that are none. */
const extra = fc.oneof(
  fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(1, 10, 0x5455, 0x7875, 0x7075), uint16), bytes(30)), {
      maxLength: 3,
    })
    .map((fields) =>
      Buffer.concat(
        fields.flatMap(([id, content]) => {
          const head = Buffer.alloc(4);
          head.writeUInt16LE(id);
          head.writeUInt16LE(content.length, 2);
          return [head, content];
        }),
      ),
    ),
  bytes(12),
);
const both: fc.Arbitrary<Partial<LocalFields>> = fc.record(
  {
    method: fc.constantFrom(0, 8, 8, 9, 12, 99),
    flags: fc.constantFrom(0, 0x800, 0x802, 1, 8),
    crc32: uint32,
    size: fc.oneof(fc.nat({ max: 400 }), uint32),
    compressedSize: fc.oneof(fc.nat({ max: 400 }), uint32),
  },
  { requiredKeys: [] },
);
const attributes: fc.Arbitrary<Partial<CentralFields>> = fc.record({
  madeBy: fc.constantFrom(0x32d, 0x31e, 20),
  externalAttributes: uint32,
});
const central: fc.Arbitrary<Partial<CentralFields>> = fc.record(
  { madeBy: uint16, externalAttributes: uint32, disk: fc.constantFrom(0, 0, 1), comment: bytes(4), extra },
  { requiredKeys: [] },
);
function rarely<T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | object> {
  return fc.oneof({ weight: 9, arbitrary: fc.constant({}) }, { weight: 1, arbitrary });
}
const entry: fc.Arbitrary<ZipEntry> = fc
  .record({
    name,
    content: bytes(200),
    method: fc.constantFrom('stored' as const, 'deflated' as const),
    mode: uint16,
    // Most headers agree: otherwise the reader refuses nearly every file, and nothing is judged.
    shared: rarely(both),
    own: fc.oneof(fc.constant({}), attributes, rarely(central)),
    localExtra: rarely(extra.map((bytes) => ({ extra: bytes }))),
  })
  .map(({ shared, own, localExtra, ...plain }) => ({
    ...plain,
    local: { ...shared, ...localExtra },
    central: { ...shared, ...own },
  }));
const entries = fc.array(entry, { minLength: 1, maxLength: 5 });
/** zipalign's own extra fields hold the offsets, without which the next generation could not be written. */
const aligned = entries.map((all) =>
  all.map((each) => {
    const { extra: _, ...local } = each.local ?? {};
    const { extra: __, ...central } = each.central ?? {};
    return { ...each, local, central };
  }),
);

// `judged` lets anything but a PaddockError through.
it('members of any names, attributes, sizes and extra fields are judged or refused, and their history told', async () => {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(entries, fc.array(aligned, { maxLength: 2 }), async (first, later) => {
      const file = later.reduce(
        (base, added) => zipalignAppend(base, added, { alignment: 64 }),
        appendBaseZip(syntheticElf(), first),
      );
      const { anatomy, error, findings } = await judged(file);
      expect(anatomy === undefined).toBe(error !== undefined);
      if (anatomy === undefined) return;
      told++;
      expect(findings.length).toBeGreaterThan(0); // at least that the runtime is unknown
      const shown = archiveHistory(anatomy).map(shownGeneration);
      expect(shown.length).toBe(anatomy.generations.length + 1);
    }),
    { numRuns: 300 },
  );
  expect(told).toBeGreaterThan(20);
});
