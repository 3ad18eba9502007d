import { join } from 'node:path';
import { type BaselinePlaces, SYSTEM_BASELINES } from '../integrity/baselines/baseline.ts';
import type { SignatureLook } from '../integrity/signatures/examine.ts';
import { SYSTEM_TRUST, type TrustPlaces } from '../integrity/signatures/trust-file.ts';
import { userPaths } from '../lib/paths.ts';
import type { EffectivePolicy } from '../policy/policy.ts';
import type { Context } from './context.ts';
import type { JudgedBy } from './judged.ts';

/** Where this user's trust is kept. */
export function trustPlaces(context: Context): TrustPlaces {
  const { config } = userPaths(context.env, context.home);
  return { system: SYSTEM_TRUST, user: join(config, 'trust.json'), uid: context.uid };
}

/** The user's own signing key. */
export function ownKeyPath(context: Context): string {
  return join(userPaths(context.env, context.home).config, 'keys', 'own.pem');
}

/** Approvals that could not be put beside their file, by the file's SHA-256. */
export function approvalsFolder(context: Context): string {
  return join(userPaths(context.env, context.home).state, 'approvals');
}

/** Whole-file digests that were computed before. */
export function digestCachePath(context: Context): string {
  return join(userPaths(context.env, context.home).cache, 'digests.json');
}

/** Where this user's baselines and those of the machine are kept. */
export function baselinePlaces(context: Context): BaselinePlaces {
  const user = join(userPaths(context.env, context.home).data, 'baselines');
  return { system: SYSTEM_BASELINES, user, uid: context.uid };
}

/**
 * By what `run` and `verify` judge a file, under this policy. What the administrator demands rests on nothing that the user can
 * write: neither on digests that he remembers nor on releases that he learned. `remembered` false: digests are computed anew.
 */
export function judgedBy(context: Context, effective: EffectivePolicy, remembered = true): JudgedBy {
  const { cache, ...look } = signatureLook(context, effective);
  const believed = remembered && !effective.hasCeiling && cache !== undefined;
  return {
    look: believed ? { ...look, cache } : look,
    baselines: baselinesFor(context, effective),
  };
}

/** Whose baselines count under this policy. */
export function baselinesFor(context: Context, { hasCeiling }: EffectivePolicy): BaselinePlaces {
  return { ...baselinePlaces(context), ...(hasCeiling ? { systemOnly: true } : {}) };
}

/** What `run` and `verify` look for beside a file, under this policy. */
export function signatureLook(context: Context, { policy }: EffectivePolicy): SignatureLook {
  return {
    trust: trustPlaces(context),
    required: policy.trust.require,
    approvals: approvalsFolder(context),
    cache: digestCachePath(context),
    nowMs: context.now().getTime(),
  };
}
