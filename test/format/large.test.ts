import { closeSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openJudged } from '../../src/format/open.ts';
import { readAnatomy } from '../../src/format/read.ts';
import type { ByteSource } from '../../src/format/source.ts';
import { judge } from '../../src/integrity/judge.ts';
import { shippedTables } from '../../src/integrity/tables.ts';
import { writeSparse } from '../fixtures/sparse.ts';

const folder = mkdtempSync(join(tmpdir(), 'paddock-sparse-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const MEMBERS = 4000;

/** What judging a file reads of it. */
async function cost(weightsBytes: number): Promise<{ reads: number; bytes: number; largest: number }> {
  const path = join(folder, 'model.llamafile');
  writeSparse(path, weightsBytes, MEMBERS);
  const { fd, source: inner } = openJudged(path);
  const seen = { reads: 0, bytes: 0, largest: 0 };
  const source: ByteSource = {
    size: inner.size,
    read(offset, length) {
      seen.reads++;
      seen.bytes += length;
      seen.largest = Math.max(seen.largest, length);
      return inner.read(offset, length);
    },
  };
  const anatomy = readAnatomy(source);
  const verdict = await judge({ anatomy, source, tables: shippedTables(), architecture: 'x86-64' });
  closeSync(fd);
  expect(anatomy.zip?.members).toHaveLength(MEMBERS + 1);
  expect(anatomy.size).toBeGreaterThan(weightsBytes);
  expect(verdict.findings.map(({ id }) => id)).toEqual(['RUN-000']);
  return seen;
}

it('what is read does not depend on the size of the weights', async () => {
  const small = await cost(2 ** 25);
  const large = await cost(16 * 2 ** 30);
  // Published releases are recognised by a digest of at most the first GiB; nothing here ends where one would.
  expect(large.bytes).toBeLessThan(small.bytes + 1024 * 1024);
  expect(large.reads).toBeLessThan(small.reads + 20);
  expect(large.largest).toBeLessThan(8 * 1024 * 1024);
  expect(large.bytes).toBeLessThan(32 * 1024 * 1024);
});
