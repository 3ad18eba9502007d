import { PaddockError } from '../lib/errors.ts';
import type { Layer } from './layer.ts';
import { nearest } from './nearest.ts';
import { layerOf, type ParseHost } from './partial.ts';
import { PRESETS } from './preset-names.ts';
import { writtenPreset } from './written-presets.ts';

/**
 * A shipped policy as layers, from the one that it rests on to itself.
 * @throws PaddockError `usage` for a name that is none.
 */
export function presetLayers(name: string, host: ParseHost): Layer[] {
  const preset = PRESETS.find((one) => one === name);
  if (preset === undefined) {
    const near = nearest(name, PRESETS);
    throw new PaddockError('usage', `there is no preset ${JSON.stringify(name)}`, {
      expected: PRESETS.join(', '),
      ...(near === undefined ? {} : { remedy: `did you mean \`${near}\`?` }),
    });
  }
  const policy = writtenPreset(preset);
  const layer = layerOf(policy, host);
  const base = policy.written.extends;
  if (base === undefined) return [layer];
  return [...presetLayers(base, host).map((below): Layer => ({ ...below, base: true })), layer];
}
