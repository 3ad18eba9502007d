import { describe, expect, it } from 'vitest';
import { withArgs } from '../checks/known-release.ts';

const found = async (args: string, version?: string) =>
  (await withArgs(args, version)).findings
    .filter(({ id }) => id.startsWith('ARG-'))
    .map(({ id, evidence }) => `${id} ${evidence.found}`);

describe('what is said of .args', () => {
  it('is said once where all grammars see it, and by whom it would be seen where not', async () => {
    expect(await found('--rpc\nx\n')).toEqual(['ARG-010 --rpc']);
    expect(await found('--rpc x\n')).toEqual(['ARG-010 --rpc, as releases since 0.8.17 would read it']);
    expect(await found("-p '\n--rpc\n'\n")).toEqual([
      'ARG-010 --rpc, as releases 0.7 to 0.8.16 and releases before 0.7 would read it',
    ]);
  });

  it('is bounded, however often a file repeats itself', async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `-m\n/${i}`).join('\n');
    const all = await found(many, '0.8.13');
    expect(all).toHaveLength(8);
    expect(all.at(-1)).toBe('ARG-011 -m /7; and 4992 more of this kind');
    expect(await found('--rpc\n'.repeat(5000), '0.8.13')).toEqual(['ARG-010 --rpc']);
  });

  it('names each address for itself, so that a policy that grants one does not grant the other', async () => {
    const { findings } = await withArgs('--host 10.0.0.1,10.0.0.2,127.0.0.1', '0.10.4');
    expect(findings.flatMap(({ asks }) => asks?.listen ?? [])).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  it('has the place in the file, exact where the member is stored', async () => {
    const { findings, anatomy } = await withArgs('-c\n0\n--rpc\n', '0.8.13');
    const start = anatomy?.zip?.members.find(({ name }) => name === '.args')?.contentOffset ?? 0;
    expect(findings.find(({ id }) => id === 'ARG-010')?.evidence).toMatchObject({
      offset: start + 5,
      length: 5,
    });
  });
});
