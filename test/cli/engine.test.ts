import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { distPath, FIXTURE_ARGS, fixture, modelBytes } from '../fixtures/llamafiles.ts';
import { paddock, scratch } from './paddock.ts';

const home = scratch();
/** Two who learned the release in one form each: learned by one, the second would look like the first one tampered with. */
const learners = { 'demo-elf': scratch(), 'demo-ape': scratch() } as const;
type Release = keyof typeof learners;
const run = (release: Release, ...args: string[]) => paddock(['run', ...args], { home: learners[release] });
const engines = (release: Release): string =>
  join(learners[release], '.local/share/paddock/baselines/engines');
const STORY = ['-p', 'The llama', '-n', '12', '--seed', '3', '--log-disable'];
const TRUSTED = ['--engine', 'trusted'];
const HOSTILE = 'hostile code ran';

function written(name: string, bytes: Uint8Array): string {
  const path = join(home, name);
  writeFileSync(path, bytes);
  chmodSync(path, 0o755);
  return path;
}

const entries = (args = FIXTURE_ARGS) => [
  { name: 'model.gguf', content: modelBytes() },
  { name: '.args', content: Buffer.from(args) },
];

/** The release in ELF form: an engine and its own archive. */
const bareElf = zipalignAppend(readFileSync(distPath('demo-engine')), [
  { name: 'README', content: Buffer.from('A release.\n') },
]);

function hostileEngine(): Buffer {
  const [source, program] = [join(home, 'hostile.c'), join(home, 'hostile')];
  writeFileSync(source, `#include <stdio.h>\nint main(void) { puts("${HOSTILE}"); return 0; }\n`);
  execFileSync('cc', ['-std=c11', '-O1', '-static', '-o', program, source]);
  return readFileSync(program);
}

/** One byte of its code is another. */
function patched(file: Buffer): Buffer {
  const anatomy = readAnatomy(bufferSource(file));
  const code = anatomy.programs
    .find(({ architecture }) => architecture === 'x86-64')
    ?.segments.find(({ type, flags }) => type === 1 && (flags & 1) !== 0);
  const copy = Buffer.from(file);
  const at = (code?.offset ?? 0) + (code?.fileSize ?? 0) - 1;
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

let story = '';
const hostile = (name: string, args?: string) =>
  written(name, zipalignAppend(hostileEngine(), entries(args)));

beforeAll(async () => {
  const elf = written('release-elf.llamafile', zipalignAppend(bareElf, entries()));
  for (const [name, file] of [
    ['demo-elf', elf],
    ['demo-ape', fixture('fat')],
  ] as const) {
    const learn = ['baseline', 'add', '--keep-engine', '--yes', '--name', name, file];
    const { code, stderr } = await paddock(learn, { home: learners[name] });
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('its engine is kept in');
  }
  story = (await run('demo-elf', '-q', elf, ...STORY)).stdout;
  expect(story).toMatch(/^The llama \w+/);
}, 60_000);

describe('the kept engine of a release', () => {
  it('is its executable without weights and arguments, for its owner alone', () => {
    const folder = engines('demo-elf');
    const [path = ''] = readdirSync(folder).map((name) => join(folder, name));
    expect(readFileSync(path).equals(bareElf)).toBe(true);
    expect(statSync(path).mode & 0o7777).toBe(0o500);
    expect(statSync(folder).mode & 0o7777).toBe(0o700);
  });
});

describe('--engine trusted', () => {
  it.each(['demo-elf', 'demo-ape'] as const)(
    'the engine %s tells the story of a hostile file',
    async (release) => {
      const file = hostile(`hostile-${release}.llamafile`);
      const bare = await run(release, file, ...STORY); // the control: without it the hostile code does run
      expect(bare.stdout).toBe(`${HOSTILE}\n`);
      const { stdout, stderr, code } = await run(
        release,
        ...TRUSTED,
        '--engine-release',
        release,
        file,
        ...STORY,
      );
      expect({ stdout, code }, stderr).toEqual({ stdout: story, code: 0 });
      expect(stderr).toContain(`engine  ${release}, which is known; no code of the file ran`);
      expect(stderr).toContain('unknown runtime');
    },
  );

  it('takes the engine of the release that a file was, before somebody changed its code', async () => {
    const file = written('patched.llamafile', patched(readFileSync(fixture('fat'))));
    expect((await run('demo-ape', file, ...STORY)).code).toBe(126);
    const { stdout, stderr, code } = await run('demo-ape', ...TRUSTED, file, ...STORY);
    expect({ stdout, code }, stderr).toEqual({ stdout: story, code: 0 });
    expect(stderr).toContain('TAMPERED release');
    expect(stderr).toContain('engine  demo-ape');
  });

  it('is a matter of the policy, too, and reads a private copy where there is one', async () => {
    const policy = join(home, 'trusted.yaml');
    writeFileSync(policy, 'apiVersion: paddock/v1\nengine: { use: trusted }\nisolation: { copy: always }\n');
    const named = ['--policy', policy, '--engine-release', 'demo-elf'];
    const { stdout, stderr, code } = await run('demo-elf', ...named, fixture('fat'), ...STORY);
    expect({ stdout, code }, stderr).toEqual({ stdout: story, code: 0 });
    expect(stderr).toContain('kept    a private copy ran');
  });

  it('reads weights that nobody names, or that are named by /zip, out of the file', async () => {
    for (const args of ['...\n', '-m\n/zip/model.gguf\n...\n', '--model\nmodel.gguf\n...\n']) {
      const file = hostile('named.llamafile', args);
      const options = [...TRUSTED, '--engine-release', 'demo-elf'];
      const dry = JSON.parse((await run('demo-elf', ...options, '--dry-run', file)).stdout) as {
        argv: string[];
      };
      expect(dry.argv.slice(1)).toContain('/proc/self/fd/10@model.gguf');
      expect((await run('demo-elf', ...options, '-q', file, ...STORY)).stdout).toMatch(/^The llama \w+/);
    }
  });

  it('--dry-run shows what would run', async () => {
    const { stdout } = await run('demo-ape', ...TRUSTED, '--dry-run', fixture('fat'), ...STORY);
    expect(JSON.parse(stdout)).toMatchObject({
      file: fixture('fat'),
      engine: { release: 'demo-ape', instead: 'release', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      still: { how: 'lease' },
    });
  });

  it('needs no permission to execute the file', async () => {
    const file = hostile('data.llamafile');
    chmodSync(file, 0o644);
    expect((await run('demo-elf', '-q', file, ...STORY)).code).toBe(126);
    const { stdout } = await run(
      'demo-elf',
      '-q',
      ...TRUSTED,
      '--engine-release',
      'demo-elf',
      file,
      ...STORY,
    );
    expect(stdout).toBe(story);
  });

  it('is refused where no engine of the release is known', async () => {
    const file = hostile('unknown.llamafile');
    const { code, stderr } = await run('demo-elf', ...TRUSTED, file, ...STORY);
    expect(code).toBe(126);
    expect(stderr).toContain('no known engine can run');
    expect(stderr).toContain('nothing tells of which release the file is; kept: demo-elf');
    const other = await run('demo-elf', ...TRUSTED, '--engine-release', 'llamafile-0.9.3', file, ...STORY);
    expect(other.code).toBe(126);
    expect(other.stderr).toContain('no baseline of the name llamafile-0.9.3');
    expect(other.stdout).toBe('');
  });

  it('still refuses what is wrong with the archive', async () => {
    const bytes = readFileSync(hostile('twice.llamafile'));
    const file = written('twice.llamafile', Buffer.concat([bytes, Buffer.alloc(40, 'x')]));
    const { code, stdout } = await run(
      'demo-elf',
      ...TRUSTED,
      '--engine-release',
      'demo-elf',
      file,
      ...STORY,
    );
    expect({ code, stdout }).toEqual({ code: 126, stdout: '' });
  });

  it('refuses an engine that is not what was kept', async () => {
    const folder = engines('demo-elf');
    const [path = ''] = readdirSync(folder).map((name) => join(folder, name));
    const changed = Buffer.from(bareElf);
    changed[changed.length - 1] = 1;
    chmodSync(path, 0o700);
    writeFileSync(path, changed);
    const file = hostile('last.llamafile');
    const { code, stderr, stdout } = await run(
      'demo-elf',
      ...TRUSTED,
      '--engine-release',
      'demo-elf',
      file,
      ...STORY,
    );
    expect({ code, stdout }, stderr).toEqual({ code: 126, stdout: '' });
    expect(stderr).toContain('the kept engine is not the one that was learned');
    expect((await paddock(['baseline', 'remove', 'demo-elf'], { home: learners['demo-elf'] })).code).toBe(0);
    expect(readdirSync(folder)).toEqual([]);
  });
});
