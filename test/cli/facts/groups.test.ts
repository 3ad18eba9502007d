import { describe, expect, it } from 'vitest';
import { groupNames, OWN_GROUPS, parseGroups } from '../../../src/cli/facts/groups.ts';

const FILE = '# comment\nroot:x:0:\nresearch:x:100:ada,bob\n\nbad\nlate:x:100:\nnumber:x:1e3:\n';

describe('names of groups', () => {
  it('are those of /etc/group, of several for one id the first', () => {
    expect([...parseGroups(FILE)]).toEqual([
      [0, 'root'],
      [100, 'research'],
    ]);
  });

  it('are asked for where the file lacks them; what has no name anywhere is its number', () => {
    const asked: number[] = [];
    const ask = (gid: number): string | undefined => {
      asked.push(gid);
      return gid === 5000 ? 'ldap' : undefined;
    };
    expect(groupNames({ gids: [100, 5000, 6000, 100], file: () => FILE, ask })).toEqual([
      'research',
      'ldap',
      '6000',
    ]);
    expect(asked).toEqual([5000, 6000]);
  });

  it('are not known where one who could know them cannot be asked', () => {
    const fail = (): never => {
      throw new Error('no answer');
    };
    expect(groupNames({ gids: [1], file: () => undefined, ask: () => 'x' })).toBeUndefined();
    expect(groupNames({ gids: [1], file: () => FILE, ask: fail })).toBeUndefined();
    expect(groupNames({ gids: [100], file: () => FILE, ask: fail })).toEqual(['research']);
  });

  it('of this process are there', () => {
    expect(groupNames(OWN_GROUPS)?.length).toBeGreaterThan(0);
  });
});
