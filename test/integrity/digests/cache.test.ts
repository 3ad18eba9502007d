import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { FileIdentity } from '../../../src/format/open.ts';
import { DigestCache } from '../../../src/integrity/digests/cache.ts';

const top = mkdtempSync(join(tmpdir(), 'paddock-cache-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
const uid = process.getuid?.() ?? 0;
const path = join(top, 'deep', 'digests.json');
const SECOND = 1_000_000_000n;
const NOW = 1_700_000_000_000;
const file: FileIdentity = {
  dev: 1n,
  ino: 2n,
  size: 3n,
  mtimeNs: 1_600_000_000n * SECOND + 1n,
  ctimeNs: 1_600_000_000n * SECOND + 2n,
  mode: 0o100755,
  uid: 0,
};
const digests = { sha256: 'a'.repeat(64), tree: 'b'.repeat(64) };
const cache = new DigestCache(path, uid);

beforeEach(() => rmSync(join(top, 'deep'), { recursive: true, force: true }));

describe('what is remembered', () => {
  it('is recalled, in a file that only the user may write', () => {
    expect(cache.recall(file)).toBeUndefined();
    cache.remember(file, { digests, checksums: { 100: 7 } }, NOW);
    expect(cache.recall(file)).toEqual({ digests, checksums: { 100: 7 } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('grows with what is found later', () => {
    cache.remember(file, { digests: { sha256: digests.sha256 } }, NOW);
    cache.remember(file, { digests: { tree: digests.tree }, checksums: { 1: 2 } }, NOW);
    expect(cache.recall(file)).toEqual({ digests, checksums: { 1: 2 } });
  });

  it.each(['dev', 'ino', 'size', 'mtimeNs', 'ctimeNs'] as const)(
    'is not recalled when %s differs by one',
    (key) => {
      cache.remember(file, { digests }, NOW);
      expect(cache.recall({ ...file, [key]: file[key] + 1n })).toBeUndefined();
    },
  );

  it('is not what changed a moment ago, or in the future: it could change again unseen', () => {
    for (const ageMs of [0, 1999, -5000]) {
      const ctimeNs = BigInt(NOW - ageMs) * 1_000_000n;
      cache.remember({ ...file, ctimeNs }, { digests }, NOW);
      expect(cache.recall({ ...file, ctimeNs })).toBeUndefined();
    }
  });

  it('is bounded: the oldest make room', () => {
    for (let ino = 0n; ino < 510n; ino++) cache.remember({ ...file, ino }, { digests }, NOW);
    expect(cache.recall({ ...file, ino: 9n })).toBeUndefined();
    expect(cache.recall({ ...file, ino: 10n })).toBeDefined();
    expect(cache.recall({ ...file, ino: 509n })).toBeDefined();
  });
});

describe('what is not believed', () => {
  beforeEach(() => cache.remember(file, { digests }, NOW));

  it('control: the file as it was written', () => expect(cache.recall(file)).toBeDefined());

  it.each([0o620, 0o602, 0o666])('a file of mode %o', (mode) => {
    chmodSync(path, mode);
    expect(cache.recall(file)).toBeUndefined();
  });

  it('a link', () => {
    renameSync(path, `${path}.real`);
    symlinkSync(`${path}.real`, path);
    expect(cache.recall(file)).toBeUndefined();
  });

  it('the file of another user', () => {
    expect(new DigestCache(path, uid + 1).recall(file)).toBeUndefined();
  });

  it('a folder in its place, and nothing is broken by it', () => {
    rmSync(path);
    mkdirSync(path);
    cache.remember(file, { digests }, NOW);
    expect(cache.recall(file)).toBeUndefined();
  });

  it('digests that are none', () => {
    writeFileSync(path, readFileSync(path, 'utf8').replace('aaaa', 'zzzz'));
    expect(cache.recall(file)).toBeUndefined();
  });

  it('text of any kind, and it is replaced by what is remembered next', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        writeFileSync(path, text);
        expect(cache.recall(file)).toBeUndefined();
      }),
      { numRuns: 100 },
    );
    cache.remember(file, { digests }, NOW);
    expect(cache.recall(file)).toEqual({ digests });
    expect(existsSync(path)).toBe(true);
  });
});
