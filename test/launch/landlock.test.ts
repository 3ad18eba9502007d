import { describe, expect, it } from 'vitest';
import { ABIS, FS, handled, landlockRestrict, landlockRules, NET, SCOPE } from '../../src/launch/landlock.ts';
import { type Operation, RIGHT_EXECUTE, RIGHT_READ, RIGHT_WRITE } from '../../src/launch/operations.ts';

const KINDS: Readonly<Record<string, 'file' | 'directory'>> = { '/f': 'file', '/d': 'directory' };
const rules = (abi: number, rights: number, path: string): Operation[] =>
  landlockRules({
    abi,
    paths: [{ path, rights }],
    descriptors: [],
    bindPorts: [],
    kind: (name) => KINDS[name] ?? 'missing',
  });
const access = (abi: number, rights: number, path: string): bigint | undefined =>
  rules(abi, rights, path).find((one) => one.op === 'landlock-path')?.access;

describe('handled', () => {
  it.each<[number, string, string, string, number]>([
    [0, '0', '0', '0', 0],
    [1, '1fff', '0', '0', 0],
    [2, '3fff', '0', '0', 0],
    [3, '7fff', '0', '0', 0],
    [4, '7fff', '3', '0', 0],
    [5, 'ffff', '3', '0', 0],
    [6, 'ffff', '3', '3', 0],
    [7, 'ffff', '3', '3', 2],
    [8, 'ffff', '3', '3', 2], // later rows are known and not used
    [10, 'ffff', '3', '3', 2],
    [99, 'ffff', '3', '3', 2],
  ])('ABI %i', (abi, fs, net, scope, flags) => {
    const can = handled(abi);
    expect([can.fs.toString(16), can.net.toString(16), can.scope.toString(16), can.flags]).toEqual([
      fs,
      net,
      scope,
      flags,
    ]);
    expect(can.abi).toBe(Math.min(abi, 7));
  });

  it('has its rows in order', () => {
    expect(ABIS.map((row) => row.abi)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe('landlockRules', () => {
  it('is empty without Landlock', () => {
    expect(rules(0, RIGHT_READ, '/d')).toEqual([]);
    expect(landlockRestrict(0)).toEqual([]);
  });

  it('handles everything first, so that what no rule names is denied', () => {
    expect(rules(7, RIGHT_READ, '/x')).toEqual([{ op: 'landlock-create', fs: 0xffffn, net: 3n, scoped: 3n }]);
    expect(landlockRestrict(7)).toEqual([{ op: 'landlock-restrict', flags: 2 }]);
    expect(SCOPE.signal | SCOPE.abstractUnix).toBe(3n);
  });

  it('drops the rights of folders from rules on files', () => {
    expect(access(7, RIGHT_READ, '/d')).toBe(FS.readFile | FS.readDirectory);
    expect(access(7, RIGHT_READ, '/f')).toBe(FS.readFile);
    expect(access(7, RIGHT_READ | RIGHT_WRITE, '/f')).toBe(FS.readFile | FS.writeFile | FS.truncate);
    expect(access(7, RIGHT_EXECUTE, '/f')).toBe(FS.execute);
  });

  it('never grants making devices and sockets', () => {
    const all = access(7, 7, '/d') ?? 0n;
    expect(all & (FS.makeCharacterDevice | FS.makeBlockDevice | FS.makeSocket | FS.deviceControl)).toBe(0n);
    expect(all & FS.refer).toBe(FS.refer);
  });

  it('asks for no right that the ABI does not know', () => {
    for (let abi = 1; abi <= 7; abi++) {
      for (let rights = 1; rights <= 7; rights++) {
        for (const path of ['/f', '/d'])
          expect((access(abi, rights, path) ?? 0n) & ~handled(abi).fs).toBe(0n);
      }
    }
  });

  it('adds up what is said twice of one path', () => {
    const operations = landlockRules({
      abi: 7,
      paths: [
        { path: '/f', rights: RIGHT_READ },
        { path: '/f', rights: RIGHT_EXECUTE },
      ],
      descriptors: [{ fd: 6, rights: RIGHT_READ | RIGHT_EXECUTE }],
      bindPorts: [8080],
      kind: () => 'file',
    });
    expect(operations.slice(1)).toEqual([
      { op: 'landlock-path', access: FS.readFile | FS.execute, optional: true, path: '/f' },
      { op: 'landlock-descriptor', access: FS.readFile | FS.execute, fd: 6 },
      { op: 'landlock-port', access: NET.bindTcp, port: 8080 },
    ]);
  });

  it('has no port rules before ABI 4', () => {
    const operations = landlockRules({
      abi: 3,
      paths: [],
      descriptors: [],
      bindPorts: [8080],
      kind: () => 'file',
    });
    expect(operations).toHaveLength(1);
  });
});
