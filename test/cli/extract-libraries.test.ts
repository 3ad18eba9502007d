import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ExtractInput, extractLibraries } from '../../src/cli/extract-libraries.ts';
import type { Judged } from '../../src/cli/judged.ts';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import type { Baseline } from '../../src/integrity/baselines/baseline.ts';
import { below, removeDirectories, type SessionDirectories } from '../../src/launch/directories.ts';
import { libraryLayout } from '../../src/launch/gpu-libraries.ts';
import type { GpuLibraries } from '../../src/launch/plan.ts';
import { CUDA, gpuEntries, gpuRelease, withJudged } from '../fixtures/gpu-release.ts';
import { release } from '../integrity/baselines/learned.ts';
import { scratch } from './paddock.ts';

const base = scratch();
const helper = join(base, 'helper');
writeFileSync(helper, 'a helper');
const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');
const ARGS = { name: '.args', content: Buffer.from('-c\n64\n...\n') };

interface Extracted {
  readonly libraries: GpuLibraries | undefined;
  readonly directories: SessionDirectories;
  readonly judged: Judged;
}

async function extracted(
  bytes: Buffer,
  baselines: readonly Baseline[],
  change: (input: ExtractInput) => Partial<ExtractInput> = () => ({}),
): Promise<Extracted> {
  const folder = mkdtempSync(join(base, 'session-'));
  const directories = below(join(folder, 'private'));
  for (const path of [directories.root, directories.home, directories.tmp, directories.work]) mkdirSync(path);
  return withJudged(folder, bytes, baselines, async (judged) => {
    const input: ExtractInput = {
      ...{ judged, directories, helper, kinds: ['nvidia'], dryRun: false, nowMs: Date.now() },
      baselines: async () => baselines,
    };
    return { libraries: await extractLibraries({ ...input, ...change(input) }), directories, judged };
  });
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

const everything = ({ home, tmp }: SessionDirectories): string[] => [home, tmp].flatMap(filesBelow);

function expectClosed({ home, tmp }: SessionDirectories): void {
  for (const folder of [home, tmp]) {
    expect(statSync(folder).mode & 0o777).toBe(0o555);
    for (const name of ['.llamafile', '.cosmo'])
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o555);
  }
}

function expectOff({ libraries, directories }: Extracted, words: RegExp): void {
  expect(libraries?.files).toEqual([]);
  expect(libraries?.warnings.join()).toMatch(words);
  expect(libraries?.warnings.join()).toMatch(/computes on the CPU/);
  expect(everything(directories)).toEqual([]);
  expectClosed(directories);
}

describe('GPU libraries of a known release', () => {
  it.each(['0.6.2', '0.8.1', '0.8.4', '0.9.3', '0.10.1'])(
    'are put where %s looks, with their digests, read-only',
    async (version) => {
      const { bytes, baseline } = await gpuRelease(version);
      const { libraries, directories, judged } = await extracted(zipalignAppend(bytes, [ARGS]), [baseline]);
      expect(judged.verdict).toMatchObject({ standing: 'release', tier: 'A' });
      const layout = libraryLayout(version);
      const folder = join(directories[layout?.base ?? 'home'], layout?.folder ?? '');
      const names = [...(layout?.sources ?? []).map((name) => basename(name)), 'ggml-cuda.so'];
      expect(readdirSync(folder).sort()).toEqual(names.sort());
      expect(readFileSync(join(folder, 'ggml-cuda.so')).equals(CUDA)).toBe(true);
      expect(readFileSync(join(directories.tmp, '.cosmo/dlopen-helper'), 'utf8')).toBe('a helper');
      expect(libraries?.warnings).toEqual([]);
      expect(libraries?.files.map(({ path }) => path).sort()).toEqual(everything(directories).sort());
      for (const file of libraries?.files ?? []) {
        expect(file.sha256).toBe(sha256(readFileSync(file.path)));
        expect(statSync(file.path)).toMatchObject({ size: file.bytes });
        expect(statSync(file.path).mode & 0o777).toBe(0o444);
      }
      expectClosed(directories);
      expect(removeDirectories(directories)).toBe(0);
    },
  );

  it('are all of one time, later than the program, its members and now', async () => {
    const { bytes, baseline } = await gpuRelease();
    const { libraries } = await extracted(bytes, [baseline], ({ judged }) => {
      utimesSync(`/proc/self/fd/${judged.file.fd}`, 4e9, 4e9); // somebody's clock was wrong
      return {};
    });
    const times = new Set(libraries?.files.map(({ path }) => statSync(path).mtimeMs));
    expect(times.size).toBe(1);
    expect([...times][0]).toBeGreaterThan(4e12);
  });

  it('are those of the cards within reach, and none without', async () => {
    const { bytes, baseline } = await gpuRelease();
    const amd = await extracted(bytes, [baseline], () => ({ kinds: ['amd'] }));
    const names = everything(amd.directories).map((path) => basename(path));
    expect(names).toContain('ggml-rocm.so');
    expect(names).not.toContain('ggml-cuda.so');
    const none = await extracted(bytes, [baseline], () => ({ kinds: [] }));
    expect(none.libraries).toBeUndefined();
    expect(readdirSync(none.directories.home)).toEqual([]);
  });

  it('are told and not written where nothing is started', async () => {
    const { bytes, baseline } = await gpuRelease();
    const { libraries, directories } = await extracted(bytes, [baseline], () => ({ dryRun: true }));
    expect(libraries?.files.find(({ path }) => path.endsWith('/ggml-cuda.so'))?.sha256).toBe(sha256(CUDA));
    expect(readdirSync(directories.home)).toEqual([]);
  });
});

describe('a file packed anew', () => {
  const repacked = (
    version: string,
    changes: readonly (readonly [string, Buffer | undefined])[] = [],
  ): Buffer => {
    const entries = gpuEntries(version).flatMap((entry) => {
      const change = changes.find(([name]) => name === entry.name);
      if (change === undefined) return [entry];
      return change[1] === undefined ? [] : [{ ...entry, content: change[1] }];
    });
    return release({ zipEntries: [...entries.reverse(), ARGS] });
  };

  it('has its libraries compared one by one', async () => {
    const { baseline } = await gpuRelease();
    const { libraries, judged, directories } = await extracted(repacked('0.9.3'), [baseline]);
    expect(judged.verdict).toMatchObject({ standing: 'release', tier: 'B' });
    expect(libraries?.warnings).toEqual([]);
    expect(everything(directories)).toContain(join(directories.home, '.llamafile/v/0.9.3/ggml-cuda.so'));
  });

  it.each<[string, string, Buffer | undefined]>([
    ['another library', 'ggml-cuda.so', Buffer.from(CUDA).fill(1, 2_999_999)],
    ['another source', 'llama.cpp/ggml-cuda.cu', Buffer.from('/* theirs */')],
    ['a source that is missing', 'llamafile/tinyblas.h', undefined],
  ])('with %s gets none', async (_, name, content) => {
    const { baseline } = await gpuRelease();
    const bytes = repacked('0.9.3', [[name, content]]);
    expectOff(await extracted(bytes, [baseline]), /of no release that paddock knows/);
    // The verdict alone is not what is trusted: each member is compared where it is written.
    const trusting = await extracted(bytes, [baseline], ({ judged }) => ({
      judged: { ...judged, verdict: { ...judged.verdict, standing: 'release', version: '0.9.3' } },
    }));
    expectOff(trusting, /is not what the release has: SHA-256 [0-9a-f]{64} is not known|is not there/);
  });
});

describe('no library is extracted, and the folders are closed', () => {
  it('of an unknown program', async () => {
    expectOff(await extracted((await gpuRelease()).bytes, []), /of no release/);
  });

  it('of a release whose library was replaced behind its end', async () => {
    const { bytes, baseline } = await gpuRelease();
    const evil = { name: 'ggml-cuda.so', content: Buffer.from('theirs') };
    const outcome = await extracted(zipalignAppend(bytes, [evil, ARGS]), [baseline]);
    expect(outcome.judged.verdict.standing).toBe('tampered');
    expectOff(outcome, /of no release/);
    const trusting = await extracted(zipalignAppend(bytes, [evil]), [baseline], ({ judged }) => ({
      judged: { ...judged, verdict: { ...judged.verdict, standing: 'release' } },
    }));
    expectOff(trusting, /ggml-cuda\.so is not what the release has/);
  });

  it('of a release of which nobody knows where it looks', async () => {
    const { bytes, baseline } = await gpuRelease('0.3');
    expectOff(
      await extracted(bytes, [baseline]),
      /llamafile 0\.3 looks for them is not known: docs\/gpu\.md/,
    );
  });

  it('where there is none for the card, or no helper', async () => {
    const bytes = release({ zipEntries: gpuEntries('0.9.3').filter(({ name }) => name !== 'ggml-rocm.so') });
    const { baseline } = await gpuRelease();
    const without = { ...baseline, members: baseline.members.filter(({ name }) => name !== 'ggml-rocm.so') };
    const { file: _, ...parts } = without;
    expectOff(await extracted(bytes, [parts], () => ({ kinds: ['amd'] })), /brings none for amd/);
    const built = await gpuRelease();
    const unbuilt = await extracted(built.bytes, [built.baseline], () => ({ helper: join(base, 'nowhere') }));
    expectOff(unbuilt, /nowhere is not built: npm rebuild/);
  });
});
