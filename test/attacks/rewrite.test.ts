import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApe } from '../../src/demo/ape-writer.ts';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import { paddock } from '../cli/paddock.ts';
import { distPath } from '../fixtures/llamafiles.ts';

/** Each of them rewrites the file a thousand times while it is judged, started and running. */
const WAYS = ['pwrite', 'truncate', 'rename', 'map', 'folder', 'link'] as const;
type Way = (typeof WAYS)[number];
const REWRITES = 1000;
/** At the same time; more only wait for the processors. */
const LANES = 2;
const WAIT_MS = 20;
/** Between two words, where it is rewritten after the first one. */
const RUN_MS = 300;
/** What is mapped from the file changes with it; in the other ways another file takes its place, or a shorter one. */
const IN_PLACE: readonly Way[] = ['pwrite', 'map', 'link'];
const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));

const source = (name: string): string => fileURLToPath(new URL(`rewrite/${name}`, import.meta.url));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Scene {
  readonly path: string;
  readonly good: string;
  readonly evil: string;
  readonly offset: number;
}

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('a file that is rewritten', () => {
  const root = mkdtempSync(join(tmpdir(), 'paddock-rewrite-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const policy = join(root, 'policy.yaml');
  const rewriter = join(root, 'rewriter');
  const [good, evil] = [join(root, 'good'), join(root, 'evil')];
  let offset = 0;

  // The loader maps the file and keeps nobody from writing to it, unlike an exec of the kernel.
  beforeAll(async () => {
    for (const [name, flags] of [
      ['victim', ['-static']],
      ['rewriter', []],
    ] as const)
      execFileSync('cc', [
        '-std=c11',
        '-D_GNU_SOURCE',
        '-O1',
        ...flags,
        '-o',
        join(root, name),
        source(`${name}.c`),
      ]);
    const loader = readFileSync(distPath('ape-loader'));
    const base = buildApe({
      x86Elf: readFileSync(join(root, 'victim')),
      loaders: { x86: loader },
      zipEntries: [{ name: 'README', content: Buffer.from('A release.\n'), method: 'deflated' }],
    });
    const file = zipalignAppend(base, [{ name: 'note.txt', content: Buffer.alloc(100_000, 'x') }]);
    offset = file.indexOf('the-word:') + 'the-word:'.length;
    writeFileSync(good, file, { mode: 0o755 });
    file.write('evil', offset, 'latin1');
    writeFileSync(evil, file, { mode: 0o755 });
    // What has the good one's code counts as known; all else is refused.
    const trust = `{ refuse: [unknown, tampered], loaders: [${sha256(loader)}] }`;
    writeFileSync(policy, `apiVersion: paddock/v1\ntrust: ${trust}\n`);
    const learn = ['baseline', 'add', '--yes', '--name', 'victim', good];
    const learned = await paddock(learn, { home: root });
    expect(learned.code, learned.stderr).toBe(0);
  });

  function scene(name: string): Scene {
    const folder = join(root, name);
    mkdirSync(folder);
    const path = join(folder, 'victim.llamafile');
    writeFileSync(path, readFileSync(good));
    chmodSync(path, 0o755);
    return { path, good, evil, offset };
  }

  /** Does `work` again and again while the file is rewritten; ends with the last rewriting, or when it says that it is enough. */
  async function meanwhile(way: Way, at: Scene, work: () => Promise<boolean>): Promise<number> {
    const seed = String(way.length * 31 + at.path.length);
    const words = [way, at.path, at.good, at.evil, String(at.offset), String(REWRITES), seed];
    const child = spawn(rewriter, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    let isOver = false;
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    const over = new Promise<void>((resolve) =>
      child.once('close', () => {
        isOver = true;
        resolve();
      }),
    );
    const lane = async (): Promise<void> => {
      while (!isOver && !(await work()));
    };
    try {
      await Promise.all(Array.from({ length: LANES }, lane));
    } finally {
      if (!isOver) child.kill('SIGKILL');
      await over;
    }
    return Number(said);
  }

  const guarded = (path: string) =>
    paddock(['run', '--policy', policy, '--quiet', path, String(WAIT_MS)], { home: root });

  it.each(WAYS)(
    'by %s: not one changed byte runs',
    async (way) => {
      const at = scene(`guarded-${way}`);
      const outcomes = new Map<string, number>();
      const rewritten = await meanwhile(way, at, async () => {
        const { stdout, code, signal, stderr } = await guarded(at.path);
        expect(stdout, stderr).toMatch(/^(good\n){0,4}$/);
        const outcome = `${code ?? signal} ${stdout.length / 5}`;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        return false;
      });
      expect(rewritten).toBe(REWRITES);
      expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
      // It is not that nothing would run.
      rmSync(at.path);
      writeFileSync(at.path, readFileSync(good), { mode: 0o755 });
      const last = await guarded(at.path);
      expect(last.stdout, `${last.stderr}\n${JSON.stringify([...outcomes])}`).toBe('good\n'.repeat(4));
    },
    150_000,
  );

  // Looks at the digest, then starts the file by its path: what a launcher would do that does not hold on to what it read.
  it.each(WAYS)(
    'by %s: they do run where a launcher checks and then starts',
    async (way) => {
      const at = scene(`bare-${way}`);
      const known = sha256(readFileSync(good));
      let evils = 0;
      await meanwhile(way, at, async () => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        if (evils > 0 || sha256(readFileSync(at.path)) !== known) return evils > 0;
        const { stdout } = spawnSync(distPath('ape-loader'), [at.path, String(WAIT_MS)], {
          encoding: 'latin1',
          timeout: 10_000,
        });
        if (stdout.includes('evil')) evils++;
        return evils > 0;
      });
      expect(evils).toBeGreaterThan(0);
    },
    150_000,
  );

  // From the first word on: the writers of leased files wait until the session has ended.
  it.each(WAYS)(
    'by %s while it runs: it says what was judged, or is ended',
    async (way) => {
      const at = scene(`running-${way}`);
      const words = ['run', '--policy', policy, '--quiet', at.path, String(RUN_MS)];
      const { said } = await onceItRuns(way, at, process.execPath, [PADDOCK, ...words], REWRITES);
      expect(said).toMatch(/^(good\n){1,4}$/);
    },
    60_000,
  );

  it.each(IN_PLACE)(
    'by %s while it runs: a bare one says other words',
    async (way) => {
      const at = scene(`bare-running-${way}`);
      const words = [at.path, String(RUN_MS)];
      const { said } = await onceItRuns(way, at, distPath('ape-loader'), words, 1);
      expect(said).toMatch(/^good\n/);
      expect(said).toContain('evil');
    },
    60_000,
  );

  async function onceItRuns(way: Way, at: Scene, program: string, words: readonly string[], count: number) {
    const child = spawn(program, words, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env.PATH ?? '', HOME: root, NO_COLOR: '1' },
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    let writer: ReturnType<typeof spawn> | undefined;
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
      const values = [way, at.path, at.good, at.evil, String(at.offset), String(count), '7'];
      writer ??= spawn(rewriter, values, { stdio: 'ignore' });
    });
    await new Promise((resolve) => child.once('close', resolve));
    const last = writer;
    if (last !== undefined && last.exitCode === null && last.signalCode === null) {
      const gone = new Promise((resolve) => last.once('close', resolve));
      last.kill('SIGKILL');
      await gone;
    }
    return { said };
  }
});
