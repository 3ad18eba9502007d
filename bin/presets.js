// The shipped policies as data: what src/policy/written-presets.ts gives for each, so that a start need not read YAML.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const MODULE = /[/\\]src[/\\]policy[/\\]written-presets\.ts$/;

/**
 * A plugin for esbuild that puts a module of data in the place of the one that reads the files.
 * @param scratch folder in which a file may be made for a moment.
 */
export async function compiledPresets(esbuild, root, scratch) {
  const contents = presetModule(await readPresets(esbuild, root, scratch));
  return {
    name: 'compiled-presets',
    setup: (build) => build.onLoad({ filter: MODULE }, () => ({ contents, loader: 'js' })),
  };
}

/** Name → the preset as `writtenPreset` gives it. @throws PaddockError for one that is not valid. */
export async function readPresets(esbuild, root, scratch) {
  const outfile = join(scratch, `presets-${process.pid}.mjs`);
  const contents = `
    export { PRESETS } from './src/policy/preset-names.ts';
    export { writtenPreset } from './src/policy/written-presets.ts';`;
  try {
    await esbuild.build({
      stdin: { contents, resolveDir: root },
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      loader: { '.tsv': 'text', '.yaml': 'text' },
      outfile,
      logLevel: 'warning',
    });
    const { PRESETS, writtenPreset } = await import(pathToFileURL(outfile).href);
    return Object.fromEntries(PRESETS.map((name) => [name, writtenPreset(name)]));
  } finally {
    rmSync(outfile, { force: true });
  }
}

/** The module's text. JSON has no maps: origins are a list of pairs there. */
export function presetModule(presets) {
  const plain = Object.entries(presets).map(([name, preset]) => [
    name,
    { ...preset, origins: [...preset.origins] },
  ]);
  const text = JSON.stringify(JSON.stringify(Object.fromEntries(plain)));
  return `const PRESETS = JSON.parse(${text});
export function writtenPreset(name) {
  const preset = PRESETS[name];
  return { ...preset, origins: new Map(preset.origins) };
}
`;
}
