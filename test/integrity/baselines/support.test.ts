import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';
import { infozipRewrite, type ZipEntry, zipalignAppend } from '../../../src/demo/zip-writer.ts';
import { classOf } from '../../../src/integrity/baselines/baseline.ts';
import type { SupportFile, SupportTable } from '../../../src/integrity/baselines/support.ts';
import { supportTable } from '../../../src/integrity/baselines/support-table.ts';
import { shippedTables } from '../../../src/integrity/tables.ts';
import { crc32 } from '../../../src/lib/crc32.ts';
import { EMPTY_TABLES, judged, type Outcome } from '../../checks/judged.ts';
import { modelEntries } from '../../fixtures/llamafile.ts';
import { otherBuild } from './learned.ts';

/** Support files of three releases: in 9.1 one changed, in 9.2 nothing did. */
const FILES = ['llama.cpp/ggml-cuda.cu', 'llama.cpp/ggml.h', 'llamafile/llamafile.h', 'www/index.html'];
const content = (name: string, version: string): Buffer => Buffer.from(`${name} of ${version}\n`);
const entries = (version: string): ZipEntry[] =>
  FILES.map((name) => ({ name, content: content(name, name.endsWith('.cu') ? version : '9') }));
const user = modelEntries();

function row(name: string, bytes: Buffer, first: number, last: number): SupportFile {
  return {
    first,
    last,
    name,
    size: bytes.length,
    crc32: crc32(bytes),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    class: classOf(name),
    main: true,
  };
}

const table: SupportTable = {
  releases: ['9.0', '9.1', '9.2'],
  files: [
    row(FILES[0] ?? '', content(FILES[0] ?? '', '9.0'), 0, 0),
    row(FILES[0] ?? '', content(FILES[0] ?? '', '9.1'), 1, 2),
    ...FILES.slice(1).map((name) => row(name, content(name, '9'), 0, 2)),
  ],
};

async function judge(bytes: Buffer): Promise<Outcome> {
  return judged(bytes, { tables: { ...EMPTY_TABLES, support: async () => table } });
}
const own = ({ ids }: Outcome): string[] => ids.filter((id) => /^(ZIP-05\d|RUN-000)$/.test(id));

describe('what an archive resembles', () => {
  it('names the release, or the releases that have the same files', async () => {
    const whole = { equal: 4, total: 4, differing: [] };
    const old = await judge(zipalignAppend(otherBuild(entries('9.0')), user));
    expect(old.verdict).toMatchObject({ standing: 'unknown', resembles: { releases: ['9.0'], ...whole } });
    const later = await judge(zipalignAppend(otherBuild(entries('9.1')), user));
    expect(later.verdict?.resembles).toEqual({ releases: ['9.1', '9.2'], ...whole });
    expect(own(later)).toEqual(['RUN-000']);
  });

  it('names the files that differ, which is no accusation', async () => {
    const between = await judge(zipalignAppend(otherBuild(entries('9.0.5')), user));
    expect(between.verdict).toMatchObject({
      standing: 'unknown',
      tier: 'C',
      resembles: { releases: ['9.0', '9.1', '9.2'], equal: 3, total: 4, differing: [FILES[0]] },
    });
    expect(own(between)).toEqual(['RUN-000']);
  });

  it('needs half of the files, and the content: a checksum is not enough', async () => {
    const few = await judge(otherBuild(entries('9.0').slice(2)));
    expect(few.verdict).not.toHaveProperty('resembles');
    const forged = entries('9.0').map((entry) => ({ ...entry, content: Buffer.from('something else') }));
    const checksums = forged.map((entry, index) => {
      const { size, crc32: crc } = table.files.filter(({ name }) => name === entry.name).at(0) ?? {};
      const fields = { crc32: crc ?? 0 };
      const padded = Buffer.alloc(size ?? 0, index + 65);
      return { ...entry, content: padded, local: fields, central: fields };
    });
    expect((await judge(otherBuild(checksums))).verdict).not.toHaveProperty('resembles');
  });
});

describe('what its own history tells', () => {
  const built = otherBuild(entries('9.0'));

  it('a support file replaced by zipalign: tampered, by both digests', async () => {
    for (const [name, id] of [
      ['llama.cpp/ggml.h', 'ZIP-050'],
      ['www/index.html', 'ZIP-054'],
    ] as const) {
      const given = await judge(zipalignAppend(built, [...user, { name, content: Buffer.from('mine') }]));
      expect(given.verdict).toMatchObject({
        standing: 'tampered',
        release: 'llamafile-9.0',
        releaseKnownBy: 'support files',
        components: [
          {
            component: `member ${name}`,
            expected: expect.stringMatching(/^SHA-256 [0-9a-f]{64}$/),
            found: expect.stringMatching(/^SHA-256 [0-9a-f]{64}$/),
          },
        ],
      });
      expect(own(given)).toEqual([id]);
    }
  });

  it('code added in the folders of the support files', async () => {
    const added = { name: 'llama.cpp/extra.h', content: Buffer.from('mine') };
    const given = await judge(zipalignAppend(built, [...user, added]));
    expect(given.verdict?.standing).toBe('tampered');
    expect(own(given)).toEqual(['ZIP-051']);
  });

  it('but not: weights and arguments, a GPU module of the publisher, the same content once more', async () => {
    const module = { name: 'ggml-cuda.so', content: Buffer.from('gpu') };
    const given = await judge(zipalignAppend(zipalignAppend(built, [module]), user));
    expect(given.verdict?.standing).toBe('unknown');
    expect(own(given)).toEqual(['ZIP-053', 'RUN-000']);
    const [first] = entries('9.0');
    const again = await judge(zipalignAppend(built, [...user, ...(first === undefined ? [] : [first])]));
    expect(again.verdict?.standing).toBe('unknown');
  });

  it('but not: a file that was repacked, where there is no history', async () => {
    const changed = infozipRewrite(built, [...user, { name: 'llama.cpp/ggml.h', content: Buffer.from('x') }]);
    const given = await judge(changed);
    expect(given.verdict).toMatchObject({ standing: 'unknown', resembles: { equal: 3, total: 4 } });
  });

  it('but not: one that never had all files of a release', async () => {
    const other = otherBuild(entries('9.0.5'));
    const given = await judge(
      zipalignAppend(other, [...user, { name: 'llama.cpp/ggml.h', content: Buffer.from('x') }]),
    );
    expect(given.verdict?.standing).toBe('unknown');
  });
});

describe('the shipped table', () => {
  const { releases, files } = supportTable();

  it('has every release from 0.1 to 0.9.3, and whole rows', () => {
    expect(releases).toHaveLength(37);
    expect(files.length).toBeGreaterThan(300);
    for (const { first, last, sha256, size, crc32: crc, class: kind } of files) {
      expect(first).toBeGreaterThanOrEqual(0);
      expect(last).toBeGreaterThanOrEqual(first);
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(Number.isSafeInteger(size) && Number.isSafeInteger(crc)).toBe(true);
      expect(kind).not.toBe('data');
    }
  });

  it('has one content for each name in each release', () => {
    for (const release of releases.keys()) {
      const names = files.filter(({ first, last }) => first <= release && release <= last);
      expect(new Set(names.map(({ name }) => name)).size).toBe(names.length);
      expect(names.filter(({ main }) => main).length).toBeGreaterThanOrEqual(10);
    }
    const counts = (version: string): number =>
      files.filter(({ first, last, main }) => {
        const at = releases.indexOf(version);
        return main && first <= at && at <= last;
      }).length;
    expect(counts('0.8.12')).toBe(23);
    expect(counts('0.9.3')).toBe(104);
  });

  it('gives classes that the names of members give, too', () => {
    for (const { name, class: kind } of files) expect([name, classOf(name)]).toEqual([name, kind]);
  });

  it('is read by the shipped tables only when it is asked for', async () => {
    expect(await shippedTables().support?.()).toBe(supportTable());
  });
});
