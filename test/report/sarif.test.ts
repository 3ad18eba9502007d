import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../../src/integrity/catalogue.ts';
import type { Finding } from '../../src/integrity/verdict.ts';
import { sarifLog } from '../../src/report/sarif.ts';
import { expectValid, sarif } from '../cli/schemas.ts';
import { FINDING, outcomeOf } from './outcomes.ts';

const validate = sarif();

interface Rule {
  readonly id: string;
  readonly shortDescription: { readonly text: string };
  readonly fullDescription: { readonly text: string };
  readonly help: { readonly text: string };
}

function resultsOf(...findings: Finding[]) {
  const outcomes = [outcomeOf({ standing: 'unknown', tier: 'C', findings })];
  const log = sarifLog({ outcomes, notices: [], exit: 1, version: '0.0.0', uri: (path) => path });
  expectValid(validate, log);
  return (
    log as { runs: [{ results: { partialFingerprints: object; locations: object[]; level: string }[] }] }
  ).runs[0].results;
}

it('the level follows the severity, and the region the place', () => {
  const severities = (['deny', 'warn', 'info'] as const).map((severity) => ({ ...FINDING, severity }));
  expect(resultsOf(...severities).map(({ level }) => level)).toEqual(['error', 'warning', 'note']);
  expect(resultsOf(FINDING)[0]?.locations).toEqual([
    {
      physicalLocation: {
        artifactLocation: { uri: 'x.llamafile' },
        region: { byteOffset: 16, byteLength: 4 },
      },
    },
  ]);
});

it('every check of the catalogue is a rule, with what it says, why it matters and what to do', () => {
  const log = sarifLog({ outcomes: [], notices: [], exit: 0, version: '0.0.0', uri: (path) => path });
  expectValid(validate, log);
  const { rules } = (log as { runs: [{ tool: { driver: { rules: Rule[] } } }] }).runs[0].tool.driver;
  expect(rules.map(({ id }) => id)).toEqual(Object.keys(CATALOGUE));
  for (const { shortDescription, fullDescription, help } of rules) {
    expect(fullDescription.text.length).toBeGreaterThanOrEqual(shortDescription.text.length);
    expect(help.text).toMatch(/^To do: \S.*docs\/checks\/[A-Z]+-\d+[a-z]?\.md tells more\.$/);
  }
});

it('a fingerprint tells check, place and detail apart', () => {
  const others: Finding[] = [
    FINDING,
    { ...FINDING, id: 'ZIP-051' },
    { ...FINDING, title: 'another' },
    { ...FINDING, evidence: { offset: 17 } },
    { ...FINDING, evidence: {} },
  ];
  const prints = resultsOf(...others).map(({ partialFingerprints }) => JSON.stringify(partialFingerprints));
  expect(new Set(prints).size).toBe(others.length);
});

it('whatever the findings say, the log is as the schema says', () => {
  const evidence = fc.record(
    { offset: fc.maxSafeNat(), length: fc.maxSafeNat(), expected: fc.string(), found: fc.string() },
    { requiredKeys: [] },
  );
  const finding = fc.record({
    id: fc.constantFrom('ZIP-050', 'RUN-000', 'XYZ-999'),
    severity: fc.constantFrom('deny', 'warn', 'info'),
    title: fc.string({ minLength: 1 }),
    evidence,
    remedy: fc.string(),
  });
  fc.assert(
    fc.property(fc.array(finding, { maxLength: 5 }), (findings) => {
      resultsOf(...(findings as Finding[]));
    }),
    { numRuns: 50 },
  );
});
