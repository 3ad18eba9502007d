import { describe, expect, it } from 'vitest';
import { type Owned, whoMayChange } from '../../src/launch/changers.ts';
import { chooseStillness, LEASE_FILE_SYSTEMS, type Lease, leaseOf } from '../../src/launch/still.ts';

const EXT4 = 0xef53;
const NFS = 0x6969;

describe('how a file stays as it was judged', () => {
  const choose = (facts: Partial<Parameters<typeof chooseStillness>[0]>): string =>
    chooseStillness({ copy: 'auto', verity: false, lease: 'held', changers: 'user', ...facts }).how;

  it('a private copy wherever the policy asks for one', () => {
    for (const lease of ['held', 'busy', 'not-ours', 'unsupported'] as const) {
      for (const changers of ['root', 'user', 'others'] as const) {
        for (const verity of [true, false]) {
          expect(choose({ copy: 'always', lease, changers, verity })).toBe('copy');
        }
      }
    }
  });

  it('a lease wherever there is one, whoever else may write', () => {
    for (const changers of ['root', 'user', 'others'] as const) expect(choose({ changers })).toBe('lease');
  });

  it('a private copy while somebody may write', () => {
    for (const changers of ['root', 'user', 'others'] as const)
      expect(choose({ lease: 'busy', changers })).toBe('copy');
  });

  it.each(['not-ours', 'unsupported'] as const)(
    'looking again where it is %s and only root or the user may write',
    (lease) => {
      expect(choose({ lease, changers: 'root' })).toBe('restat');
      expect(choose({ lease, changers: 'user' })).toBe('restat');
      expect(choose({ lease, changers: 'others' })).toBe('copy');
    },
  );

  it('a sealed file needs nothing', () => {
    for (const lease of ['held', 'busy', 'not-ours', 'unsupported'] as const)
      expect(choose({ verity: true, lease, changers: 'others' })).toBe('sealed');
  });
});

describe('a lease', () => {
  it.each<[number, number, Lease]>([
    [0, EXT4, 'held'],
    [0, NFS, 'unsupported'], // this kernel holds it, and another writes
    [11, EXT4, 'busy'],
    [11, NFS, 'busy'],
    [13, EXT4, 'not-ours'],
    [1, EXT4, 'not-ours'],
    [22, EXT4, 'unsupported'],
  ])('errno %i on file system %i is %s', (errno, type, lease) => {
    expect(leaseOf(errno, type)).toBe(lease);
  });

  it('counts on no file system whose writers this kernel does not see', () => {
    const remote = {
      nfs: 0x6969,
      smb: 0x517b,
      cifs: 0xff534d42,
      smb2: 0xfe534d42,
      fuse: 0x65735546,
      overlay: 0x794c7630,
      ninep: 0x01021997,
      ceph: 0x00c36400,
    };
    for (const type of Object.values(remote)) expect(LEASE_FILE_SYSTEMS.has(type)).toBe(false);
  });
});

describe('who may change a file', () => {
  const owned = (uid: number, mode: number, gid = uid): Owned => ({
    uid: BigInt(uid),
    gid: BigInt(gid),
    mode: BigInt(mode),
  });
  const tree = (folders: Readonly<Record<string, Owned>>) => (path: string) =>
    folders[path] ?? owned(0, 0o755);
  const ask = (path: string, file: Owned, folders: Readonly<Record<string, Owned>> = {}) =>
    whoMayChange(path, file, 1000, tree(folders));

  it('root alone', () => expect(ask('/opt/m.llamafile', owned(0, 0o755)).changers).toBe('root'));
  it('the user, by the file', () => expect(ask('/opt/m', owned(1000, 0o755)).changers).toBe('user'));
  it('the user, by a folder', () =>
    expect(ask('/home/u/m', owned(0, 0o755), { '/home/u': owned(1000, 0o700) }).changers).toBe('user'));
  it('another user, whatever the mode says', () =>
    expect(ask('/opt/m', owned(1001, 0o400))).toEqual({
      changers: 'others',
      because: '/opt/m (owner 1001, mode 400)',
    }));
  it('whoever is in the group: an ACL shows there, too', () => {
    expect(ask('/opt/m', owned(1000, 0o775)).changers).toBe('others');
    expect(ask('/opt/m', owned(0, 0o775, 0)).changers).toBe('root');
  });
  it('everybody', () => expect(ask('/opt/m', owned(1000, 0o757)).changers).toBe('others'));
  it('whoever may write to a folder above it', () => {
    expect(ask('/srv/a/b/m', owned(0, 0o755), { '/srv/a': owned(0, 0o777) })).toMatchObject({
      changers: 'others',
      because: '/srv/a (owner 0, mode 777)',
    });
    expect(ask('/srv/a/b/m', owned(0, 0o755), { '/srv/a': owned(1001, 0o755) }).changers).toBe('others');
  });
  it('not those who share a sticky folder', () =>
    expect(ask('/tmp/m', owned(1000, 0o755), { '/tmp': owned(0, 0o1777) }).changers).toBe('user'));
  it('nobody knows, where a folder or the path is hidden', () => {
    expect(whoMayChange('/a/m', owned(0, 0o755), 0, () => undefined).changers).toBe('others');
    expect(whoMayChange(undefined, owned(0, 0o755), 0).changers).toBe('others');
  });
});
