import { readDotArgs, runtimeVersion } from '../integrity/dot-args.ts';
import { type PreparedArguments, prepareArguments } from '../launch/arguments.ts';
import { containerArguments } from '../launch/container-arguments.ts';
import { type PreparedEnvironment, prepareEnvironment } from '../launch/environment.ts';
import { systemPaths } from '../launch/paths.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { CONTAINER_PATH } from '../launch/planner.ts';
import type { Decision, Policy } from '../policy/policy.ts';
import type { Context } from './context.ts';
import type { OpenEngine } from './engine.ts';
import type { Judged } from './judged.ts';
import type { Speaker } from './speaker.ts';

/** For whom the arguments are. */
export interface Asked {
  readonly judged: Judged;
  readonly decision: Extract<Decision, { outcome: 'allow' }>;
  readonly engine: OpenEngine | undefined;
  readonly directories: LaunchPlan['directories'];
}

/** The arguments of the program: of the file's own, or of the known engine that reads it. @throws as `prepareArguments` */
export function userArguments(
  context: Context,
  input: { readonly args: readonly string[] },
  { judged, decision, engine, directories }: Asked,
  say: Speaker,
): PreparedArguments {
  const { anatomy, file } = judged;
  const version = runtimeVersion((engine?.judged ?? judged).verdict);
  const prepared = prepareArguments({
    args: input.args,
    cwd: context.cwd,
    dotArgs: readDotArgs(anatomy, file.source),
    environment: expectedEnvironment(context, decision.effective.policy, directories),
    ...(version === undefined ? {} : { version }),
    members: new Set(anatomy.zip?.members.map(({ name }) => name as string)),
    hasModel: anatomy.models.length > 0,
    effective: decision.effective,
    paths: systemPaths,
  });
  for (const line of prepared.warnings) say('warn', line);
  if (engine === undefined) return prepared;
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
