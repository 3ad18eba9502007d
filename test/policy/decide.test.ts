import { describe, expect, it } from 'vitest';
import type { Finding, Verdict } from '../../src/integrity/verdict.ts';
import { decide } from '../../src/policy/decide.ts';
import { mergeLayers } from '../../src/policy/merge.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import type { Decision } from '../../src/policy/policy.ts';
import { PRESETS, presetLayers } from '../../src/policy/presets.ts';
import { PARSE_HOST } from './arbitrary.ts';

const finding = (severity: Finding['severity'], id: string): Finding => ({
  id,
  severity,
  title: `what ${id} says`,
  evidence: { offset: 16 },
  remedy: 'do something',
});
const RELEASE: Verdict = { standing: 'release', tier: 'A', release: 'llamafile-0.9.3', findings: [] };
const UNKNOWN: Verdict = { standing: 'unknown', tier: 'C', findings: [finding('warn', 'RUN-000')] };
const TAMPERED: Verdict = { standing: 'tampered', tier: 'A', findings: [finding('deny', 'ZIP-050')] };
const SPOILED: Verdict = { ...UNKNOWN, findings: [finding('deny', 'ZIP-020'), finding('info', 'X-001')] };

function ask(preset: string, verdict: Verdict): Decision {
  return decide({
    effective: mergeLayers({ layers: presetLayers(preset, PARSE_HOST), ceiling: 0 }),
    verdict,
  });
}

describe('shipped policies', () => {
  it.each([
    ['default', 'allow', 'allow', 'refuse', 'refuse'],
    ['strict', 'allow', 'refuse', 'refuse', 'refuse'],
    ['audit', 'allow', 'allow', 'allow', 'allow'],
  ])('%s', (preset, ...expected) => {
    const outcomes = [RELEASE, UNKNOWN, TAMPERED, SPOILED].map((verdict) => ask(preset, verdict).outcome);
    expect(outcomes).toEqual(expected);
  });

  it.each([...PRESETS])('%s keeps the fence up', (preset) => {
    const { policy } = ask(preset, RELEASE).effective;
    expect(policy.require).toEqual(
      expect.arrayContaining(['no-new-privileges', 'seccomp', 'seccomp-notify', 'landlock-files']),
    );
    expect(policy.files).toEqual({ read: [], write: [], execute: [] });
    expect(policy.network.mode).toBe('auto');
    expect(policy.network.listen).toEqual(['127.0.0.1', '::1', 'localhost']);
  });
});

it('warns of an unknown runtime, and of nothing where there is nothing', () => {
  const unknown = ask('default', UNKNOWN);
  expect(unknown.outcome === 'allow' && unknown.warnings.map(({ id }) => id)).toEqual(['RUN-000']);
  const release = ask('default', RELEASE);
  expect(release.outcome === 'allow' && release.warnings).toEqual([]);
});

it('records what it does not refuse', () => {
  const audited = ask('audit', TAMPERED);
  expect(audited.outcome === 'allow' && audited.warnings.map(({ id }) => id)).toEqual(['ZIP-050']);
});

it('names every reason, what would allow it, and the line of the policy', () => {
  const refused = ask('strict', SPOILED);
  if (refused.outcome !== 'refuse') throw new Error('allowed');
  expect(refused.reasons.map(({ id }) => id)).toEqual(['trust.refuse', 'ZIP-020']);
  expect(refused.reasons[0]?.origin).toMatchObject({ layer: 'strict.yaml', line: expect.any(Number) });
  expect(refused.reasons[1]).toMatchObject({
    message: 'what ZIP-020 says (byte 16)',
    remedy: 'do something',
  });
});

it('refuses a tier that the policy does not list', () => {
  const effective = mergeLayers({
    layers: [
      ...presetLayers('default', PARSE_HOST),
      { name: 'mine', values: { trust: { tiers: ['A'] } }, origins: new Map(), lists: 'replace' },
    ],
    ceiling: 0,
  });
  const refused = decide({ effective, verdict: UNKNOWN });
  expect(refused.outcome === 'refuse' && refused.reasons).toMatchObject([
    { id: 'trust.tiers', message: expect.stringContaining('tier C'), origin: { layer: 'mine' } },
  ]);
});

it('raises the severity of a check, and lowers none', () => {
  const raised = (checks: string) =>
    decide({
      effective: mergeLayers({
        layers: [
          ...presetLayers('default', PARSE_HOST),
          parsePolicy(`apiVersion: paddock/v1\nchecks: ${checks}\n`, 'p.yaml', PARSE_HOST).layer,
        ],
        ceiling: 0,
      }),
      verdict: UNKNOWN,
    });
  const refused = raised('{ RUN-000: deny }');
  expect(refused.outcome === 'refuse' && refused.reasons.map(({ id }) => id)).toEqual(['RUN-000']);
  expect(refused.verdict.findings).toMatchObject([{ id: 'RUN-000', severity: 'deny' }]);
  expect(raised('{ ZIP-052: deny }').outcome).toBe('allow');
  expect(
    decide({ effective: raised('{ ZIP-020: warn }').effective, verdict: SPOILED }).verdict.findings[0],
  ).toMatchObject({ id: 'ZIP-020', severity: 'deny' });
});

describe('an address that a file asks for', () => {
  const asking = (listen: string): Verdict => ({
    ...RELEASE,
    findings: [{ ...finding('deny', 'ARG-012'), asks: { listen } }],
  });
  const answer = (listen: string, policy: string) => {
    const { layer } = parsePolicy(`apiVersion: paddock/v1\n${policy}`, 'mine.yaml', PARSE_HOST);
    const layers = [...presetLayers('default', PARSE_HOST), layer];
    return decide({ effective: mergeLayers({ layers, ceiling: 0 }), verdict: asking(listen) });
  };

  it('is a note where the policy lists that very address', () => {
    const granted = answer('0.0.0.0', 'network: { listen: [0.0.0.0] }');
    expect(granted).toMatchObject({ outcome: 'allow', warnings: [] });
    expect(granted.verdict.findings).toMatchObject([{ id: 'ARG-012', severity: 'info' }]);
  });

  it.each([
    ['0.0.0.0', ''],
    ['10.0.0.1', 'network: { listen: [0.0.0.0] }'],
    ['somewhere', 'network: { listen: [somewhere] }'], // a name is no address
    ['0.0.0.0', 'network: { listen: [0.0.0.0] }\nchecks: { ARG-012: deny }'],
  ])('%s is refused with %j', (listen, policy) => {
    expect(answer(listen, policy).outcome).toBe('refuse');
  });
});
