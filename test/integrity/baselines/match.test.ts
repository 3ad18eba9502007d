import { describe, expect, it } from 'vitest';
import { assimilate, buildApe, syntheticElf } from '../../../src/demo/ape-writer.ts';
import { infozipRewrite, type ZipEntry, zipalignAppend } from '../../../src/demo/zip-writer.ts';
import type { Baseline } from '../../../src/integrity/baselines/baseline.ts';
import { EMPTY_TABLES, judged, type Outcome } from '../../checks/judged.ts';
import { modelEntries } from '../../fixtures/llamafile.ts';
import { codeOf, LOADER, learn, otherBuild, RELEASE_ENTRIES, release } from './learned.ts';

const base = release();
const baseline = await learn(base);
const user = modelEntries();
const NOTE: ZipEntry = { name: 'LICENSE', content: Buffer.from('Do as you like.\n') };

/** One of the release's members with other content of the same length. */
function withChanged(name: string): ZipEntry[] {
  return RELEASE_ENTRIES.map((entry) => {
    if (entry.name !== name) return entry;
    const content = Buffer.from(entry.content);
    return { ...entry, content: content.fill(0x78, 4, 6) };
  });
}

/** Of the checks that compare with a release. The other families have tests of their own. */
const OWN = /^(APE-010b|ZIP-05\d|RUN-000)$/;

async function judge(bytes: Buffer, ...baselines: Baseline[]): Promise<Outcome> {
  const known = baselines.length === 0 ? [baseline] : baselines;
  const loaders = new Map(
    baseline.loaders.map(({ sha256 }) => [
      sha256,
      { sha256, architecture: 'any', origin: 'this test', version: '1.10' } as const,
    ]),
  );
  const given = await judged(bytes, { tables: { ...EMPTY_TABLES, loaders }, baselines: () => known });
  if (given.verdict === undefined) return given;
  const findings = given.findings.filter(({ id }) => OWN.test(id));
  return { ...given, ids: findings.map(({ id }) => id), verdict: { ...given.verdict, findings } };
}

describe('a file that was made from a learned release', () => {
  it('by zipalign: tier A', async () => {
    const { verdict } = await judge(zipalignAppend(base, user));
    expect(verdict).toMatchObject({
      standing: 'release',
      tier: 'A',
      release: 'llamafile-9.0',
      version: '9.0',
      releaseKnownBy: 'baseline',
      releaseLength: base.length,
      findings: [],
    });
  });

  it('by InfoZIP, which moves members: tier B', async () => {
    for (const file of [infozipRewrite(zipalignAppend(base, user), [NOTE]), infozipRewrite(base, user)]) {
      const { verdict } = await judge(file);
      expect(verdict).toMatchObject({
        standing: 'release',
        tier: 'B',
        release: 'llamafile-9.0',
        form: 'repacked',
        findings: [],
      });
      expect(verdict).not.toHaveProperty('releaseLength');
    }
  });

  it('and assimilated, as either tool writes it: tier B', async () => {
    const file = assimilate(zipalignAppend(base, user));
    const systemV = Buffer.from(file);
    systemV[7] = 0;
    for (const bytes of [file, systemV]) {
      const { verdict } = await judge(bytes);
      expect(verdict).toMatchObject({ standing: 'release', tier: 'B', form: 'assimilated', findings: [] });
    }
  });

  it('and that release learned from a llamafile made from it', async () => {
    const again = await learn(zipalignAppend(base, user));
    expect(again).toEqual(baseline);
  });

  it('of two that share a program, the one whose members fit', async () => {
    const gpu = zipalignAppend(base, [{ name: 'ggml-cuda.so', content: Buffer.from('\x7fELF gpu') }]);
    const fat = await learn(gpu, 'fat');
    const repacked = infozipRewrite(gpu, user);
    expect((await judge(repacked, baseline, fat)).verdict).toMatchObject({
      standing: 'release',
      release: 'fat',
    });
    expect((await judge(zipalignAppend(gpu, user), baseline, fat)).verdict).toMatchObject({
      tier: 'A',
      release: 'fat',
    });
    expect((await judge(repacked, baseline)).verdict?.standing).toBe('tampered');
  });
});

describe('tampered: the component that differs is named, with both digests', () => {
  const file = infozipRewrite(base, user);

  it.each(baseline.parts.filter(({ kind }) => kind !== 'padding').map((part) => [part.label, part] as const))(
    '%s',
    async (_, part) => {
      const changed = Buffer.from(file);
      // The last byte of code and data is nothing that a reader of the structure looks at; nor is the boot sector.
      const at = part.kind === 'ape-header' ? 0x100 : part.offset + part.length - 1;
      changed[at] = (changed[at] ?? 0) ^ 1;
      const { verdict, error } = await judge(changed);
      if (error !== undefined) return expect(error.code).toBe('malformed');
      expect(verdict).toMatchObject({ standing: 'tampered', tier: 'B', release: 'llamafile-9.0' });
      expect(verdict?.components).toEqual([
        expect.objectContaining({
          component: part.label,
          expected: `SHA-256 ${part.sha256}`,
          found: expect.stringMatching(/^SHA-256 [0-9a-f]{64}$/),
        }),
      ]);
      const found = verdict?.findings.find(({ id }) => id === 'APE-010b');
      expect(found?.evidence.offset).toBeLessThanOrEqual(at);
      expect((found?.evidence.offset ?? 0) + (found?.evidence.length ?? 0)).toBeGreaterThan(at);
    },
  );

  it.each(RELEASE_ENTRIES.map(({ name }) => [`${name}`] as const))('%s, changed or missing', async (name) => {
    const id = /html|sql|pem/.test(name) ? 'ZIP-054' : 'ZIP-050';
    const gone = RELEASE_ENTRIES.filter((entry) => entry.name !== name);
    for (const [entries, found] of [
      [withChanged(name), expect.stringMatching(/^SHA-256 [0-9a-f]{64}$/)],
      [gone, 'no member of that name'],
    ] as const) {
      const { verdict, ids } = await judge(release({ zipEntries: [...entries, ...user] }));
      expect(verdict?.standing).toBe('tampered');
      expect(ids.filter((one) => one !== 'ZIP-052')).toEqual([id]);
      expect(verdict?.components).toEqual([
        expect.objectContaining({
          component: `member ${name}`,
          expected: expect.stringMatching(/^SHA-256 [0-9a-f]{64}$/),
          found,
        }),
      ]);
    }
  });

  it('code that was added', async () => {
    const added = { name: 'llamafile/extra.cu', content: Buffer.from('x') };
    const { verdict, ids } = await judge(infozipRewrite(base, [...user, added]));
    expect(ids).toEqual(['ZIP-051']);
    expect(verdict?.components).toMatchObject([{ component: 'member llamafile/extra.cu' }]);
  });

  it('code of one processor that was exchanged whole', async () => {
    const x86Elf = syntheticElf({ code: codeOf('patched', 200_000), data: codeOf('release data', 300) });
    const { verdict } = await judge(zipalignAppend(release({ x86Elf }), user));
    expect(verdict?.standing).toBe('tampered');
    expect(verdict?.components?.map(({ component }) => component)).toContain('x86-64 R-X segment');
  });

  it('code that was moved to another place', async () => {
    const { verdict } = await judge(
      zipalignAppend(release({ overrides: { comment: 'x'.repeat(4000) } }), user),
    );
    expect(verdict?.standing).toBe('tampered');
    const named = verdict?.components?.map(({ component }) => component);
    expect(named).toContain('shell script');
    expect(named).not.toContain('x86-64 R-X segment');
  });

  it('an assimilated file with another header', async () => {
    const changed = assimilate(file);
    changed[0x18] = (changed[0x18] ?? 0) + 4; // the entry point
    const { verdict } = await judge(changed);
    expect(verdict).toMatchObject({ standing: 'tampered', components: [{ component: 'APE header' }] });
  });

  it('members replaced behind an intact prefix, which is tier A', async () => {
    const name = 'llama.cpp/server/public/index.html';
    const { verdict, ids } = await judge(
      zipalignAppend(base, [...user, { name, content: Buffer.from('evil') }]),
    );
    expect(verdict).toMatchObject({
      standing: 'tampered',
      tier: 'A',
      components: [{ component: `member ${name}` }],
    });
    expect(ids).toEqual(['ZIP-054']);
  });

  it('data of one processor, where the other one has the same', async () => {
    const swapped = Buffer.from(file);
    const [one, other] = baseline.parts.filter(({ label }) => label.includes('RW-'));
    if (one === undefined || other === undefined) throw new Error('two data segments are expected');
    swapped[one.offset + 7] = (swapped[one.offset + 7] ?? 0) ^ 1;
    const { verdict } = await judge(swapped);
    // The other processor's data is the same, and yet no excuse.
    expect(verdict?.components?.map(({ component }) => component)).toEqual([one.label]);
  });
});

describe('unknown, and not tampered', () => {
  it('another build with the same support files and the same loader', async () => {
    const { verdict, ids } = await judge(zipalignAppend(otherBuild(), user));
    expect(verdict).toMatchObject({ standing: 'unknown', tier: 'C' });
    expect(verdict).not.toHaveProperty('release');
    expect(ids).toEqual(['RUN-000']);
  });

  it('another build with some support files, one of them changed', async () => {
    const { verdict } = await judge(zipalignAppend(otherBuild(withChanged('llama.cpp/ggml-cuda.cu')), user));
    expect(verdict?.standing).toBe('unknown');
  });

  it('a program that shares only the loader', async () => {
    const other = buildApe({
      x86Elf: syntheticElf({ code: codeOf('mine', 5000) }),
      loaders: { x86: LOADER },
      zipEntries: [{ name: 'a', content: Buffer.from('a') }],
    });
    expect((await judge(other)).verdict?.standing).toBe('unknown');
  });

  it('a plain ELF program', async () => {
    const elf = infozipRewrite(syntheticElf({ code: codeOf('mine', 5000) }), user);
    expect((await judge(elf)).verdict?.standing).toBe('unknown');
  });
});

describe('a release in ELF form', () => {
  const elf = infozipRewrite(syntheticElf({ code: codeOf('elf', 100_000) }), RELEASE_ENTRIES);

  it('is learned and found', async () => {
    const learned = await learn(elf, 'elf');
    expect((await judge(infozipRewrite(elf, user), learned)).verdict).toMatchObject({
      standing: 'release',
      tier: 'B',
      release: 'elf',
    });
    expect((await judge(zipalignAppend(elf, user), learned)).verdict).toMatchObject({ tier: 'A' });
    const changed = infozipRewrite(elf, user);
    changed[50_000] = (changed[50_000] ?? 0) ^ 1;
    expect((await judge(changed, learned)).verdict?.standing).toBe('tampered');
  });
});

describe('describeBaseline', () => {
  it('tiles the program, and knows every member but weights and arguments', () => {
    let at = 0;
    for (const { offset, length } of baseline.parts) {
      expect(offset).toBe(at);
      at += length;
    }
    expect(at).toBe(baseline.prefix.length);
    expect(baseline.members.map(({ name }) => name)).toEqual(RELEASE_ENTRIES.map(({ name }) => name));
    expect(baseline.members.map((member) => member.class)).toEqual([
      'data',
      'code',
      'code',
      'web',
      'sql',
      'trust',
      'data',
    ]);
    expect(baseline.file).toMatchObject({ size: base.length });
    expect(baseline.headers.map(({ architecture }) => architecture)).toEqual(['x86-64', 'aarch64']);
  });

  it('learns no release where there is none', async () => {
    await expect(learn(assimilate(base))).rejects.toMatchObject({ code: 'refused' });
    await expect(learn(infozipRewrite(syntheticElf(), user))).rejects.toMatchObject({ code: 'refused' });
  });

  it('leaves weights out that were there from the start', async () => {
    const learned = await learn(release({ zipEntries: [...RELEASE_ENTRIES, ...user] }));
    expect(learned.file).toBeUndefined();
    expect(learned.members).toEqual(baseline.members);
  });
});
