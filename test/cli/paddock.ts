import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const PADDOCK = fileURLToPath(new URL('../../bin/paddock.js', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Largest resident set of the Node process, bytes. */
  readonly maxRssBytes: number;
}

export interface PaddockOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  /** After this time the process is ended and the test fails; milliseconds. */
  readonly timeoutMs?: number;
}

/** A temporary directory that goes away after the test file. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the built `paddock` as a user would, with a home and state of its own. */
export function paddock(
  args: readonly string[],
  options: PaddockOptions & { home: string },
): Promise<Outcome> {
  const reporter = join(options.home, 'max-rss.mjs');
  writeFileSync(
    reporter,
    "import { writeSync } from 'node:fs';process.on('exit', () => writeSync(3, String(process.resourceUsage().maxRSS)));",
  );
  const child = spawn(process.execPath, ['--import', reporter, PADDOCK, ...args], {
    cwd: options.cwd ?? options.home,
    env: {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: options.home,
      XDG_STATE_HOME: join(options.home, 'state'),
      NO_COLOR: '1',
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 20_000,
    killSignal: 'SIGKILL',
  });
  const collected = ['', '', ''];
  [1, 2, 3].forEach((index) => {
    child.stdio[index as 1]?.on('data', (chunk: Buffer) => {
      collected[index - 1] += chunk.toString('utf8');
    });
  });
  child.stdin?.on('error', () => {}); // a program that does not read its input
  child.stdin?.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({
        code,
        signal,
        stdout: collected[0] ?? '',
        stderr: collected[1] ?? '',
        maxRssBytes: Number(collected[2] || 0) * 1024,
      }),
    );
  });
}
