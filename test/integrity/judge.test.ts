import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildApe, syntheticElf } from '../../src/demo/ape-writer.ts';
import { writeGguf } from '../../src/demo/gguf-writer.ts';
import { appendBaseZip, type ZipEntry, zipalignAppend } from '../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { readDotArgs } from '../../src/integrity/dot-args.ts';
import { type JudgeInput, judge } from '../../src/integrity/judge.ts';
import type { Release, Tables } from '../../src/integrity/tables.ts';
import type { Verdict } from '../../src/integrity/verdict.ts';

const gguf = writeGguf({
  metadata: [['general.architecture', 'string', 'llama']],
  tensors: [{ name: 't', dims: [4], type: 'F32', data: Buffer.alloc(16) }],
});
const loader = syntheticElf();
const base = buildApe({
  x86Elf: syntheticElf(),
  loaders: { x86: loader },
  zipEntries: [
    { name: 'llama.cpp/ggml.h', content: Buffer.from('/* code */') },
    { name: 'usr/share/zoneinfo/CET', content: Buffer.from('TZif') },
  ],
});
const user: ZipEntry[] = [
  { name: 'model.gguf', content: gguf },
  { name: '.args', content: Buffer.from('-m\nmodel.gguf\n...\n') },
];
const file = zipalignAppend(base, user);

function tables(...releases: Buffer[]): Tables {
  const rows = releases.map((bytes, index): [string, Release] => {
    const sha256 = sha(bytes);
    return [sha256, { artifact: `llamafile-9.${index}`, version: `9.${index}`, sha256, source: 'this test' }];
  });
  const known = {
    sha256: sha(loader),
    architecture: 'x86-64',
    origin: 'this test',
    version: '1.10',
  } as const;
  return { loaders: new Map([[known.sha256, known]]), releases: new Map(rows) };
}

function sha(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function verdict(bytes: Buffer, input: Partial<JudgeInput> = {}): Promise<Verdict> {
  const source = bufferSource(bytes);
  return judge({
    anatomy: readAnatomy(source),
    source,
    tables: tables(base),
    architecture: 'x86-64',
    ...input,
  });
}

const ids = (given: Verdict): string[] => given.findings.map(({ id }) => id);

describe('tier A', () => {
  it('a release with weights and arguments appended', async () => {
    const given = await verdict(file);
    expect(given).toMatchObject({
      standing: 'release',
      tier: 'A',
      release: 'llamafile-9.0',
      releaseLength: base.length,
    });
    expect(given.findings).toEqual([]);
  });

  it('the bare release', async () => {
    expect(await verdict(base)).toMatchObject({ standing: 'release', tier: 'A', releaseLength: base.length });
  });

  it('the longest release wins when one is the prefix of another', async () => {
    const fat = zipalignAppend(base, [{ name: 'ggml-cuda.so', content: Buffer.from('\x7fELF gpu') }]);
    const given = await verdict(zipalignAppend(fat, user), { tables: tables(base, fat) });
    expect(given).toMatchObject({ standing: 'release', release: 'llamafile-9.1', releaseLength: fat.length });
    expect(given.findings).toEqual([]);
  });

  it('arguments replaced later are still user data', async () => {
    const again = zipalignAppend(file, [{ name: '.args', content: Buffer.from('--temp\n0\n...\n') }]);
    expect(await verdict(again)).toMatchObject({ standing: 'release', tier: 'A' });
  });
});

describe('tampered: the prefix is a release, what the program reads is not', () => {
  it('a replaced member', async () => {
    const given = await verdict(
      zipalignAppend(file, [{ name: 'usr/share/zoneinfo/CET', content: Buffer.from('mine') }]),
    );
    expect(given).toMatchObject({ standing: 'tampered', tier: 'A' });
    expect(given.findings[0]).toMatchObject({ id: 'ZIP-050', severity: 'deny' });
    expect(given.findings[0]?.title).toContain('usr/share/zoneinfo/CET');
  });

  it('added code', async () => {
    for (const name of ['ggml-cuda.so', 'llama.cpp/extra.h', 'www/index.html', '.symtab.amd64']) {
      const given = await verdict(zipalignAppend(file, [{ name, content: Buffer.from('mine') }]));
      expect(given.standing).toBe('tampered');
      expect(ids(given)).toContain('ZIP-051');
    }
  });

  it('a second record beside the release’s own, whatever the name', async () => {
    const plain = appendBaseZip(syntheticElf(), [{ name: 'plain', content: Buffer.from('release') }]);
    const both = zipalignAppend(plain, [{ name: 'other', content: Buffer.from('mine') }]);
    // Both names are of five letters: local header and record are renamed in place.
    const renamed = Buffer.from(both);
    for (let at = both.indexOf('other'); at >= 0; at = both.indexOf('other', at + 1))
      renamed.write('plain', at);
    const given = await verdict(renamed, { tables: tables(plain) });
    expect(given.standing).toBe('tampered');
    expect(ids(given)).toEqual(['ZIP-020', 'ZIP-050']);
  });

  it('code under the name of a notice', async () => {
    const given = await verdict(zipalignAppend(file, [{ name: 'LICENSE.so', content: Buffer.from('mine') }]));
    expect(given.standing).toBe('tampered');
  });

  it('an odd member that is no code is told, and no more', async () => {
    const given = await verdict(zipalignAppend(file, [{ name: 'notes.txt', content: Buffer.from('hello') }]));
    expect(given.standing).toBe('release');
    expect(ids(given)).toEqual(['ZIP-052']);
  });
});

describe('a release as it was published', () => {
  const odd = appendBaseZip(syntheticElf(), [
    { name: 'www/a:b', content: Buffer.from('1') },
    { name: 'twice', content: Buffer.from('2') },
    { name: 'twice', content: Buffer.from('3') },
  ]);

  it('has no faults that its publisher did not make', async () => {
    expect(ids(await verdict(odd, { tables: tables() }))).toEqual(['ZIP-020', 'ZIP-021', 'RUN-000']);
    const given = await verdict(zipalignAppend(odd, user), { tables: tables(odd) });
    expect(given).toMatchObject({ standing: 'release', findings: [] });
  });

  it('may have replaced a member of its own', async () => {
    const first = appendBaseZip(syntheticElf(), [{ name: 'www/page', content: Buffer.from('1') }]);
    const release = zipalignAppend(first, [{ name: 'www/page', content: Buffer.from('22') }]);
    const given = await verdict(zipalignAppend(release, user), { tables: tables(release) });
    expect(given).toMatchObject({ standing: 'release', findings: [] });
    expect(ids(await verdict(zipalignAppend(release, user), { tables: tables() }))).toContain('ZIP-045');
  });

  it('is no excuse for what was added', async () => {
    const given = await verdict(zipalignAppend(odd, [...user, { name: 'c:d', content: Buffer.from('4') }]), {
      tables: tables(odd),
    });
    expect(ids(given)).toEqual(['ZIP-021', 'ZIP-052']);
  });
});

describe('tier C', () => {
  it('no published prefix', async () => {
    const given = await verdict(file, { tables: tables() });
    expect(given).toMatchObject({ standing: 'unknown', tier: 'C' });
    expect(ids(given)).toEqual(['RUN-000']);
  });

  it('every changed byte of the release is noticed', async () => {
    for (let offset = 0x300; offset < base.length; offset += Math.ceil(base.length / 97)) {
      const changed = Buffer.from(file);
      changed[offset] = (changed[offset] ?? 0) ^ 0x20;
      let standing: string;
      try {
        standing = (await verdict(changed)).standing;
      } catch (cause) {
        standing = (cause as { code?: string }).code ?? 'crash';
      }
      expect(['unknown', 'tampered', 'malformed', 'not-llamafile']).toContain(standing);
    }
  });
});

describe('loaders', () => {
  it('the one for this machine is named, known or not', async () => {
    expect((await verdict(file)).loader).toMatchObject({
      sha256: sha(loader),
      known: { origin: 'this test' },
    });
    const unknown = await verdict(file, { tables: { ...tables(), loaders: new Map() } });
    expect(unknown.loader).toEqual({ sha256: sha(loader), encoding: 'gzip' });
    expect(ids(unknown)).toContain('APE-013');
  });

  it('one that no table has is known as a part of a published release', async () => {
    const given = await verdict(file, { tables: { ...tables(base), loaders: new Map() } });
    expect(given.loader?.known).toMatchObject({ sha256: sha(loader), origin: 'part of llamafile-9.0' });
    expect(given.findings).toEqual([]);
  });
});

describe('what is wrong with an archive', () => {
  const withMembers = async (...entries: ZipEntry[]): Promise<string[]> =>
    ids(await verdict(appendBaseZip(syntheticElf(), entries), { tables: tables() }));

  it.each([
    [
      'two members of one name',
      'ZIP-020',
      [
        { name: 'a', content: Buffer.from('1') },
        { name: 'a', content: Buffer.from('2') },
      ],
    ],
    ['a name with an escape sequence', 'ZIP-021', [{ name: 'a\x1b[2J', content: Buffer.from('1') }]],
    ['a name with a bidirectional override', 'ZIP-021', [{ name: 'a\u202efugg', content: Buffer.from('1') }]],
    ['a name with a backslash', 'ZIP-021', [{ name: 'a\\b', content: Buffer.from('1') }]],
    ['a name that climbs', 'ZIP-023', [{ name: 'a/../../b', content: Buffer.from('1') }]],
    ['an absolute name', 'ZIP-023', [{ name: '/etc/passwd', content: Buffer.from('1') }]],
    ['compressed weights', 'ZIP-031', [{ name: 'm.gguf', content: gguf, method: 'deflated' as const }]],
    ['.args with a NUL', 'ARG-001', [{ name: '.args', content: Buffer.from('-m\0x') }]],
    ['.args that is not text', 'ARG-001', [{ name: '.args', content: Buffer.from([0xff, 0xfe, 0xfd]) }]],
    ['.args of 65 KiB', 'ARG-001', [{ name: '.args', content: Buffer.alloc(65 * 1024, 'a\n') }]],
    [
      '.args that unpacks to more',
      'ARG-001',
      [{ name: '.args', content: Buffer.alloc(1024 * 1024, 'a\n'), method: 'deflated' as const }],
    ],
    ['.args with a variable', 'ARG-003', [{ name: '.args', content: Buffer.from('-m\n$HOME/x\n') }]],
  ] as [string, string, ZipEntry[]][])('%s: %s', async (_, id, entries) => {
    expect(await withMembers(...entries)).toContain(id);
  });

  it.each([
    ['a name beyond ASCII', [{ name: 'größe-猫.txt', content: Buffer.from('1') }]],
    ['dots that lead nowhere', [{ name: 'a..b/...c', content: Buffer.from('1') }]],
    [
      '.args with CRLF, tabs and a dollar that is none',
      [{ name: '.args', content: Buffer.from('-p\r\n\tcost 5$ \r\n') }],
    ],
  ] as [string, ZipEntry[]][])('but not %s', async (_, entries) => {
    expect(await withMembers(...entries)).toEqual(['RUN-000']);
  });
});

function isPlainText(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('utf8');
  const plain = [...bytes].every(
    (byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte !== 127),
  );
  return plain && Buffer.from(text).equals(Buffer.from(bytes));
}

it('.args of any bytes are plain text, or said not to be', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom('stored', 'deflated'),
      async (bytes, method) => {
        const entry: ZipEntry = { name: '.args', content: Buffer.from(bytes), method };
        const source = bufferSource(appendBaseZip(syntheticElf(), [entry]));
        const [member] = readDotArgs(readAnatomy(source), source);
        const found = ids(await verdict(source.read(0, source.size), { tables: tables() }));
        expect(Buffer.from(member?.bytes ?? [])).toEqual(Buffer.from(bytes));
        expect(found.includes('ARG-001')).toBe(!isPlainText(bytes));
      },
    ),
    { numRuns: 50 },
  );
});

describe('what is wrong with a program', () => {
  it('a file that others may change', async () => {
    const identity = { dev: 1n, ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n, uid: 0 };
    expect(ids(await verdict(file, { identity: { ...identity, mode: 0o100775 } }))).toEqual(['FILE-002']);
    expect(ids(await verdict(file, { identity: { ...identity, mode: 0o100755 } }))).toEqual([]);
  });
});
