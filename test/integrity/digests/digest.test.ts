import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openJudged } from '../../../src/format/open.ts';
import { digestFile, TREE_BLOCK_BYTES, treeDigest } from '../../../src/integrity/digests/digest.ts';

const folder = mkdtempSync(join(tmpdir(), 'paddock-digest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const CHUNK = 4 * 1024 * 1024;

function made(bytes: Buffer) {
  const path = join(folder, 'file');
  writeFileSync(path, bytes);
  return { path, bytes, ...openJudged(path) };
}

function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 9)) & 0xff));
}

describe.each([1, 1000, TREE_BLOCK_BYTES, TREE_BLOCK_BYTES + 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 77])(
  'a file of %i bytes',
  (length) => {
    const bytes = pattern(length);

    it('has the digests that others compute', async () => {
      const file = made(bytes);
      const chunks: Buffer[] = [];
      const steps: number[] = [];
      const found = await digestFile(file, {
        algorithms: ['sha256', 'blake2b512'],
        onChunk: (offset, chunk) => {
          expect(offset).toBe(chunks.reduce((sum, one) => sum + one.length, 0));
          chunks.push(Buffer.from(chunk));
        },
        onProgress: (done) => steps.push(done),
      });
      expect(found).toEqual({
        sha256: createHash('sha256').update(bytes).digest('hex'),
        blake2b512: createHash('blake2b512').update(bytes).digest('hex'),
      });
      expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
      expect(steps.at(-1)).toBe(length);
      closeSync(file.fd);
    });

    it('has the tree digest of its definition', async () => {
      const file = made(bytes);
      const leaves: Buffer[] = [];
      for (let at = 0; at < length; at += 1024 * 1024) {
        leaves.push(
          createHash('sha256')
            .update(bytes.subarray(at, at + 1024 * 1024))
            .digest(),
        );
      }
      const expected = createHash('sha256').update(Buffer.concat(leaves)).digest('hex');
      expect(await treeDigest(file)).toBe(expected);
      closeSync(file.fd);
    });
  },
);

describe('a file that changes', () => {
  const big = pattern(3 * CHUNK);

  it.each([
    ['is written to', (path: string) => overwrite(path)],
    ['becomes shorter', (path: string) => truncateSync(path, CHUNK)],
    ['becomes longer', (path: string) => writeFileSync(path, 'x', { flag: 'a' })],
  ])('%s while it is read: no digest', async (_, change) => {
    for (const digest of [digestFile, treeDigest]) {
      const file = made(big);
      let once = false;
      const onProgress = () => {
        if (!once) change(file.path);
        once = true;
      };
      const attempt = digest === digestFile ? digestFile(file, { onProgress }) : treeDigest(file, onProgress);
      await expect(attempt).rejects.toMatchObject({ code: 'changed' });
      closeSync(file.fd);
    }
  });

  it('control: the same file, left alone, has one', async () => {
    const file = made(big);
    expect((await digestFile(file)).sha256).toMatch(/^[0-9a-f]{64}$/);
    closeSync(file.fd);
  });

  it('before it is read: no digest', async () => {
    const file = made(big);
    overwrite(file.path);
    await expect(digestFile(file)).rejects.toMatchObject({ code: 'changed' });
    await expect(treeDigest(file)).rejects.toMatchObject({ code: 'changed' });
    closeSync(file.fd);
  });
});

function overwrite(path: string): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, 'changed', 2 * CHUNK);
  closeSync(fd);
}
