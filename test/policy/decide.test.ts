import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalFlag, parseFlags } from '../../src/integrity/flags.ts';
import type { Finding, Verdict } from '../../src/integrity/verdict.ts';
import { decide } from '../../src/policy/decide.ts';
import type { PartialPolicy } from '../../src/policy/layer.ts';
import { mergeLayers } from '../../src/policy/merge.ts';
import { parsePolicy } from '../../src/policy/parse.ts';
import type { Decision } from '../../src/policy/policy.ts';
import { PRESETS } from '../../src/policy/preset-names.ts';
import { presetLayers } from '../../src/policy/presets.ts';
import { layer, PARSE_HOST } from './arbitrary.ts';

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
    expect(policy.files).toMatchObject({ read: [], write: [], execute: [] });
    expect(policy.network).toMatchObject(
      preset === 'offline-chat'
        ? { mode: 'none', listen: [], connect: [] }
        : { mode: 'auto', listen: ['127.0.0.1', '::1', 'localhost'], connect: [] },
    );
    // Programs: none may be started at any time, so that only what a user grants would be closed by `exec`.
    expect(policy.files.execute).toEqual([]);
    expect(policy.phases.ready).toEqual(expect.arrayContaining(['listen', 'map']));
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

describe('severities', () => {
  const judged = (checks: string, verdict: Verdict = UNKNOWN, ceiling = '') => {
    const parsed = (text: string) =>
      parsePolicy(`apiVersion: paddock/v1\nchecks: ${text}\n`, 'p.yaml', PARSE_HOST);
    const preset = presetLayers('default', PARSE_HOST);
    const system = ceiling === '' ? [] : [...preset, parsed(ceiling).layer];
    const layers = [...(ceiling === '' ? preset : system), parsed(checks).layer];
    return decide({ effective: mergeLayers({ layers, ceiling: system.length }), verdict });
  };
  const AGREED = '{ ZIP-020: { severity: info, reason: our own builds have it } }';

  it('are raised by a word', () => {
    const refused = judged('{ RUN-000: deny }');
    expect(refused.outcome === 'refuse' && refused.reasons.map(({ id }) => id)).toEqual(['RUN-000']);
    expect(refused.verdict.findings).toMatchObject([{ id: 'RUN-000', severity: 'deny' }]);
    expect(judged('{ ZIP-052: deny }').outcome).toBe('allow');
  });

  it('are lowered with a reason, which is kept', () => {
    expect(judged('{}', SPOILED).verdict.findings[0]).toMatchObject({ id: 'ZIP-020', severity: 'deny' });
    const decision = judged(AGREED, SPOILED);
    expect(decision.verdict.findings.find(({ id }) => id === 'ZIP-020')).toMatchObject({ severity: 'info' });
    expect(decision.lowered).toMatchObject([
      {
        id: 'ZIP-020',
        from: 'deny',
        to: 'info',
        reason: 'our own builds have it',
        origin: { layer: 'p.yaml' },
      },
    ]);
  });

  it.each([
    '{ ZIP-020: warn }',
    '{ ZIP-020: { severity: warn } }',
    '{ ZIP-020: { severity: warn, reason: "" } }',
    '{ ZIP-032: { severity: warn, reason: what the reader refuses } }',
  ])('are not lowered by %s', (checks) => {
    expect(() => judged(checks)).toThrow(/impossible for checks/);
  });

  it('are not lowered by a user under an administrator’s policy, who may', () => {
    const decision = judged(AGREED, SPOILED, '{}');
    expect(decision.verdict.findings[0]).toMatchObject({ id: 'ZIP-020', severity: 'deny' });
    expect(decision.lowered).toEqual([]);
    expect(decision.effective.rejected).toMatchObject([{ path: 'checks' }]);
    expect(judged('{}', SPOILED, AGREED).lowered).toHaveLength(1);
  });

  it('stay where something was not judged to its end', () => {
    const unfinished = SPOILED.findings.map((one) => ({ ...one, incomplete: true as const }));
    expect(judged(AGREED, { ...SPOILED, findings: unfinished }).lowered).toEqual([]);
  });
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

describe('what must vouch for a file', () => {
  const seen = (anchor: 'system' | 'user', state: 'trusted' | 'expired' = 'trusted') =>
    ({ file: 'a.sig', method: 'minisign', covers: 'the file', state, anchor, signer: 'ada' }) as const;
  const required = (system: readonly string[], user: readonly string[], verdict: Verdict): Decision => {
    const own = { trust: { require: user } } as PartialPolicy;
    const top = { trust: { require: system } } as PartialPolicy;
    const base = presetLayers('default', PARSE_HOST);
    const ceiling = system.length === 0 ? [] : [...base, layer('system', top)];
    const layers = [
      ...(ceiling.length === 0 ? base : ceiling),
      ...(user.length === 0 ? [] : [layer('user', own)]),
    ];
    return decide({ effective: mergeLayers({ layers, ceiling: ceiling.length }), verdict });
  };
  const by = (anchor: 'system' | 'user'): Verdict => ({
    ...RELEASE,
    signatures: [seen(anchor)],
    approvals: [],
  });

  it('is nothing, unless a policy says so', () => {
    expect(required([], [], RELEASE).outcome).toBe('allow');
  });

  it('is refused where it is not there, was not looked for, or does not count', () => {
    const expired: Verdict = { ...RELEASE, signatures: [seen('user', 'expired')] };
    for (const verdict of [RELEASE, expired, { ...RELEASE, signatures: [], approvals: [seen('user')] }]) {
      const decision = required([], ['signature'], verdict);
      expect(decision).toMatchObject({ outcome: 'refuse', reasons: [{ id: 'trust.require' }] });
    }
  });

  it('is each of those that are asked for', () => {
    expect(required([], ['signature'], by('user')).outcome).toBe('allow');
    const both = required([], ['signature', 'approval'], by('user'));
    expect(both).toMatchObject({
      outcome: 'refuse',
      reasons: [{ message: expect.stringContaining('approval') }],
    });
    const approved = { ...by('user'), approvals: [seen('user')] };
    expect(required([], ['signature', 'approval'], approved).outcome).toBe('allow');
  });

  it('is only given by signers of the system where the system asks', () => {
    expect(required(['signature'], [], by('system')).outcome).toBe('allow');
    const own = required(['signature'], [], by('user'));
    expect(own).toMatchObject({
      outcome: 'refuse',
      reasons: [
        {
          message: expect.stringContaining('only you trust ada'),
          remedy: expect.stringContaining('administrator'),
        },
      ],
    });
    expect(
      required(['signature'], ['approval'], { ...by('system'), approvals: [seen('user')] }).outcome,
    ).toBe('allow');
  });

  it('cannot be left out by a user', () => {
    const effective = mergeLayers({
      layers: [
        ...presetLayers('default', PARSE_HOST),
        layer('system', { trust: { require: ['approval'] } }),
        layer('user', { trust: { require: [] } }),
      ],
      ceiling: 2,
    });
    expect(effective.policy.trust.require).toEqual(['approval']);
    expect(effective.rejected).toMatchObject([{ path: 'trust.require' }]);
  });

  it('holds where findings are only recorded', () => {
    const effective = mergeLayers({
      layers: [...presetLayers('audit', PARSE_HOST), layer('user', { trust: { require: ['signature'] } })],
      ceiling: 0,
    });
    expect(decide({ effective, verdict: RELEASE }).outcome).toBe('refuse');
  });
});

it('the default policy denies on the command line what no file may bring along', () => {
  const { deny } = ask('default', RELEASE).effective.policy.arguments;
  const known = new Set(deny.map(canonicalFlag));
  const text = readFileSync(new URL('../../src/integrity/data/flags.tsv', import.meta.url), 'utf8');
  // Names for all that begin so, and ready-made choices of weights to fetch, are for files only.
  const flags = parseFlags(text).filter(
    (flag) => flag.class === 'deny' && !/(\*|-default|-spec)$/.test(flag.name),
  );
  expect(flags.filter(({ name }) => !known.has(canonicalFlag(name)))).toEqual([]);
});
