import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openJudged } from '../../../src/format/open.ts';
import { digestFile, treeDigest } from '../../../src/integrity/digests/digest.ts';
import { storePlace } from '../../../src/launch/store/places.ts';
import { privateCopy, type StoreInput, type UsedCopy } from '../../../src/launch/store/store.ts';
import { listCopies, tidy } from '../../../src/launch/store/tidy.ts';
import { fixture } from '../../fixtures/llamafiles.ts';

const root = mkdtempSync(join(tmpdir(), 'paddock-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const uid = process.getuid?.() ?? 0;
const SELF = { pid: process.pid, startTime: 7 };
const isAlive: StoreInput['isAlive'] = ({ pid }) => pid === process.pid;
const NOW = new Date();
const DAY_MS = 24 * 3600 * 1000;

let place = storePlace(root, uid);
let count = 0;
beforeEach(() => {
  place = storePlace(join(root, `data-${count++}`), uid);
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function written(name: string, content: string): string {
  const path = join(root, `${count}-${name}`);
  writeFileSync(path, content);
  return path;
}

async function copyOf(path: string, changes: Partial<StoreInput> = {}): Promise<UsedCopy> {
  const source = openJudged(path);
  try {
    const report = (): void => {};
    return await privateCopy({
      ...{ place, source, architecture: 'x86-64', owner: SELF, now: NOW, report, isAlive },
      ...changes,
    });
  } finally {
    closeSync(source.fd);
  }
}

function done(copy: UsedCopy): void {
  closeSync(copy.file.fd);
  copy.leave();
}

describe('a private copy', () => {
  it('has the bytes of the file, under their digest, for its owner alone', async () => {
    const path = written('text', 'no llamafile at all');
    const copy = await copyOf(path);
    expect(copy.facts.sha256).toBe(sha256(readFileSync(path)));
    expect(copy.path).toBe(join(place.folder, copy.facts.sha256));
    expect(readFileSync(copy.path)).toEqual(readFileSync(path));
    expect(statSync(copy.path).mode & 0o7777).toBe(0o500);
    expect(statSync(place.folder).mode & 0o7777).toBe(0o700);
    done(copy);
  });

  it('of an APE begins with the program’s ELF header, and reads as the file in every way', async () => {
    const path = fixture('fat');
    const copy = await copyOf(path);
    const [original, kept] = [readFileSync(path), readFileSync(copy.path)];
    expect(kept.toString('latin1', 0, 4)).toBe('\x7fELF');
    expect(kept.subarray(64).equals(original.subarray(64))).toBe(true);
    expect(copy.facts.sha256).toBe(sha256(original));
    for (const [offset, length] of [
      [0, 8],
      [0, 200],
      [60, 10],
      [64, 10],
      [63, 1],
    ] as const)
      expect(copy.file.source.read(offset, length)).toEqual(original.subarray(offset, offset + length));
    expect(await digestFile(copy.file)).toEqual({ sha256: sha256(original) });
    const opened = openJudged(path);
    expect(await treeDigest(copy.file)).toBe(await treeDigest(opened));
    closeSync(opened.fd);
    done(copy);
  });

  it.each(['elf', 'assimilated'] as const)('of one in the form %s is as the file', async (kind) => {
    const copy = await copyOf(fixture(kind));
    expect(readFileSync(copy.path).equals(readFileSync(fixture(kind)))).toBe(true);
    expect(copy.file.start).toBeUndefined();
    done(copy);
  });

  it('is made once, and again when the file or the copy has changed', async () => {
    const path = written('twice', 'once');
    let copied = 0;
    const report = (): void => void copied++;
    done(await copyOf(path, { report }));
    done(await copyOf(path, { report }));
    expect(copied).toBe(1);
    appendFileSync(path, ' more');
    const second = await copyOf(path, { report });
    expect(copied).toBe(2);
    expect(readFileSync(second.path, 'utf8')).toBe('once more');
    done(second);
    chmodSync(second.path, 0o700);
    writeFileSync(second.path, 'shorter');
    const third = await copyOf(path, { report });
    expect(readFileSync(third.path, 'utf8')).toBe('once more');
    expect(copied).toBe(3);
    done(third);
  });

  it('is made once by many that want it at the same time', async () => {
    const path = written('many', 'x'.repeat(100_000));
    let copied = 0;
    const report = (): void => void copied++;
    const copies = await Promise.all(Array.from({ length: 8 }, () => copyOf(path, { report })));
    expect(copied).toBe(1);
    expect(new Set(copies.map(({ path: at }) => at)).size).toBe(1);
    for (const copy of copies) done(copy);
    expect(readdirSync(join(place.folder, 'locks'))).toEqual([]);
    expect(readdirSync(join(place.folder, 'partial'))).toEqual([]);
  });

  it('is not made of a file that changes meanwhile', async () => {
    const path = written('changing', 'x'.repeat(10_000_000));
    const report = (): void => appendFileSync(path, 'y');
    await expect(copyOf(path, { report })).rejects.toMatchObject({ code: 'changed' });
    expect(readdirSync(join(place.folder, 'partial'))).toEqual([]);
    expect(listCopies(place, isAlive)).toEqual([]);
  });

  it('goes on where another one was killed while it copied', async () => {
    const path = written('killed', 'content');
    done(await copyOf(path));
    const source = openJudged(path);
    closeSync(source.fd);
    rmSync(place.folder, { recursive: true });
    done(await copyOf(written('other', 'first')));
    writeFileSync(join(place.folder, 'partial', '999999.1.abcd'), 'half');
    writeFileSync(join(place.folder, 'locks', 'abandoned'), JSON.stringify({ pid: 999_999, startTime: 1 }));
    done(await copyOf(path));
    expect(readdirSync(join(place.folder, 'partial'))).toEqual([]);
  });

  it.each([
    ['that others may look into', () => chmodSync(place.folder, 0o755)],
    ['that others may write to', () => chmodSync(join(place.folder, 'sources'), 0o777)],
    [
      'that is a link',
      () => {
        rmSync(place.folder, { recursive: true });
        mkdirSync(join(root, `elsewhere-${count}`), { mode: 0o700 });
        symlinkSync(join(root, `elsewhere-${count}`), place.folder);
      },
    ],
  ])('is not put into a store %s', async (_, spoil) => {
    done(await copyOf(written('any', 'any')));
    spoil();
    await expect(copyOf(written('next', 'next'))).rejects.toMatchObject({ code: 'refused' });
  });
});

describe('what the store keeps', () => {
  const keep = (bytes: number, ageMs = DAY_MS, nowMs = NOW.getTime()) =>
    tidy({ place, limits: { bytes, ageMs }, nowMs, isAlive });

  async function threeCopies(): Promise<UsedCopy[]> {
    const copies: UsedCopy[] = [];
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      const copy = await copyOf(written(name, name.repeat(1000)));
      const used = NOW.getTime() / 1000 - (3 - index) * 60;
      utimesSync(join(place.folder, `${copy.facts.sha256}.json`), used, used);
      copies.push(copy);
    }
    return copies;
  }

  it('removes what was used longest ago when there is too much', async () => {
    const copies = await threeCopies();
    for (const copy of copies) done(copy);
    expect(keep(2000).map(({ sha256: name }) => name)).toEqual([copies[0]?.facts.sha256]);
    expect(listCopies(place, isAlive)).toHaveLength(2);
    expect(readdirSync(join(place.folder, 'sources'))).toHaveLength(2);
  });

  it('removes what nobody has used for too long', async () => {
    for (const copy of await threeCopies()) done(copy);
    expect(keep(1e9, 90_000)).toHaveLength(2);
    expect(keep(1e9, DAY_MS, NOW.getTime() + 2 * DAY_MS)).toHaveLength(1);
  });

  it('never removes what is in use by a session that runs', async () => {
    const copies = await threeCopies();
    expect(keep(0, 0, NOW.getTime() + DAY_MS)).toEqual([]);
    expect(listCopies(place, isAlive).every(({ inUse }) => inUse)).toBe(true);
    for (const copy of copies) done(copy);
    expect(keep(0)).toHaveLength(3);
    expect(copies.some(({ path }) => existsSync(path))).toBe(false);
  });

  it('takes no session for running that was killed', async () => {
    done(await copyOf(written('left', 'left'), { owner: SELF }));
    const { facts } = await copyOf(written('dead', 'dead'), { owner: { pid: 999_999, startTime: 1 } });
    expect(keep(0).map(({ sha256: name }) => name)).toContain(facts.sha256);
    expect(readdirSync(join(place.folder, 'uses'))).toEqual([]);
  });

  it('makes room before it copies', async () => {
    for (const copy of await threeCopies()) done(copy);
    const limits = { bytes: 2500, ageMs: DAY_MS };
    done(await copyOf(written('d', 'd'.repeat(1000)), { limits }));
    expect(listCopies(place, isAlive)).toHaveLength(2);
  });
});
