import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CgroupFacts, discoverCgroups } from '../../src/host/cgroups.ts';

interface World {
  own: string;
  mounts: string;
  writable: string[];
  subtree?: Record<string, string>;
}

function discover({ own, mounts, writable, subtree = {} }: World) {
  const facts: CgroupFacts = {
    own,
    mounts,
    writable: (path) => writable.includes(path) || writable.includes(path.replace(/\/cgroup\.procs$/, '')),
    read: (path) => subtree[path.replace(/\/cgroup\.subtree_control$/, '')],
  };
  return discoverCgroups(facts);
}

const V2_MOUNT =
  '30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const USER = '/user.slice/user-1000.slice/user@1000.service';
const AT = (path: string): string => `/sys/fs/cgroup${path}`;

describe('v2', () => {
  it('takes the nearest own ancestor with controllers for its children', () => {
    const found = discover({
      own: `0::${USER}/app.slice/term.scope\n`,
      mounts: V2_MOUNT,
      writable: [AT(`${USER}/app.slice/term.scope`), AT(`${USER}/app.slice`), AT(USER)],
      subtree: { [AT(`${USER}/app.slice`)]: 'memory pids\n', [AT(USER)]: 'cpu memory pids\n' },
    });
    expect(found).toEqual({
      kind: 'v2',
      parents: { unified: AT(`${USER}/app.slice`) },
      controllers: ['memory', 'pids', 'freezer'],
      killable: AT(`${USER}/app.slice`),
    });
  });

  it('finds nothing in a login session that belongs to root', () => {
    const found = discover({
      own: '0::/user.slice/user-1000.slice/session-3.scope',
      mounts: V2_MOUNT,
      writable: [AT(USER)],
    });
    expect(found).toEqual({ kind: 'none', parents: {}, controllers: [] });
  });

  it('does not climb over an ancestor of somebody else', () => {
    const found = discover({
      own: '0::/a/b/c',
      mounts: V2_MOUNT,
      writable: [AT('/a/b/c'), AT('/a')],
      subtree: { [AT('/a')]: 'memory pids' },
    });
    expect(found).toEqual({ kind: 'none', parents: {}, controllers: [], killable: AT('/a/b/c') });
  });

  it('sees the part that a container sees', () => {
    const mounts = '30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw';
    const found = discover({
      own: '0::/docker/abc/child',
      mounts,
      writable: [AT('/child'), AT('')],
      subtree: { [AT('')]: 'memory pids cpu' },
    });
    expect(found.parents).toEqual({ unified: AT('') });
    expect(discover({ own: '0::/../other', mounts: V2_MOUNT, writable: [AT('/other')] }).kind).toBe('none');
  });
});

describe('v1 and hybrid', () => {
  const mounts = [
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '37 31 0:34 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer',
    '39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
    '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ].join('\n');
  const own = '9:name=systemd:/\n8:pids:/\n6:freezer:/\n4:memory:/job/1\n1:cpu,cpuacct:/\n0::/\n';

  it('takes our own group of each controller, and v2 for killing', () => {
    const writable = ['cpu,cpuacct', 'memory/job/1', 'freezer', 'pids', 'unified'].map((name) =>
      AT(`/${name}`),
    );
    expect(discover({ own, mounts, writable })).toEqual({
      kind: 'v1',
      parents: {
        memory: AT('/memory/job/1'),
        pids: AT('/pids'),
        cpu: AT('/cpu,cpuacct'),
        freezer: AT('/freezer'),
      },
      controllers: ['memory', 'pids', 'cpu', 'freezer'],
      killable: AT('/unified'),
    });
    expect(discover({ own, mounts, writable: [AT('/unified')] })).toEqual({
      kind: 'none',
      parents: {},
      controllers: [],
      killable: AT('/unified'),
    });
  });
});

it('takes any text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.boolean(), (own, mounts, yes) => {
      const found = discoverCgroups({ own, mounts, writable: () => yes, read: () => 'memory' });
      expect(['v1', 'v2', 'none']).toContain(found.kind);
    }),
  );
});
