import { closeSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import type { Anatomy } from '../../src/format/anatomy.ts';
import { openJudged } from '../../src/format/open.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { knownTemplates } from '../../src/format/script/script.ts';
import { bufferSource } from '../../src/format/source.ts';
import { judge } from '../../src/integrity/judge.ts';
import { shippedTables, type Tables } from '../../src/integrity/tables.ts';
import { linkedLlamafile } from '../fixtures/apelink.ts';
import { fixtureBase, fixtureLlamafile } from '../fixtures/llamafile.ts';
import { FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { judged } from './judged.ts';

/** As if the fixtures' own loaders were published ones: that they are not is no fault of their shape. */
function knowing({ loaders }: Anatomy): Tables {
  const known = loaders.map(({ sha256, architecture }) => ({
    sha256,
    architecture,
    version: '',
    origin: 'a fixture',
  }));
  return { ...shippedTables(), loaders: new Map(known.map((loader) => [loader.sha256, loader])) };
}

async function loud(bytes: Buffer): Promise<string[]> {
  const anatomy = readAnatomy(bufferSource(bytes));
  const { findings } = await judged(bytes, { tables: knowing(anatomy) });
  return findings.filter(({ severity }) => severity !== 'info').map(({ id, title }) => `${id} ${title}`);
}

const UNKNOWN = [expect.stringMatching(/^RUN-000 /)];

describe('a well-formed file is no cause for alarm, but for its unknown runtime', () => {
  it.each(FIXTURE_KINDS)('%s, as it lies on the disk', async (kind) => {
    const { fd, source, identity } = openJudged(fixture(kind));
    const anatomy = readAnatomy(source);
    const verdict = await judge({
      anatomy,
      source,
      identity,
      tables: knowing(anatomy),
      architecture: 'x86-64',
    });
    closeSync(fd);
    const found = verdict.findings.filter(({ severity }) => severity !== 'info');
    expect(found.map(({ id }) => id)).toEqual(['RUN-000']);
  });

  it('a runtime without a model', async () => expect(await loud(fixtureBase())).toEqual(UNKNOWN));
  const linked = knownTemplates().filter(({ name }) => name.startsWith('apelink'));
  it.each(linked.map((each, index) => [each.name, index] as const))(
    'as %s links it (%i)',
    async (_, index) => {
      const names = linked.map(({ lines }) => lines);
      const file = linkedLlamafile({ template: (_name, lines) => lines === names[index] });
      expect(await loud(file)).toEqual(UNKNOWN);
    },
  );
  it('a small model', async () => expect(await loud(fixtureLlamafile())).toEqual(UNKNOWN));

  const ordinary = {
    'for the command line': '-m\nmodel.gguf\n--temp\n0.7\n-c\n4096\n...\n',
    'for a server': '-m\nmodel.gguf\n--host\n127.0.0.1\n--port\n8080\n-ngl\n9999\n...\n',
    'with a prompt': '-m\nmodel.gguf\n-r\n\\n\n-p\nWhat is 5 € in dollars?\n...\n',
  };
  it.each(Object.entries(ordinary))('arguments %s', async (_, args) => {
    const entry = { name: '.args', content: Buffer.from(args) };
    expect(await loud(zipalignAppend(fixtureLlamafile(), [entry]))).toEqual(UNKNOWN);
  });
});

const shared = new URL('../../../shared/data/', import.meta.url);
const real = existsSync(shared) ? readdirSync(shared).filter((name) => name.endsWith('.gguf')) : [];

// The files are data of their own and not part of the project. Text was made of some: where a byte was no UTF-8 they hold the
// replacement character, so that their numbers and lengths are wrong. These are cases of another kind.
function isDamaged(content: Buffer): boolean {
  const at = content.indexOf('\ufffd');
  return at >= 0 && at < 1000;
}

describe.skipIf(real.length === 0)('real models (skipped where ../shared/data is not there)', () => {
  it.each(real)('%s', async (name) => {
    const content = readFileSync(new URL(name, shared));
    const entries = [
      { name, content },
      { name: '.args', content: Buffer.from(`-m\n${name}\n...\n`) },
    ];
    const file = zipalignAppend(fixtureBase(), entries);
    if (isDamaged(content)) expect((await judged(file)).error).toMatchObject({ code: 'malformed' });
    else expect(await loud(file)).toEqual(UNKNOWN);
  });
});
