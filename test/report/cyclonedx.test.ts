import { expect, it } from 'vitest';
import type { Finding, Verdict } from '../../src/integrity/verdict.ts';
import { cyclonedxBom } from '../../src/report/cyclonedx.ts';
import type { Outcome } from '../../src/report/outcome.ts';
import { cyclonedx, expectValid } from '../cli/schemas.ts';
import { FINDING, outcomeOf } from './outcomes.ts';

const sha256 = 'ab'.repeat(32);
const RELEASE: Verdict = {
  ...{ standing: 'release', tier: 'A', release: 'llamafile-0.9.3', releaseLength: 50 },
  findings: [],
};

function bom(...outcomes: Outcome[]) {
  const document = cyclonedxBom({
    outcomes,
    version: '0.0.0',
    at: new Date(0),
    release: (artifact) => (artifact === 'llamafile-0.9.3' ? { sha256, version: '0.9.3' } : undefined),
  });
  expectValid(cyclonedx(), document);
  return document as { components: object[]; metadata: object; vulnerabilities?: object[] };
}

it('a release is named, with version and digest', () => {
  expect(bom(outcomeOf(RELEASE)).components[0]).toMatchObject({
    name: 'llamafile',
    version: '0.9.3',
    hashes: [{ alg: 'SHA-256', content: sha256 }],
    purl: 'pkg:github/mozilla-ai/llamafile@0.9.3',
  });
});

it('what was tampered with is not passed off as the release', () => {
  const [runtime] = bom(outcomeOf({ ...RELEASE, standing: 'tampered', findings: [FINDING] })).components;
  expect(runtime).not.toHaveProperty('hashes');
  expect(runtime).not.toHaveProperty('purl');
});

it('the digest of the file stands where it is known', () => {
  const digests = { sha256: 'cd'.repeat(32) };
  expect(bom(outcomeOf(RELEASE, { digests })).metadata).toMatchObject({
    component: { hashes: [{ alg: 'SHA-256', content: digests.sha256 }] },
  });
  expect(bom(outcomeOf(RELEASE)).metadata).not.toHaveProperty('component.hashes');
});

it('advisories about the runtime are vulnerabilities, other findings are not', () => {
  const found =
    'CVE-2024-32878 (a pointer (never set) is freed; twice); GHSA-p5mv-gjc5-mwqv (a read; not established for this release); TALOS-2024-1912 (a write)';
  const advisory: Finding = { ...FINDING, id: 'VER-001', severity: 'warn', evidence: { found } };
  const { vulnerabilities } = bom(outcomeOf({ ...RELEASE, findings: [advisory, FINDING] }));
  const affects = [{ ref: 'file-1/runtime' }];
  expect(vulnerabilities).toMatchObject([
    {
      id: 'CVE-2024-32878',
      source: { url: 'https://www.cve.org/CVERecord?id=CVE-2024-32878' },
      description: 'a pointer (never set) is freed; twice',
      affects,
    },
    { id: 'GHSA-p5mv-gjc5-mwqv', description: 'a read', analysis: { state: 'in_triage' }, affects },
    { id: 'TALOS-2024-1912', description: 'a write', affects },
  ]);
  expect(vulnerabilities?.[0]).not.toHaveProperty('analysis');
});

it('references within a document are unique', () => {
  const { components } = bom(outcomeOf(RELEASE, {}, 'a/x'), outcomeOf(RELEASE, {}, 'b/x'));
  const refs = JSON.stringify(components).match(/"bom-ref":"[^"]+"/g) ?? [];
  expect(refs.length).toBe(4);
  expect(new Set(refs).size).toBe(4);
});
