import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/cli/context.ts';
import { judgedBy } from '../../src/cli/trust-places.ts';
import { mergeLayers } from '../../src/policy/merge.ts';
import { presetLayers } from '../../src/policy/presets.ts';

const output = { write: () => undefined, isTTY: false, columns: 80 };
const context: Context = {
  env: {},
  cwd: '/',
  home: '/home/ada',
  uid: 1000,
  stdout: output,
  stderr: output,
  now: () => new Date(0),
};
const layers = presetLayers('default', { memoryBytes: 2 ** 30, home: '/home/ada' });

describe('by what a file is judged', () => {
  it('without an administrator: also by what the user remembers and learned', () => {
    const { look, baselines } = judgedBy(context, mergeLayers({ layers, ceiling: 0 }));
    expect(look?.cache).toBe('/home/ada/.cache/paddock/digests.json');
    expect(baselines?.systemOnly).toBeUndefined();
  });

  it('under a policy of the administrator: by nothing that the user can write', () => {
    const { look, baselines } = judgedBy(context, mergeLayers({ layers, ceiling: layers.length }));
    expect(look?.cache).toBeUndefined();
    expect(baselines?.systemOnly).toBe(true);
  });

  it('--no-cache: digests are computed anew', () => {
    expect(judgedBy(context, mergeLayers({ layers, ceiling: 0 }), false).look?.cache).toBeUndefined();
  });
});
