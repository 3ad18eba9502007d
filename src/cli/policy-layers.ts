import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { userPaths } from '../lib/paths.ts';
import { loadPolicy } from '../policy/load.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { Context } from './context.ts';
import { preferences } from './preferences.ts';

export interface PolicyChoice {
  readonly files: readonly string[];
  readonly preset?: string | undefined;
  readonly flags?: Parameters<typeof loadPolicy>[0]['flags'];
}

/** All layers for this user, merged: preset, system, user, `--policy`, flags. */
export function effectivePolicy(context: Context, choice: PolicyChoice): EffectivePolicy {
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
