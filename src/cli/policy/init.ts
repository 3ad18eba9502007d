import { lstatSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { PaddockError } from '../../lib/errors.ts';
import { makeFolders, userPaths } from '../../lib/paths.ts';
import { escapeText } from '../../lib/text.ts';
import { examinePolicy } from '../../policy/parse.ts';
import { PRESETS } from '../../policy/preset-names.ts';
import { presetLayers } from '../../policy/presets.ts';
import type { CallerStreams } from '../../terminal/streams.ts';
import { type Context, EXIT } from '../context.ts';
import { writeOutput } from '../write-output.ts';

export interface InitInput {
  readonly preset?: string;
  /** `-` is standard output; the user's own policy when it is left out. */
  readonly output?: string;
  readonly force?: boolean;
}

/**
 * `paddock policy init`: writes a commented policy, from a preset or from answers. What it writes has passed `policy check`.
 * @throws PaddockError `usage` without a terminal or a preset, and for a file that is there already.
 */
export async function run(context: Context, input: InitInput, streams: CallerStreams): Promise<number> {
  const own = join(userPaths(context.env, context.home).config, 'policy.yaml');
  const output = input.output ?? own;
  if (output !== '-' && input.force !== true) refuseTaken(resolve(context.cwd, output));
  const host = { memoryBytes: totalmem(), home: context.home };
  if (input.preset !== undefined) presetLayers(input.preset, host); // a name that is none is told here
  const answers = input.preset === undefined ? await ask(context, streams) : { preset: input.preset };
  const text = policyText(answers);
  const result = examinePolicy(text, 'the new policy', host);
  if ('problems' in result) throw result.problems[0];
  if (output === own) makeFolders(dirname(own), 0o700);
  writeOutput(context, output, text);
  if (output !== '-') tell(context, output, output === own);
  return EXIT.ok;
}

function tell(context: Context, output: string, isOwn: boolean): void {
  const shown = escapeText(output, 4096);
  context.stderr.write(`paddock: wrote ${shown}\n`);
  context.stderr.write(
    isOwn
      ? '  `paddock run` reads it from now on; `paddock policy show` tells what it comes to\n'
      : `  \`paddock run --policy ${shown} …\` uses it; \`paddock policy check ${shown}\` after each change\n`,
  );
}

function refuseTaken(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  throw new PaddockError('usage', 'there is a policy already', {
    where: escapeText(path, 4096),
    remedy: 'change it, or write over it with `--force`, or name another file with `--output`',
  });
}

/** What was answered, as the policy file will say it. */
export interface Answers {
  readonly preset: string;
  readonly ports?: string;
  readonly memory?: string;
  readonly folders?: readonly string[];
}

const PURPOSES: readonly { readonly preset: (typeof PRESETS)[number]; readonly what: string }[] = [
  { preset: 'default', what: 'models of my own, at the terminal or as a server for this machine' },
  { preset: 'offline-chat', what: 'chats at the terminal, without any network' },
  { preset: 'strict', what: 'published releases only, nothing unknown' },
  { preset: 'shared-server', what: 'a machine that several people share' },
  { preset: 'gpu-server', what: 'a server that computes on a graphics card' },
  { preset: 'audit', what: 'watching only: everything is recorded, nothing is refused for its content' },
];

async function ask(context: Context, streams: CallerStreams): Promise<Answers> {
  if (!streams.isTerminal[0] || !streams.isTerminal[2]) {
    throw new PaddockError('usage', 'there is nobody to ask: standard input is no terminal', {
      remedy: `name a preset: \`paddock policy init --preset default\` (${PRESETS.join(', ')})`,
    });
  }
  const prompt = createInterface({ input: streams.stdin(), output: streams.stderr() });
  try {
    const question = (text: string): Promise<string> => prompt.question(text);
    return await interview(question, (line) => context.stderr.write(`${line}\n`));
  } finally {
    prompt.close();
  }
}

/** The questions, one after the other; an empty answer takes what stands in brackets. */
export async function interview(
  question: (text: string) => Promise<string>,
  say: (line: string) => void,
): Promise<Answers> {
  say('What will run under this policy?');
  for (const [index, { preset, what }] of PURPOSES.entries()) say(`  ${index + 1}  ${what} (${preset})`);
  const choice = await until(question, say, 'number [1]: ', '1', (text) =>
    PURPOSES[Number(text) - 1] === undefined ? `expected: a number from 1 to ${PURPOSES.length}` : undefined,
  );
  const preset = PURPOSES[Number(choice) - 1]?.preset ?? 'default';
  const asked = (key: string) => (text: string) => fault({ preset, [key]: text });
  const serves = preset !== 'offline-chat';
  const ports = serves
    ? await until(
        question,
        say,
        'ports on which a server may listen, such as 8080-8090 [as the preset says]: ',
        '',
        asked('ports'),
      )
    : '';
  const memory = await until(
    question,
    say,
    'memory of a session, such as 8GiB or 75% [as the preset says]: ',
    '',
    asked('memory'),
  );
  const folders = await until(
    question,
    say,
    'folders that it may read, separated by commas [none]: ',
    '',
    (text) => fault({ preset, folders: listed(text) }),
  );
  return {
    preset,
    ...(ports === '' ? {} : { ports }),
    ...(memory === '' ? {} : { memory }),
    ...(folders === '' ? {} : { folders: listed(folders) }),
  };
}

const MAX_ASKED = 10;

async function until(
  question: (text: string) => Promise<string>,
  say: (line: string) => void,
  text: string,
  fallback: string,
  wrong: (answer: string) => string | undefined,
): Promise<string> {
  for (let asked = 0; asked < MAX_ASKED; asked++) {
    const given = (await question(text)).trim();
    const answer = given === '' ? fallback : given;
    const why = answer === '' ? undefined : wrong(answer);
    if (why === undefined) return answer;
    say(`  ${why}`);
  }
  throw new PaddockError('usage', 'no answer could be used', {
    remedy: 'try `paddock policy init --preset default`',
  });
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** What the policy check says against an answer; undefined when nothing. */
function fault(answers: Answers): string | undefined {
  const result = examinePolicy(policyText(answers), 'answer', { memoryBytes: 2 ** 34, home: '/' });
  if (!('problems' in result)) return undefined;
  const [first] = result.problems;
  return `expected: ${first?.detail.expected ?? first?.message}`;
}

/** The policy file. Values are written as JSON, which is YAML whatever was typed. */
export function policyText({ preset, ports, memory, folders }: Answers): string {
  const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(ports ?? '');
  const shown = range === null ? JSON.stringify(ports) : `[${range[1]}, ${range[2] ?? range[1]}]`;
  return [
    '# Made by `paddock policy init`. What is not said here is as in the preset; `paddock policy show` tells all values, and',
    '# `paddock policy check` is to be asked after each change. `paddock policy schema` helps editors.',
    'apiVersion: paddock/v1',
    `extends: ${preset}`,
    '',
    ...(ports === undefined ? [] : ['network:', `  ports: ${shown}`, '']),
    ...(folders === undefined
      ? ['# Folders that every model may read:', '# files:', '#   read: [~/documents]', '']
      : ['files:', `  read: ${JSON.stringify(folders)}`, '']),
    ...(memory === undefined
      ? ['# Limits of one session:', '# limits:', '#   memory: 8GiB', '#   time: 2h', '']
      : ['limits:', `  memory: ${JSON.stringify(memory)}`, '']),
    '# Rules for some files or hours only:',
    '# rules:',
    '#   - name: large models run alone',
    '#     when: model.parameters > 20000000000',
    '#     then: { sessions: { perUser: 1 } }',
  ]
    .join('\n')
    .concat('\n');
}
