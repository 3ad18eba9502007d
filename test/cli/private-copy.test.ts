import { createHash } from 'node:crypto';
import { closeSync, copyFileSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { distPath, fixture } from '../fixtures/llamafiles.ts';
import { puppet } from '../fixtures/puppet.ts';
import { paddock, scratch } from './paddock.ts';

const home = scratch();
const run = (...args: string[]) => paddock(['run', ...args], { home });
const store = join(home, '.local/share/paddock/store');
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const vouched = join(home, 'vouched.yaml');
writeFileSync(
  vouched,
  `apiVersion: paddock/v1\ntrust:\n  loaders: [${sha256(distPath('ape-loader'))}]\nisolation:\n  copy: always\n`,
);
const STORY = ['-p', 'The llama', '-n', '12', '--seed', '3', '--log-disable'];

describe('--private-copy', () => {
  it('runs the copy of an ELF file', async () => {
    const elf = puppet('elf');
    const { stdout, stderr, code } = await run('--private-copy', elf, 'show', '/proc/self/cmdline');
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `${elf}\0show\0/proc/self/cmdline\0` });
    expect(readdirSync(store)).toContain(sha256(elf));
    expect(stderr).toContain('  kept    a private copy ran: the policy asks for a private copy');
  });

  it('is asked for by a policy, too; an APE finds its weights in its copy, which needs no loader', async () => {
    const ape = fixture('fat');
    const bare = await run('--policy', vouched, '-q', fixture('elf'), ...STORY);
    const { stdout, stderr, code } = await run('--policy', vouched, ape, ...STORY);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: bare.stdout });
    const dry = await run('--policy', vouched, '--dry-run', ape);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      still: { how: 'copy', why: 'the policy asks for a private copy' },
    });
  });

  it('judges the copy: what is wrong with the file is found in it', async () => {
    const broken = join(home, 'broken.llamafile');
    copyFileSync(fixture('fat'), broken);
    const bytes = readFileSync(broken);
    bytes.write('XX', bytes.length - 22, 'latin1'); // no end of a zip any more
    writeFileSync(broken, bytes, { mode: 0o755 });
    const { code, stderr } = await run('--policy', vouched, broken, ...STORY);
    expect(code, stderr).toBe(126);
  });

  it('is made by itself of a file that somebody has open for writing', async () => {
    const open = join(home, 'open.llamafile');
    copyFileSync(puppet('elf'), open);
    const writer = openSync(open, 'r+');
    const { stdout, stderr, code } = await run(open, 'args', 'x');
    closeSync(writer);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '[x]\n' });
    expect(stderr).toContain('kept    a private copy ran: somebody has it open for writing');
  });

  it('is asked for by a rule of the policy, which only the judgement can answer', async () => {
    const ruled = join(home, 'ruled.yaml');
    writeFileSync(
      ruled,
      'apiVersion: paddock/v1\nrules:\n  - { name: unknown, when: runtime.tier == "C", then: { isolation: { copy: always } } }\n',
    );
    const { stdout, stderr, code } = await run('--policy', ruled, puppet('elf'), 'args', 'x');
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: '[x]\n' });
    expect(stderr).toContain('kept    a private copy ran');
  });

  it('is not made where nothing is started', async () => {
    const other = join(home, 'dry.llamafile');
    copyFileSync(puppet('elf'), other);
    writeFileSync(other, 'a tail', { flag: 'a' });
    expect((await run('--private-copy', '--dry-run', puppet('elf'))).code).toBe(0);
    await run('--private-copy', '--dry-run', other);
    expect(readdirSync(store)).not.toContain(sha256(other));
  });

  it('leaves nothing in use behind', () => {
    for (const folder of ['uses', 'locks', 'partial']) expect(readdirSync(join(store, folder))).toEqual([]);
  });
});

describe('paddock store', () => {
  it('lists the copies, and removes what no session uses', async () => {
    const copies = await paddock(['store', 'list', '--json'], { home });
    const names = (JSON.parse(copies.stdout) as { copies: { sha256: string; inUse: boolean }[] }).copies;
    expect(names.map(({ sha256: name }) => name)).toContain(sha256(puppet('elf')));
    expect(names.every(({ inUse }) => !inUse)).toBe(true);
    expect((await paddock(['store', 'prune'], { home })).stderr).toContain('0 copies removed');
    expect((await paddock(['store', 'list'], { home })).stdout).toContain(sha256(puppet('elf')));
    expect((await paddock(['store', 'prune', '--all'], { home })).code).toBe(0);
    expect(readdirSync(store).sort()).toEqual(['locks', 'partial', 'sources', 'uses']);
  });
});
