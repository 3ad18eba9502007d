import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { userPaths } from '../lib/paths.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load.ts';
import type { Context } from './context.ts';
import { preferences } from './preferences.ts';

export interface PolicyChoice {
  readonly files: readonly string[];
  readonly preset?: string | undefined;
  readonly flags?: Parameters<typeof loadPolicy>[0]['flags'];
}

/**
 * All layers for this user: preset, system, user, `--policy`, flags. `resolvePolicy` merges them, with what their rules say
 * of a file.
 */
export async function policyLayers(context: Context, choice: PolicyChoice): Promise<LoadedPolicy> {
  const preferred = preferences(context).preset;
  return loadPolicy({
    ...(choice.preset === undefined ? {} : { preset: choice.preset }),
    ...(preferred === undefined ? {} : { preferredPreset: preferred }),
    userFile: join(userPaths(context.env, context.home).config, 'policy.yaml'),
    files: choice.files,
    flags: choice.flags ?? {},
    home: context.home,
    uid: context.uid,
    host: { memoryBytes: totalmem(), cpus: availableParallelism() },
  });
}
