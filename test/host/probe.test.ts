import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { abilities, type GateProbe, type HostFacts, parseProbe } from '../../src/host/probe.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const PROBE: GateProbe = {
  landlockAbi: 7,
  seccompFilter: true,
  seccompNotify: true,
  pidfdGetfd: true,
  userNamespaces: false,
  namespaces: false,
  namespacesStep: 'uid_map',
  namespacesErrno: 1,
  noNewPrivileges: true,
  kernel: '6.18.0',
  architecture: 'x86_64',
};
const LIMITS = `Limit                     Soft Limit           Hard Limit           Units
Max file size             unlimited            unlimited            bytes
Max core file size        0                    unlimited            bytes
Max processes             96000                96001                processes
Max open files            1024                 524288               files
`;
const FACTS: HostFacts = {
  uid: 1000,
  cgroup: '',
  mounts: '',
  meminfo: 'MemTotal:       24684544 kB\nMemFree: 1 kB\n',
  limits: LIMITS,
  nice: 0,
  affinity: 'Name:\tnode\nCpus_allowed_list:\t0-3,8\n',
  writable: () => false,
  read: () => undefined,
  userTasks: () => 77,
};

describe('parseProbe', () => {
  it('takes what the gate says, and more', () => {
    expect(parseProbe(JSON.stringify({ ...PROBE, landlockErrata: 3, later: 'more' }))).toMatchObject(PROBE);
  });

  it('takes nothing else', () => {
    for (const text of [
      '',
      'null',
      '{}',
      JSON.stringify({ ...PROBE, landlockAbi: -1 }),
      JSON.stringify({ ...PROBE, seccompFilter: 1 }),
    ]) {
      expect(() => parseProbe(text)).toThrow(PaddockError);
    }
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(() => parseProbe(text)).toThrow(PaddockError);
      }),
    );
  });
});

describe('abilities', () => {
  it('reads the texts of /proc', () => {
    expect(abilities(PROBE, FACTS)).toEqual({
      architecture: 'x86-64',
      kernel: '6.18.0',
      landlockAbi: 7,
      seccompFilter: true,
      seccompNotify: true,
      cgroup: { kind: 'none', parents: {}, controllers: [] },
      userNamespaces: false,
      namespaces: { works: false, step: 'uid_map', errno: 1 },
      memoryBytes: 24_684_544 * 1024,
      swapBytes: 0,
      cpus: 5,
      cpuNumbers: [0, 1, 2, 3, 8],
      nice: 0,
      uid: 1000,
      hardLimits: { 6: 96_001n, 7: 524_288n },
      userTasks: 77,
    });
  });

  it('promises nothing that rests on something missing', () => {
    expect(abilities({ ...PROBE, pidfdGetfd: false }, FACTS).seccompNotify).toBe(false);
    expect(abilities({ ...PROBE, noNewPrivileges: false }, FACTS).seccompFilter).toBe(false);
    expect(abilities({ ...PROBE, architecture: 'riscv64' }, FACTS).architecture).toBe('other');
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (meminfo, limits, affinity) => {
        const found = abilities(PROBE, { ...FACTS, meminfo, limits, affinity });
        expect(found.cpus).toBeGreaterThan(0);
        expect(found.memoryBytes).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
