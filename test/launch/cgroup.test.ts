import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  type CgroupFiles,
  cgroupOperations,
  joinOperations,
  makeLeaves,
  planLeaves,
  removeLeaves,
} from '../../src/launch/cgroup.ts';
import type { CgroupAbility } from '../../src/launch/plan.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { discoverHere } from '../host/here.ts';
import { POLICY } from './fixtures.ts';

const LIMITS = { ...POLICY.limits, memoryBytes: 64 << 20, swapBytes: 0, processes: 20, cpus: 1.5 };
const V2: CgroupAbility = {
  kind: 'v2',
  parents: { unified: '/cg/app.slice' },
  controllers: ['memory', 'pids', 'cpu', 'freezer'],
  killable: '/cg/app.slice',
};
const V1: CgroupAbility = {
  kind: 'v1',
  parents: { memory: '/cg/memory/a', pids: '/cg/pids', cpu: '/cg/cpu', freezer: '/cg/freezer' },
  controllers: ['memory', 'pids', 'cpu', 'freezer'],
  killable: '/cg/unified',
};

function fakeFiles(answers: Readonly<Record<string, string>> = {}) {
  const written = new Map<string, string>();
  const calls: string[] = [];
  const files: CgroupFiles = {
    mkdir: (path) => void calls.push(`mkdir ${path}`),
    rmdir: (path) => void calls.push(`rmdir ${path}`),
    write(path, text) {
      if (path.includes('swap')) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      written.set(path, text);
    },
    read: (path) => `${answers[path.split('/').at(-1) ?? ''] ?? written.get(path) ?? ''}\n`,
  };
  return { files, calls, written };
}

describe('planLeaves', () => {
  it('makes one leaf of v2', () => {
    const [leaf, ...rest] = planLeaves(V2, LIMITS, 'x');
    expect(rest).toEqual([]);
    expect(leaf).toMatchObject({
      kind: 'v2',
      path: '/cg/app.slice/paddock-x',
      join: '/cg/app.slice/paddock-x/cgroup.procs',
    });
    expect(leaf?.values.map(({ file, value }) => `${file}=${value}`)).toEqual([
      `memory.max=${64 << 20}`,
      'memory.swap.max=0',
      'memory.oom.group=1',
      'pids.max=20',
      'cpu.max=150000 100000',
    ]);
  });

  it('makes one leaf for each hierarchy of v1, and one of v2 to kill and freeze through', () => {
    const leaves = planLeaves(V1, LIMITS, 'x');
    expect(leaves.map(({ kind, path }) => `${kind} ${path}`)).toEqual([
      'v2 /cg/unified/paddock-x',
      'v1 /cg/memory/a/paddock-x',
      'v1 /cg/pids/paddock-x',
      'v1 /cg/cpu/paddock-x',
      'v1-freezer /cg/freezer/paddock-x',
    ]);
    expect(cgroupOperations(leaves)).toHaveLength(5);
    expect(joinOperations(leaves)[2]).toEqual({ op: 'join', path: '/cg/pids/paddock-x/cgroup.procs' });
  });

  it('puts controllers that share a hierarchy into one leaf', () => {
    const shared = {
      ...V1,
      parents: { cpu: '/cg/all', pids: '/cg/all', freezer: '/cg/all', memory: '/cg/all' },
    };
    const [, leaf, ...rest] = planLeaves(shared, LIMITS, 'x');
    expect(rest).toEqual([]);
    expect(leaf?.kind).toBe('v1-freezer');
    expect(leaf?.values).toHaveLength(5);
  });

  it('limits only what the policy limits, and makes nothing where nothing can be made', () => {
    const [leaf] = planLeaves(V2, { ...LIMITS, memoryBytes: null, swapBytes: null, cpus: null }, 'x');
    expect(leaf?.values.map(({ file }) => file)).toEqual(['pids.max']);
    expect(planLeaves({ kind: 'none', parents: {}, controllers: [] }, LIMITS, 'x')).toEqual([]);
  });
});

describe('makeLeaves', () => {
  it('writes, reads back, and goes on without what is optional', () => {
    const { files, written } = fakeFiles({ 'memory.max': String((64 << 20) - 4096) }); // rounded to pages
    makeLeaves(planLeaves(V2, LIMITS, 'x'), files);
    expect(written.get('/cg/app.slice/paddock-x/pids.max')).toBe('20');
  });

  it.each([
    ['pids.max', 'max'],
    ['pids.max', '19'],
    ['memory.max', 'max'],
    ['memory.max', String((64 << 20) + 1)],
    ['cpu.max', 'max 100000'],
  ])('refuses when %s comes back as %s, and removes what it made', (file, found) => {
    const { files, calls } = fakeFiles({ [file]: found });
    expect(() => makeLeaves(planLeaves(V2, LIMITS, 'x'), files)).toThrow(PaddockError);
    expect(calls).toEqual(['mkdir /cg/app.slice/paddock-x', 'rmdir /cg/app.slice/paddock-x']);
  });

  it('says which leaves are left', () => {
    const gone = Object.assign(new Error('gone'), { code: 'ENOENT' });
    const busy = Object.assign(new Error('busy'), { code: 'EBUSY' });
    const files = {
      ...fakeFiles().files,
      rmdir(path: string) {
        throw path.includes('pids') ? busy : gone;
      },
    };
    expect(removeLeaves(planLeaves(V1, LIMITS, 'x'), files)).toEqual(['/cg/pids/paddock-x']);
  });
});

describe('on this host', () => {
  const ability = discoverHere();

  it.skipIf(ability.controllers.length === 0)(
    'limits take, and the leaves go away (skipped without writable control groups)',
    () => {
      const leaves = planLeaves(ability, LIMITS, `test-${process.pid}`);
      expect(leaves.length).toBeGreaterThan(0);
      makeLeaves(leaves);
      try {
        for (const leaf of leaves) expect(existsSync(leaf.join)).toBe(true);
        const pids = leaves.find((leaf) => leaf.values.some(({ file }) => file === 'pids.max'));
        if (pids !== undefined) expect(readFileSync(`${pids.path}/pids.max`, 'utf8').trim()).toBe('20');
      } finally {
        expect(removeLeaves(leaves)).toEqual([]);
      }
    },
  );
});
