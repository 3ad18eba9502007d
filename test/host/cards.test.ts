import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnoseCards } from '../../src/cli/doctor-gpu.ts';
import { findCards } from '../../src/host/cards.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'paddock-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text = ''): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe('cards of a host', () => {
  it('by the nodes of their drivers', () => {
    for (const name of ['nvidiactl', 'nvidia-uvm', 'nvidia10', 'nvidia0', 'nvidia1x', 'null'])
      put(`dev/${name}`);
    for (const [name, vendor] of [
      ['renderD129', '0x1002\n'],
      ['renderD128', '0x8086\n'],
      ['card0', '0x1002\n'],
    ] as const) {
      put(`dev/dri/${name}`);
      put(`sys/class/drm/${name}/device/vendor`, vendor);
    }
    expect(findCards(root)).toEqual([
      { kind: 'nvidia', number: 0, nodes: ['/dev/nvidia0'] },
      { kind: 'nvidia', number: 10, nodes: ['/dev/nvidia10'] },
      { kind: 'amd', number: 0, nodes: ['/dev/dri/renderD129'] },
    ]);
  });

  it('none where there are none', () => {
    expect(findCards(root)).toEqual([]);
  });
});

describe('doctor --gpu', () => {
  const CARD = [{ kind: 'nvidia', number: 0, nodes: ['/dev/nvidia0'] }] as const;
  const says = (answer: object, stderr = '') =>
    diagnoseCards(CARD, async () => ({ stdout: `driver 570\n${JSON.stringify(answer)}\n`, stderr }));

  it('believes the driver’s init alone', async () => {
    expect(await says({ kind: 'nvidia', library: true, init: 0, cards: 1 })).toMatchObject([{ state: 'ok' }]);
  });

  it.each([
    [{ kind: 'nvidia', library: true, init: 304, cards: 0 }, /error 304 inside the fence/],
    [{ kind: 'nvidia', library: false, init: -1, cards: 0 }, /no library/],
    [{ kind: 'nvidia', library: true, init: 0, cards: 0 }, /counts none/],
    [{ kind: 'amd', library: true, init: 0, cards: 1 }, /was not asked: refused/],
    [{ kind: 'nvidia', library: 'yes' }, /was not asked/],
  ])('%j is no success', async (answer, words) => {
    const [check] = await says(answer, 'refused\nmore');
    expect(check).toMatchObject({ state: 'degraded', effect: 'models compute on the CPU' });
    expect(check?.detail).toMatch(words);
    expect(check?.fix).not.toBe('');
  });

  it('says so where there is no card', async () => {
    expect(await diagnoseCards([], async () => ({ stdout: '', stderr: '' }))).toMatchObject([
      { state: 'degraded' },
    ]);
  });
});
