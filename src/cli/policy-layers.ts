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
  const preset = choice.preset ?? preferences(context).preset;
  return loadPolicy({
    ...(preset === undefined ? {} : { preset }),
    userFile: join(userPaths(context.env, context.home).config, 'policy.yaml'),
    files: choice.files,
    flags: choice.flags ?? {},
    home: context.home,
    host: { memoryBytes: totalmem(), cpus: availableParallelism() },
  });
}
