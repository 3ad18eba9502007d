import { type CommandLine, commandLines, readDotArgs, runtimeVersion } from '../../integrity/dot-args.ts';
import { wantsServer } from '../../integrity/modes.ts';
import type { Facts, VariableName } from '../../policy/conditions/variables.ts';
import type { FileFactsInput } from './file.ts';
import { loadedModel, modelFacts } from './model.ts';

/**
 * What the file would be started with. Where nobody knows how `.args` is read, each way counts: what they agree on is
 * known. What the policy appends is left out, as rules decide about that.
 */
export function startFacts(input: FileFactsInput): Facts['values'] {
  const { needs, judged, by } = input;
  if (![...needs].some(isAboutStart)) return {};
  const { anatomy, file, verdict } = judged;
  const dotArgs = readDotArgs(anatomy, file.source);
  // Without knowing what the program is told, nothing of this is known.
  if (dotArgs.some(({ bytes }) => bytes === undefined)) return { 'model.known': false };
  const version = runtimeVersion(verdict);
  const lines = commandLines(dotArgs, version, by.given ?? {});
  const given = lines.map(givenOf);
  const [first] = given;
  const agreed = given.every((one) => JSON.stringify(one) === JSON.stringify(first));
  const environment = by.given?.environment ?? {};
  return {
    ...(agreed && first !== undefined ? { arguments: first } : {}),
    'network.serve': lines.some(({ tokens }) => wantsServer(tokens, anatomy.models.length > 0, version)),
    ...modelFacts(loadedModel({ lines, anatomy, environment, cwd: input.cwd })),
  };
}

function isAboutStart(name: VariableName): boolean {
  return name === 'arguments' || name === 'network.serve' || name.startsWith('model.');
}

function givenOf({ tokens }: CommandLine): string[] {
  return tokens.filter(({ origin }) => origin.from !== 'policy').map(({ text }) => text);
}
