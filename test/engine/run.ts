import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Weights and vocabularies that lie beside the checkout; absent elsewhere. */
export const STORIES = join(new URL('../../../shared/data/', import.meta.url).pathname, 'stories260K.gguf');
export const NO_STORIES = existsSync(STORIES) ? false : `${STORIES} is not here`;

export interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, at most 20 seconds, with no input, next to no environment, and a working directory of no account. */
export function runToEnd(program: string, args: readonly string[], options: SpawnSyncOptions = {}): Outcome {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ASAN_OPTIONS: 'detect_leaks=0' }, // a program that refuses its input frees nothing before it ends
    input: '',
    cwd: tmpdir(), // it leaves main.log behind
    timeout: 20_000,
    maxBuffer: 64 * 1024 * 1024,
    ...options,
  });
  if (result.error !== undefined) throw result.error;
  return {
    status: result.status,
    signal: result.signal,
    stdout: String(result.stdout),
    stderr: String(result.stderr),
  };
}
