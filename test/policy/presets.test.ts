import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { describe, expect, it } from 'vitest';
import { presetModule, readPresets } from '../../bin/presets.js';
import { PRESETS } from '../../src/policy/preset-names.ts';
import { writtenPreset } from '../../src/policy/written-presets.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the shipped policies as data', () => {
  const parsed = Object.fromEntries(PRESETS.map((name) => [name, writtenPreset(name)]));

  it('are what is read from their files', async () => {
    const { writtenPreset: compiled } = await moduleOf(presetModule(parsed));
    for (const name of PRESETS) expect(compiled(name)).toStrictEqual(parsed[name]);
  });

  it('are read by the build as by the sources', async () => {
    expect(await readPresets(esbuild, ROOT, join(ROOT, 'dist'))).toStrictEqual(parsed);
  });

  it('keep the line and column of every value', () => {
    expect(parsed.default?.origins.get('limits.memoryBytes')).toMatchObject({ layer: 'default.yaml' });
    for (const { origins } of Object.values(parsed))
      for (const origin of origins.values())
        expect(origin).toMatchObject({ line: expect.any(Number), column: expect.any(Number) });
  });
});

function moduleOf(text: string): Promise<{ writtenPreset(name: string): unknown }> {
  return import(/* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
}
