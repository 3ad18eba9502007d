import audit from '../../policies/audit.yaml';
import standard from '../../policies/default.yaml';
import gpuServer from '../../policies/gpu-server.yaml';
import offlineChat from '../../policies/offline-chat.yaml';
import sharedServer from '../../policies/shared-server.yaml';
import strict from '../../policies/strict.yaml';
import { PaddockError } from '../lib/errors.ts';
import { originsBelow } from './origins.ts';
import { checkPolicy } from './parse.ts';
import type { WrittenPolicy } from './partial.ts';
import type { PRESETS } from './preset-names.ts';

type Name = (typeof PRESETS)[number];

const TEXTS: Readonly<Record<Name, string>> = {
  default: standard,
  strict,
  audit,
  'shared-server': sharedServer,
  'offline-chat': offlineChat,
  'gpu-server': gpuServer,
};

/**
 * A shipped policy, read and checked. In the built product this module is replaced by what it gives for each name
 * (`bin/presets.js`), so that a start reads no YAML.
 */
export function writtenPreset(name: Name): WrittenPolicy {
  const title = `${name}.yaml`;
  const checked = checkPolicy(TEXTS[name], title);
  if ('problems' in checked) throw checked.problems[0] ?? new PaddockError('internal', 'no problem');
  const { file, written } = checked;
  // What stands at a place of the text cannot be kept as data.
  if (written.rules !== undefined) throw new PaddockError('internal', `the preset ${title} has rules`);
  return { name: title, written, origins: originsBelow(file, file.document.contents) };
}
