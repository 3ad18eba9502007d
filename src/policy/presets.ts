import audit from '../../policies/audit.yaml';
import standard from '../../policies/default.yaml';
import gpuServer from '../../policies/gpu-server.yaml';
import offlineChat from '../../policies/offline-chat.yaml';
import sharedServer from '../../policies/shared-server.yaml';
import strict from '../../policies/strict.yaml';
import { PaddockError } from '../lib/errors.ts';
import type { Layer } from './layer.ts';
import { nearest } from './nearest.ts';
import { type ParseHost, parsePolicy } from './parse.ts';
import { PRESETS } from './preset-names.ts';

const TEXTS: Readonly<Record<(typeof PRESETS)[number], string>> = {
  default: standard,
  strict,
  audit,
  'shared-server': sharedServer,
  'offline-chat': offlineChat,
  'gpu-server': gpuServer,
};

/**
 * A shipped policy as layers, from the one that it rests on to itself.
 * @throws PaddockError `usage` for a name that is none.
 */
export function presetLayers(name: string, host: ParseHost): Layer[] {
  const text = Object.hasOwn(TEXTS, name) ? TEXTS[name as keyof typeof TEXTS] : undefined;
  if (text === undefined) {
    const near = nearest(name, PRESETS);
    throw new PaddockError('usage', `there is no preset ${JSON.stringify(name)}`, {
      expected: PRESETS.join(', '),
      ...(near === undefined ? {} : { remedy: `did you mean \`${near}\`?` }),
    });
  }
  const { layer, extends: base } = parsePolicy(text, `${name}.yaml`, host);
  if (base === undefined) return [layer];
  return [...presetLayers(base, host).map((below): Layer => ({ ...below, base: true })), layer];
}
