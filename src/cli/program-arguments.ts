import { readDotArgs, runtimeVersion } from '../integrity/dot-args.ts';
import type { Verdict } from '../integrity/verdict.ts';
import { type PreparedArguments, prepareArguments } from '../launch/arguments.ts';
import { containerArguments } from '../launch/container-arguments.ts';
import { type PreparedEnvironment, prepareEnvironment } from '../launch/environment.ts';
import { CONTAINER_PATH } from '../launch/launch-input.ts';
import { systemPaths } from '../launch/paths.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import type { Decision, EffectivePolicy, Policy } from '../policy/policy.ts';
import type { Context } from './context.ts';
import type { OpenEngine } from './engine.ts';
import type { Judged, JudgedBy } from './judged.ts';
import type { Speaker } from './speaker.ts';
import { judgedBy } from './trust-places.ts';

/** For whom the arguments are. */
export interface Asked {
  readonly judged: Judged;
  readonly decision: Extract<Decision, { outcome: 'allow' }>;
  readonly engine: OpenEngine | undefined;
  readonly directories: LaunchPlan['directories'];
}

/** By what a file is judged that is to be started with these arguments, under each policy that may come out. */
export function startedBy(
  context: Context,
  args: readonly string[],
): (effective: EffectivePolicy) => JudgedBy {
  return (effective) => ({
    ...judgedBy(context, effective),
    given: {
      user: args,
      append: effective.policy.arguments.force,
      environment: expectedEnvironment(context, effective.policy),
    },
  });
}

/**
 * What the policy makes of the arguments, for the file's own program or one of the release that `by` is of.
 * @throws PaddockError `refused`, `usage` as `prepareArguments` does.
 */
export function argumentsFor(
  context: Context,
  args: readonly string[],
  { anatomy, file }: Judged,
  effective: EffectivePolicy,
  { by, directories }: { readonly by: Verdict; readonly directories?: LaunchPlan['directories'] },
): PreparedArguments {
  const version = runtimeVersion(by);
  return prepareArguments({
    args,
    cwd: context.cwd,
    dotArgs: readDotArgs(anatomy, file.source),
    environment: expectedEnvironment(context, effective.policy, directories),
    ...(version === undefined ? {} : { version }),
    members: new Set(anatomy.zip?.members.map(({ name }) => name as string)),
    hasModel: anatomy.models.length > 0,
    effective,
    paths: systemPaths,
  });
}

/** The arguments of the program: of the file's own, or of the known engine that reads it. @throws as `prepareArguments` */
export function userArguments(
  context: Context,
  input: { readonly args: readonly string[] },
  { judged, decision, engine, directories }: Asked,
  say: Speaker,
): PreparedArguments {
  const { anatomy } = judged;
  const { verdict } = engine?.judged ?? judged;
  const prepared = argumentsFor(context, input.args, judged, decision.effective, {
    by: verdict,
    directories,
  });
  for (const line of prepared.warnings) say('warn', line);
  if (engine === undefined) return prepared;
  const version = runtimeVersion(verdict);
  const own = engine.judged.anatomy.zip?.members.map(({ name }) => name as string) ?? [];
  const args = containerArguments({
    line: prepared.line,
    path: CONTAINER_PATH,
    members: new Set(anatomy.zip?.members.map(({ name }) => name as string)),
    models: anatomy.models.flatMap(({ member }) => (member === undefined ? [] : [member as string])),
    own: new Set(own),
    ...(version === undefined ? {} : { version }),
  });
  return { ...prepared, args };
}

/** What variables in `.args` will become. Before the private folders are made, that they are paths is all that matters. */
export function expectedEnvironment(
  context: Context,
  policy: Policy,
  { home, tmp } = { home: '/private/home', tmp: '/private/tmp' },
): PreparedEnvironment['variables'] {
  return prepareEnvironment({
    policy: policy.environment,
    caller: context.env,
    home,
    tmp,
    execute: policy.files.execute.length > 0,
  }).variables;
}
