import { describe, expect, it } from 'vitest';
import { makeLeaves, planLeaves } from '../../src/launch/cgroup.ts';
import { limitWeaknesses, RLIMIT, rlimits, scheduling } from '../../src/launch/limits.ts';
import type { CgroupAbility, HostAbilities } from '../../src/launch/plan.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { HOST, POLICY } from './fixtures.ts';

const LIMITS: Policy['limits'] = { ...POLICY.limits, memoryBytes: 64 << 20, swapBytes: 32 << 20 };
const BARE: HostAbilities = {
  ...HOST,
  cgroup: { kind: 'none', parents: {}, controllers: [] },
  cpuNumbers: [0, 1, 4, 9],
  nice: 0,
};
const V2: CgroupAbility = {
  kind: 'v2',
  parents: { unified: '/cg' },
  controllers: ['memory', 'pids', 'cpu', 'io', 'freezer'],
};
const V1: CgroupAbility = {
  kind: 'v1',
  parents: { memory: '/m', pids: '/p', cpu: '/c', io: '/b' },
  controllers: ['memory', 'pids', 'cpu', 'io'],
};

const values = (ability: CgroupAbility, limits: Partial<typeof LIMITS>, swap?: number): string[] =>
  planLeaves(ability, { ...LIMITS, ...limits }, 'x', swap).flatMap((leaf) =>
    leaf.values.map(({ file, value }) => `${file}=${value}`),
  );

describe('control groups', () => {
  it('limit swap beside memory, in the way of each version', () => {
    expect(values(V2, {})).toContain(`memory.swap.max=${32 << 20}`);
    // v1 counts both together, and refuses less than the limit of memory.
    expect(values(V1, {})).toEqual(
      expect.arrayContaining([
        `memory.limit_in_bytes=${64 << 20}`,
        `memory.memsw.limit_in_bytes=${96 << 20}`,
      ]),
    );
    expect(values(V1, {}).indexOf(`memory.limit_in_bytes=${64 << 20}`)).toBe(0);
    expect(values(V2, { swapBytes: null }).join()).not.toContain('swap');
    expect(values(V1, { swapBytes: null }).join()).not.toContain('memsw');
  });

  it('limit swap also where memory is not limited, as far as the version can', () => {
    expect(values(V2, { memoryBytes: null, swapBytes: 0 })).toContain('memory.swap.max=0');
    expect(values(V1, { memoryBytes: null, swapBytes: 0 }).join()).not.toContain('memory');
  });

  it('give shares of CPUs and disks, and say nothing where everybody has the same', () => {
    expect(values(V2, { cpuWeight: 20, ioWeight: 50 })).toEqual(
      expect.arrayContaining(['cpu.weight=20', 'io.weight=default 50', 'io.bfq.weight=default 50']),
    );
    expect(values(V1, { cpuWeight: 50, ioWeight: 5000 })).toEqual(
      expect.arrayContaining(['cpu.shares=512', 'blkio.bfq.weight=1000']),
    );
    expect(values(V1, { cpuWeight: 1 })).toContain('cpu.shares=10');
    expect(values(V2, {}).join()).not.toContain('weight');
    expect(values(V1, {}).join()).not.toMatch(/weight|shares/);
  });
});

describe('makeLeaves', () => {
  const make = (answers: Readonly<Record<string, string>>, limits: Partial<typeof LIMITS>, swap?: number) => {
    const written = new Map<string, string>();
    const name = (path: string): string => path.split('/').at(-1) ?? '';
    return makeLeaves(planLeaves(V2, { ...LIMITS, ...limits }, 'x', swap), {
      mkdir: () => {},
      rmdir: () => {},
      write(path, text) {
        if (answers[name(path)] === 'missing') throw Object.assign(new Error('none'), { code: 'ENOENT' });
        written.set(path, text);
      },
      read: (path) => `${answers[name(path)] ?? written.get(path) ?? ''}\n`,
    });
  };

  it('tells of a wish that did not take', () => {
    expect(make({ 'memory.swap.max': 'missing' }, {}, 1 << 30)).toEqual([
      expect.stringMatching(/^swap is not limited/),
    ]);
    // Not at all taken is the same as not there.
    expect(make({ 'memory.swap.max': 'max' }, {}, 1 << 30)).toHaveLength(1);
    expect(make({}, {}, 1 << 30)).toEqual([]);
  });

  it('says nothing of swap where there is none', () => {
    expect(make({ 'memory.swap.max': 'missing' }, {}, 0)).toEqual([]);
  });

  it('tells of the disks only where no scheduler takes the share', () => {
    const share = { ioWeight: 50 };
    expect(make({ 'io.weight': 'missing' }, share)).toEqual([]);
    expect(make({ 'io.bfq.weight': 'missing' }, share)).toEqual([]);
    expect(make({ 'io.weight': 'missing', 'io.bfq.weight': 'missing' }, share)).toEqual([
      expect.stringMatching(/^the share of the disks is not in force/),
    ]);
    // With exceptions for single devices below it.
    expect(make({ 'io.weight': 'default 50\n8:0 20', 'io.bfq.weight': 'missing' }, share)).toEqual([]);
  });

  it.each([
    ['memory.max', '4096'],
    ['pids.max', 'max'],
    ['cpu.weight', '100'],
  ])('refuses when %s reads back as %s', (file, found) => {
    expect(() => make({ [file]: found }, { cpuWeight: 7 })).toThrow(/did not take/);
  });
});

describe('rlimits', () => {
  const value = (operations: ReturnType<typeof rlimits>, resource: number) =>
    operations.find((one) => one.op === 'rlimit' && one.resource === resource);

  it('hold what no control group holds', () => {
    const alone = rlimits(LIMITS, { ...BARE, userTasks: 10 });
    expect(value(alone, RLIMIT.data)).toMatchObject({ hard: BigInt(64 << 20) });
    expect(value(alone, RLIMIT.processes)).toMatchObject({ hard: 74n });
    expect(value(rlimits(LIMITS, HOST), RLIMIT.data)).toBeUndefined();
    expect(value(rlimits(LIMITS, HOST), RLIMIT.processes)).toBeUndefined();
  });

  it('let nobody move forward again, and leave no core dump', () => {
    expect(value(rlimits(LIMITS, HOST), RLIMIT.nice)).toMatchObject({ soft: 0n, hard: 0n });
    expect(value(rlimits(LIMITS, HOST), RLIMIT.core)).toMatchObject({ soft: 1n, hard: 1n });
  });
});

describe('scheduling', () => {
  const plan = (limits: Partial<typeof LIMITS>, host: Partial<HostAbilities> = {}) =>
    scheduling({ ...LIMITS, ...limits }, { ...BARE, ...host }, '20270101T000000-000000');

  it('asks for nothing where nothing is asked for', () => {
    expect(plan({})).toEqual([]);
    expect(plan({ nice: 5 }, { nice: 5 })).toEqual([]);
    expect(plan({ ioWeight: 500 })).toEqual([]);
  });

  it('stands back, and never in front of the launcher', () => {
    expect(plan({ nice: 5 })).toEqual([{ op: 'nice', value: 5 }]);
    expect(plan({ nice: 5 }, { nice: 7 })).toEqual([]);
    expect(plan({ ioWeight: 99 })).toEqual([{ op: 'io-priority', level: 5 }]);
    expect(plan({ ioWeight: 10 })).toEqual([{ op: 'io-priority', level: 7 }]);
    // Niceness 19 already puts it at level 7.
    expect(plan({ ioWeight: 99 }, { nice: 19 })).toEqual([{ op: 'io-priority', level: 7 }]);
  });

  it('binds to as many CPUs as it may use where nothing else holds it', () => {
    const [one] = plan({ cpus: 1.5 });
    if (one?.op !== 'affinity') throw new Error('no affinity');
    const chosen = [...one.mask].flatMap((byte, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => at * 8 + bit),
    );
    expect(chosen).toHaveLength(2);
    for (const cpu of chosen) expect(BARE.cpuNumbers).toContain(cpu);
    expect(plan({ cpus: 1.5 }, { cgroup: HOST.cgroup })).toEqual([]);
    expect(plan({ cpus: 4 })).toEqual([]);
    expect(plan({ cpus: 8 })).toEqual([]);
  });
});

describe('limitWeaknesses', () => {
  const told = (limits: Partial<typeof LIMITS>, host: Partial<HostAbilities> = {}) =>
    limitWeaknesses({ ...LIMITS, ...limits }, { ...BARE, swapBytes: 0, ...host }).join('\n');

  it('is silent where a control group holds everything', () => {
    expect(limitWeaknesses({ ...LIMITS, cpus: 1, cpuWeight: 5 }, HOST)).toEqual([]);
  });

  it('tells what holds in its place', () => {
    expect(told({})).toMatch(/memory is one of each process[\s\S]*counts all of yours/);
    expect(told({}, { uid: 0 })).toMatch(/processes and threads are not limited/);
    expect(told({}, { swapBytes: 1 })).toMatch(/swap is not limited/);
    expect(told({ cpus: 2 })).toMatch(/binding the program to 2/);
    expect(told({ cpuWeight: 50 })).toMatch(/share of the CPUs is not in force/);
    expect(told({ memoryBytes: null, swapBytes: null })).not.toMatch(/memory|swap/);
  });
});
