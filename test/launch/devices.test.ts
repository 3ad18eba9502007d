import { describe, expect, it } from 'vitest';
import { type Card, DRIVERS, deviceGrants } from '../../src/launch/devices.ts';
import { RIGHT_EXECUTE, RIGHT_WRITE } from '../../src/launch/operations.ts';
import type { Policy } from '../../src/policy/policy.ts';

const CARDS: readonly Card[] = [
  { kind: 'nvidia', number: 0, nodes: ['/dev/nvidia0'] },
  { kind: 'nvidia', number: 1, nodes: ['/dev/nvidia1'] },
  { kind: 'amd', number: 0, nodes: ['/dev/dri/renderD128'] },
];

function nodes(devices: Policy['devices'], cards = CARDS): string[] {
  return deviceGrants(devices, cards)
    .grants.filter(({ path, deviceControl }) => path.startsWith('/dev/') && deviceControl === true)
    .map(({ path }) => path);
}

describe('graphics cards', () => {
  it('none by default: no node, no library of a driver', () => {
    expect(deviceGrants({ gpu: 'none', cards: null }, CARDS)).toEqual({
      grants: [],
      cards: [],
      warnings: [],
    });
  });

  it('one card is one node beside those that all share', () => {
    expect(nodes({ gpu: 'nvidia', cards: [1] })).toEqual([...DRIVERS.nvidia.shared, '/dev/nvidia1']);
    expect(nodes({ gpu: 'amd', cards: null })).toEqual(['/dev/kfd', '/dev/dri/renderD128']);
  });

  it('all of what the machine has', () => {
    const all = nodes({ gpu: 'auto', cards: null });
    expect(all.filter((path) => /nvidia\d|renderD/.test(path))).toEqual([
      '/dev/nvidia0',
      '/dev/nvidia1',
      '/dev/dri/renderD128',
    ]);
  });

  it('never a folder of nodes, a display, or a whole tree of processes', () => {
    const { grants } = deviceGrants({ gpu: 'auto', cards: null }, CARDS);
    const paths = grants.map(({ path }) => path);
    for (const folder of ['/dev', '/dev/dri', '/dev/nvidia-caps', '/dev/nvidia-modeset', '/proc', '/sys'])
      expect(paths).not.toContain(folder);
    const written = grants.filter(
      ({ rights, path }) => (rights & RIGHT_WRITE) !== 0 && !path.startsWith('/dev/'),
    );
    expect(written.map(({ path }) => path)).toEqual(['/proc/self/task']);
    // Of what may be executed there are only the linkers, which the kernel starts by itself.
    const executed = grants.filter(({ rights }) => (rights & RIGHT_EXECUTE) !== 0);
    for (const { path } of executed) expect(path).toMatch(/\/ld-(linux|musl)-/);
  });

  it.each<[Policy['devices'], readonly Card[], RegExp]>([
    [{ gpu: 'auto', cards: null }, [], /no graphics card was found/],
    [{ gpu: 'amd', cards: null }, CARDS.slice(0, 2), /no card of kind amd/],
    [{ gpu: 'nvidia', cards: [0, 7] }, CARDS, /card 7, which is not here: there is 0, 1/],
  ])('what is not here is told: %j', (devices, cards, words) => {
    expect(deviceGrants(devices, cards).warnings.join()).toMatch(words);
  });

  it('a card that is not here opens nothing', () => {
    expect(deviceGrants({ gpu: 'nvidia', cards: [7] }, CARDS).grants).toEqual([]);
  });
});
