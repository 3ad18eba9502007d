import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import { writeGguf } from '../../src/demo/gguf-writer.ts';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import { FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { paddock, scratch } from './paddock.ts';
import { cyclonedx, expectValid } from './schemas.ts';
import { everyOutcome } from './verify-files.ts';

const home = scratch();
const outcomes = join(home, 'outcomes');
mkdirSync(outcomes);
const names = Object.keys(everyOutcome(outcomes));
const validate = cyclonedx();

async function bom(...paths: string[]) {
  const env = { SOURCE_DATE_EPOCH: '1767323045' };
  const { stdout } = await paddock(['verify', '--cyclonedx', ...paths], { home, cwd: outcomes, env });
  const document = JSON.parse(stdout);
  expectValid(validate, document);
  return document;
}

it('every kind of outcome is as the schema of CycloneDX 1.6 says', async () => {
  const { components } = await bom(...names, 'absent');
  expect(components.map(({ name }: { name: string }) => name)).toEqual([...names, 'absent']);
});

it('so are well-formed files of every shape, each alone and all together', async () => {
  for (const kind of FIXTURE_KINDS) await bom(fixture(kind));
  await bom(...FIXTURE_KINDS.map((kind) => fixture(kind)));
});

it('one file is the subject, and the same document comes out each time', async () => {
  const document = await bom('pass.llamafile');
  expect(document.metadata).toMatchObject({
    timestamp: '2026-01-02T03:04:05.000Z',
    component: { type: 'application', name: 'pass.llamafile' },
  });
  const types = document.components.map(({ type }: { type: string }) => type);
  expect(types).toEqual(['application', 'machine-learning-model', 'file', 'file']);
  expect(await bom('pass.llamafile')).toEqual(document);
});

describe('what a model says of itself', () => {
  const text = (key: string, value: string) => [`general.${key}`, 'string', value] as const;
  const file = (...metadata: (readonly [string, 'string' | 'u32', string | number])[]): Buffer =>
    zipalignAppend(syntheticElf(), [
      {
        name: 'model.gguf',
        content: writeGguf({
          metadata: [['general.architecture', 'string', 'llama'], ...metadata] as never,
          tensors: [{ name: 't', dims: [4], type: 'F32', data: Buffer.alloc(16) }],
        }),
      },
    ]);
  const model = async (bytes: Buffer) => {
    writeFileSync(join(outcomes, 'm.llamafile'), bytes);
    const { components } = await bom('m.llamafile');
    return components.find(({ type }: { type: string }) => type === 'machine-learning-model');
  };

  it('licence, author, organization, base models, context length', async () => {
    const component = await model(
      file(
        text('name', 'Grass 1B'),
        text('license', 'apache-2.0'),
        text('license.link', 'https://example.org/licence'),
        text('author', 'somebody'),
        text('organization', 'Meadow'),
        ['general.base_model.count', 'u32', 1],
        text('base_model.0.name', 'Seed'),
        text('base_model.0.repo_url', 'https://example.org/seed'),
        ['llama.context_length', 'u32', 2048],
      ),
    );
    expect(component).toMatchObject({
      name: 'Grass 1B',
      licenses: [
        { license: { id: 'Apache-2.0', url: 'https://example.org/licence', acknowledgement: 'declared' } },
      ],
      authors: [{ name: 'somebody' }],
      manufacturer: { name: 'Meadow' },
      pedigree: { ancestors: [{ name: 'Seed', externalReferences: [{ url: 'https://example.org/seed' }] }] },
      modelCard: { modelParameters: { modelArchitecture: 'llama' } },
    });
    expect(component.properties).toContainEqual({ name: 'paddock:gguf:contextLength', value: '2048' });
    expect(component.properties).toContainEqual({ name: 'paddock:gguf:parameters', value: '4' });
  });

  it('a licence that SPDX does not know is a name, and what is no web address is no reference', async () => {
    const component = await model(
      file(
        text('license', 'other'),
        text('license.name', 'meadow licence 2'),
        text('license.link', 'javascript:alert(1)'),
        text('url', 'file:///etc/passwd'),
        text('repo_url', 'https://exa mple.org/'),
        ['general.base_model.count', 'u32', 4_000_000_000],
      ),
    );
    expect(component.licenses).toEqual([
      { license: { name: 'meadow licence 2', acknowledgement: 'declared' } },
    ]);
    expect(component).not.toHaveProperty('externalReferences');
    expect(component).not.toHaveProperty('pedigree');
  });

  it('empty and very long texts', async () => {
    const long = 'x'.repeat(50_000);
    const component = await model(file(text('name', ' '), text('license', long), text('description', long)));
    expect(component.name).toBe('model.gguf');
    expect(component.description).toHaveLength(1000);
  });
});
