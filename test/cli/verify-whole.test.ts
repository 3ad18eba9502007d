import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import { appendBaseZip } from '../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { paddock } from './paddock.ts';

const folder = mkdtempSync(join(tmpdir(), 'paddock-whole-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cacheHome = join(folder, 'cache');
const cacheFile = join(cacheHome, 'paddock', 'digests.json');
const path = join(folder, 'model.llamafile');
const bytes = appendBaseZip(syntheticElf(), [
  { name: 'large.bin', content: Buffer.alloc(17 * 1024 * 1024, 'large ') },
]);
const sha256 = createHash('sha256').update(bytes).digest('hex');

interface Report {
  readonly files: readonly {
    readonly digests?: { sha256?: string; tree?: string };
    readonly verdict: { findings: readonly { id: string }[] };
  }[];
}

async function verify(...options: string[]): Promise<Report['files'][number]> {
  const { stdout } = await paddock(['verify', '--json', ...options, path], {
    home: folder,
    env: { XDG_CACHE_HOME: cacheHome },
  });
  const [file] = (JSON.parse(stdout) as Report).files;
  if (file === undefined) throw new Error('no file in the report');
  return file;
}

describe('the whole of a file', () => {
  beforeAll(async () => {
    writeFileSync(path, bytes);
    await sleep(2100); // a file that changed just now is not remembered
  });

  it('--quick computes no digest and remembers nothing', async () => {
    expect((await verify('--quick')).digests).toBeUndefined();
    expect(existsSync(cacheFile)).toBe(false);
  });

  it('is digested, and the digest is remembered', async () => {
    expect((await verify()).digests).toEqual({ sha256 });
    expect(readFileSync(cacheFile, 'utf8')).toContain(sha256);
  });

  it('what is remembered is used, and --no-cache computes anew', async () => {
    const wrong = 'f'.repeat(64);
    writeFileSync(cacheFile, readFileSync(cacheFile, 'utf8').replace(sha256, wrong));
    expect((await verify()).digests).toEqual({ sha256: wrong });
    expect((await verify('--no-cache')).digests).toEqual({ sha256 });
    rmSync(cacheFile);
  });

  it('--tree gives the digest of its definition', async () => {
    const leaves: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 1024 * 1024) {
      leaves.push(
        createHash('sha256')
          .update(bytes.subarray(at, at + 1024 * 1024))
          .digest(),
      );
    }
    const tree = createHash('sha256').update(Buffer.concat(leaves)).digest('hex');
    expect((await verify('--tree')).digests).toEqual({ tree });
  });
});

it('a changed byte in a large member is found, by a fresh pass and by a remembered one; --quick does not look', async () => {
  const [member] = readAnatomy(bufferSource(bytes)).zip?.members ?? [];
  const fd = openSync(path, 'r+');
  writeSync(fd, '!', (member?.contentOffset ?? 0) + 9_000_000);
  closeSync(fd);
  utimesSync(path, new Date(2020, 1, 1), new Date(2020, 1, 1)); // the times of the content can be set; those of the inode cannot
  const ids = async (...options: string[]) => (await verify(...options)).verdict.findings.map(({ id }) => id);
  expect(await ids()).toContain('ZIP-033');
  await sleep(2100);
  expect(await ids()).toContain('ZIP-033');
  expect(await ids()).toContain('ZIP-033');
  expect(await ids('--quick')).not.toContain('ZIP-033');
});
