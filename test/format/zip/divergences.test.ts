import { describe, expect, it } from 'vitest';
import yauzl from 'yauzl';
import { bufferSource } from '../../../src/format/source.ts';
import { readZip } from '../../../src/format/zip/archive.ts';
import { locateWeights, openWeights, WEIGHTS_ERAS } from '../../../src/format/zip/weights.ts';
import { locateZipos, ZIPOS_VERSIONS, ziposView } from '../../../src/format/zip/zipos.ts';
import { judged } from '../../checks/judged.ts';
import { fixtureLlamafile } from '../../fixtures/llamafile.ts';
import { refusal } from '../support.ts';
import { DIVERGENCES, deferredOffset } from './divergences.ts';

/** The content of `.args`, as each reader would give it to the program: text, or a few words where it gives none. */
async function argsOf(bytes: Buffer): Promise<string[]> {
  const source = bufferSource(bytes);
  const text = (offset: bigint, length: bigint) =>
    bytes.toString('latin1', Number(offset), Number(offset + length));
  const zipos = ZIPOS_VERSIONS.map((version) => {
    const view = ziposView(source, version);
    if (!('members' in view)) return 'nothing';
    const found = view.members.filter(({ name }) => name.toString() === '.args');
    if (found.length > 1) return 'one of several';
    const [member] = found;
    if (member === undefined) return 'nothing';
    return member.method === 0 ? text(member.contentOffset, member.size) : `method ${member.method}`;
  });
  const loaders = WEIGHTS_ERAS.map((era) => {
    const seen = openWeights(source, era, Buffer.from('.args'));
    return typeof seen === 'string' ? 'nothing' : text(seen.contentOffset, seen.length);
  });
  const library = await ordinary(bytes);
  return [...zipos, ...loaders, library, adjusting(bytes) ?? library];
}

/** As unzip and Python's zipfile do: offsets count from where the archive seems to begin. Reads 32-bit records only. */
function adjusting(bytes: Buffer): string | undefined {
  const end = bytes.lastIndexOf(Buffer.from('504b0506', 'hex'));
  const start = end - bytes.readUInt32LE(end + 12);
  if (bytes.readUInt32LE(end + 16) === 0xffffffff || bytes.readUInt32LE(start) !== 0x02014b50) {
    return undefined;
  }
  const local = start - bytes.readUInt32LE(end + 16) + bytes.readUInt32LE(start + 42);
  const content = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
  return bytes.toString('latin1', content, content + bytes.readUInt32LE(start + 20));
}

function ordinary(bytes: Buffer): Promise<string> {
  return new Promise((resolve) => {
    yauzl.fromBuffer(bytes, { lazyEntries: true, decodeStrings: false }, (error, archive) => {
      if (error) return resolve('nothing');
      archive.on('error', () => resolve('nothing'));
      archive.on('end', () => resolve('nothing'));
      archive.on('entry', (entry) => {
        if (String(entry.fileName) !== '.args') return archive.readEntry();
        archive.openReadStream(entry, (cause, stream) => {
          if (cause) return resolve('nothing');
          const chunks: Buffer[] = [];
          stream.on('data', (chunk: Buffer) => chunks.push(chunk));
          stream.on('error', () => resolve('nothing'));
          stream.on('end', () => resolve(Buffer.concat(chunks).toString('latin1')));
        });
      });
      archive.readEntry();
    });
  });
}

describe.each(Object.entries(DIVERGENCES))('%s: $is', (name, { bytes, check }) => {
  it('control: readers get different arguments out of it', async () => {
    expect(new Set(await argsOf(bytes)).size, name).toBeGreaterThan(1);
  });

  it(`is found: ${check}`, async () => {
    expect((await judged(bytes)).ids).toContain(check);
  });
});

describe('D9: an end record that only the first version takes', () => {
  it('control: the versions differ', () => {
    const ends = ZIPOS_VERSIONS.map((version) => locateZipos(deferredOffset(), version)?.records ?? 0);
    expect(ends).toEqual([1, 0, 0, 0, 0]);
    expect(locateWeights(deferredOffset())).toBeUndefined();
  });

  it('is found: ZIP-001', () => {
    expect(refusal(() => readZip(deferredOffset())).detail.check).toBe('ZIP-001');
  });
});

it('control: all of them get the same out of a well-formed archive', async () => {
  const seen = await argsOf(fixtureLlamafile());
  expect(new Set(seen)).toEqual(new Set(['-m\nmodel.gguf\n...\n']));
});
