import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEAVES, leafPath } from '../../src/policy/layer.ts';
import { mergeLayers } from '../../src/policy/merge.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { presetLayers } from '../../src/policy/presets.ts';
import { anyLayers, layer, PARSE_HOST, partialPolicy } from './arbitrary.ts';
import { widened } from './widened.ts';

const DEFAULT = presetLayers('default', PARSE_HOST);
const manyLayers = fc.array(anyLayers, { maxLength: 4 }).map((all) => all.flat());
const ceilings = fc
  .tuple(anyLayers, partialPolicy)
  .map(([preset, values]) => [...DEFAULT, ...preset, layer('system', values)]);

describe('without a ceiling', () => {
  it('lets a later layer take the place of an earlier one, and says where each value is from', () => {
    const { policy, origins, rejected, hasCeiling } = mergeLayers({
      layers: [...DEFAULT, layer('user', { limits: { processes: 9 }, files: { read: ['/a'] } })],
      ceiling: 0,
    });
    expect(policy.limits.processes).toBe(9);
    expect(policy.limits.openFiles).toBe(1024);
    expect(origins.get('limits.processes')).toEqual({ layer: 'user' });
    expect(origins.get('limits.openFiles')).toMatchObject({ layer: 'default.yaml' });
    expect(rejected).toEqual([]);
    expect(hasCeiling).toBe(false);
  });

  it('adds what flags grant to what files grant', () => {
    const { policy } = mergeLayers({
      layers: [
        ...DEFAULT,
        layer('user', { files: { read: ['/a'] }, environment: { set: { A: '1' } } }),
        layer(
          'flags',
          { files: { read: ['/b', '/a'] }, environment: { pass: ['X'], set: { B: '2' } } },
          'add',
        ),
      ],
      ceiling: 0,
    });
    expect(policy.files.read).toEqual(['/a', '/b']);
    expect(policy.environment.set).toEqual({ A: '1', B: '2' });
    expect(policy.environment.pass).toEqual(expect.arrayContaining(['LANG', 'X']));
  });

  it('names every leaf and its origin, and equal policies have equal digests', () => {
    fc.assert(
      fc.property(manyLayers, (layers) => {
        const first = mergeLayers({ layers: [...DEFAULT, ...layers], ceiling: 0 });
        for (const [part, leaf] of LEAVES) expect(first.origins.has(leafPath(part, leaf))).toBe(true);
        const again = mergeLayers({
          layers: [...DEFAULT, ...layers, layer('same', first.policy)],
          ceiling: 0,
        });
        expect(again.digest).toBe(first.digest);
        expect(first.digest).toMatch(/^[0-9a-f]{64}$/);
      }),
      { numRuns: 100 },
    );
  });
});

describe('under a ceiling', () => {
  it('never permits what the ceiling does not, whatever comes later', () => {
    fc.assert(
      fc.property(ceilings, manyLayers, (system, later) => {
        const ceiling = mergeLayers({ layers: system, ceiling: system.length }).policy;
        const { policy } = mergeLayers({ layers: [...system, ...later], ceiling: system.length });
        expect(widened(ceiling, policy)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('takes a policy that is no wider as it is', () => {
    fc.assert(
      fc.property(ceilings, manyLayers, (system, later) => {
        const again = (values: Policy) =>
          mergeLayers({ layers: [...system, layer('again', values)], ceiling: system.length });
        const once = mergeLayers({ layers: [...system, ...later], ceiling: system.length });
        const twice = again(once.policy);
        expect(widened(once.policy, twice.policy)).toEqual([]);
        expect(again(twice.policy).policy).toEqual(twice.policy);
        expect(twice.rejected).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('tells what it did not allow, and who wanted it', () => {
    const system = [...DEFAULT, layer('/etc/paddock/policy.yaml', { limits: { processes: 64 } })];
    const { policy, rejected, origins, hasCeiling } = mergeLayers({
      layers: [...system, layer('mine.yaml', { limits: { processes: 128, openFiles: 16 } })],
      ceiling: system.length,
    });
    expect(policy.limits).toMatchObject({ processes: 64, openFiles: 16 });
    expect(rejected).toEqual([
      {
        path: 'limits.processes',
        wanted: '128',
        kept: '64',
        wantedBy: { layer: 'mine.yaml' },
        ceiling: { layer: '/etc/paddock/policy.yaml' },
      },
    ]);
    expect(origins.get('limits.processes')?.layer).toBe('/etc/paddock/policy.yaml');
    expect(origins.get('limits.openFiles')?.layer).toBe('mine.yaml');
    expect(hasCeiling).toBe(true);
  });

  it('lets users be their own administrators below it', () => {
    const system = [...DEFAULT, layer('system', { limits: { processes: 64 } })];
    const { policy, rejected } = mergeLayers({
      layers: [
        ...system,
        layer('mine', { limits: { processes: 8 } }),
        layer('flags', { limits: { processes: 32 } }, 'add'),
      ],
      ceiling: system.length,
    });
    expect(policy.limits.processes).toBe(32);
    expect(rejected).toEqual([]);
  });

  it.each(['default', 'strict', 'audit'])(
    'keeps what %s says where a system chose it and a user names it too',
    (name) => {
      const system = presetLayers(name, PARSE_HOST);
      const alone = mergeLayers({ layers: system, ceiling: system.length });
      const both = mergeLayers({ layers: [...system, ...system], ceiling: system.length });
      expect(both.policy).toEqual(alone.policy);
      expect(both.rejected).toEqual([]);
    },
  );

  it('refuses to be audited away', () => {
    const { policy, rejected } = mergeLayers({
      layers: [...DEFAULT, ...presetLayers('audit', PARSE_HOST)],
      ceiling: DEFAULT.length,
    });
    expect(policy.trust).toMatchObject({ refuse: ['tampered'], unknownLoader: 'refuse', findings: 'refuse' });
    expect(rejected.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['trust.refuse', 'trust.unknownLoader', 'trust.findings', 'arguments.deny']),
    );
  });

  it.each([
    ['a part of a folder', ['/a'], ['/a/b'], ['/a/b'], true],
    ['a folder around it', ['/a/b'], ['/a'], ['/a/b'], false],
    ['everything', ['/a', '/c'], ['/'], ['/a', '/c'], false],
    ['a way out by ..', ['/a'], ['/a/../c'], [], false],
    ['a name that only begins the same', ['/a'], ['/ab'], [], false],
    ['a slash at the end', ['/a/'], ['/a'], ['/a'], true],
  ])('grants of %s', (_, allowed, wanted, expected, whole) => {
    const system = [...DEFAULT, layer('system', { files: { read: allowed } })];
    const { policy, rejected } = mergeLayers({
      layers: [...system, layer('user', { files: { read: wanted } })],
      ceiling: system.length,
    });
    expect(policy.files.read).toEqual(expected);
    expect(rejected).toHaveLength(whole ? 0 : 1);
  });

  it('keeps the arguments of the ceiling last and in one piece', () => {
    const system = [...DEFAULT, layer('system', { arguments: { force: ['--gpu', 'disable'] } })];
    const { policy } = mergeLayers({
      layers: [...system, layer('user', { arguments: { force: ['--lang', 'disable'] } })],
      ceiling: system.length,
    });
    expect(policy.arguments.force).toEqual(['--lang', 'disable', '--gpu', 'disable']);
  });
});
