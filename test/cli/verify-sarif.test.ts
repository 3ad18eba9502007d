import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FIXTURE_KINDS, fixture } from '../fixtures/llamafiles.ts';
import { paddock, scratch } from './paddock.ts';
import { expectValid, sarif } from './schemas.ts';
import { denied, everyOutcome } from './verify-files.ts';

const home = scratch();
const outcomes = join(home, 'outcomes');
mkdirSync(outcomes);
const names = Object.keys(everyOutcome(outcomes));
const validate = sarif();

interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly { readonly physicalLocation: Physical }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
}
interface Physical {
  readonly artifactLocation: { readonly uri: string };
  readonly region?: { readonly byteOffset: number; readonly byteLength?: number };
}
interface Run {
  readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
  readonly results: readonly Result[];
  readonly invocations: readonly [
    {
      readonly executionSuccessful: boolean;
      readonly exitCode: number;
      readonly toolExecutionNotifications?: readonly { readonly descriptor?: { readonly id: string } }[];
    },
  ];
}

async function run(...paths: string[]): Promise<Run> {
  const { stdout, code } = await paddock(['verify', '--sarif', ...paths], { home, cwd: outcomes });
  const log = JSON.parse(stdout);
  expectValid(validate, log);
  expect(log.runs[0].invocations[0].exitCode).toBe(code);
  return log.runs[0];
}

const uris = (result: Result): string[] =>
  result.locations.map((at) => at.physicalLocation.artifactLocation.uri);

it('every kind of outcome is as the schema of SARIF 2.1.0 says', async () => {
  const { results, invocations, tool } = await run(...names, 'absent');
  expect(invocations[0].executionSuccessful).toBe(false);
  const told = invocations[0].toolExecutionNotifications?.map(({ descriptor }) => descriptor?.id);
  expect(told).toEqual(['not-llamafile', 'not-llamafile', 'not-found']);
  const of = (name: string): Result[] => results.filter((result) => uris(result).includes(name));
  expect(of('malformed.llamafile')).toMatchObject([{ level: 'error' }]);
  expect(of('refused.llamafile').map(({ ruleId }) => ruleId)).toContain('trust.unknownLoader');
  expect(of('pass.llamafile').map(({ ruleId, level }) => [ruleId, level])).toEqual([['RUN-000', 'warning']]);
  for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
});

it('so are well-formed files of every shape, and each place is in the file', async () => {
  const { results, invocations } = await run(...FIXTURE_KINDS.map((kind) => fixture(kind)));
  expect(invocations[0].executionSuccessful).toBe(true);
  for (const result of results) expect(uris(result)[0]).toMatch(/^file:\/\/\/.*\.llamafile$/);
});

it('a fingerprint for each finding, the same each time', async () => {
  const [first, again] = [await run('denied.llamafile'), await run('denied.llamafile')];
  const prints = first.results.map(({ partialFingerprints }) => partialFingerprints['paddockFinding/v1']);
  expect(new Set(prints).size).toBe(prints.length);
  expect(again).toEqual(first);
});

it('paths are relative to the current folder, and encoded; names in the file make no links', async () => {
  const name = 'a #1?%41:ü.llamafile';
  writeFileSync(join(outcomes, name), denied());
  const { results } = await run(name);
  expect(new Set(results.flatMap(uris))).toEqual(new Set(['a%20%231%3F%2541%3A%C3%BC.llamafile']));
  for (const { message } of results) expect(message.text).not.toContain('](');
});

it('a folder without llamafiles is no success', async () => {
  mkdirSync(join(outcomes, 'empty'));
  const { invocations } = await run('empty');
  expect(invocations[0]).toMatchObject({ executionSuccessful: false, exitCode: 2 });
});
