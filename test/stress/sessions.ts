import { spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import type { WriteStream } from 'node:tty';
import type { Context } from '../../src/cli/context.ts';
import type { RunInput } from '../../src/cli/prepare.ts';
import { guard } from '../../src/cli/run.ts';
import type { CallerStreams } from '../../src/terminal/streams.ts';
import type { StressPlace } from './place.ts';

/** Of each session that did not end as it should: what it said. */
export type Failures = readonly string[];

/** Runs sessions one after another in this very process, so that what the launcher itself leaves open adds up. */
export async function inARow(count: number, place: StressPlace): Promise<Failures> {
  const failures: string[] = [];
  const input: RunInput = { file: place.llamafile, args: ['--version'], policy: [] };
  for (let number = 0; number < count; number++) {
    const said: string[] = [];
    const conducted = await guard(context(place, said), input, SILENT, { signals: NO_SIGNALS });
    const fine = conducted !== undefined && 'code' in conducted.end && conducted.end.code === 0;
    if (!fine) failures.push(`session ${number}: ${JSON.stringify(conducted?.end)} ${said.join('')}`);
  }
  return failures;
}

/** Runs sessions side by side, each with a launcher of its own. @param command that of `paddock`, as words. */
export async function atOnce(
  count: number,
  place: StressPlace,
  command: readonly string[],
): Promise<Failures> {
  const runs = Array.from({ length: count }, async (_, number) => {
    const said = await oneOf(place, command);
    return said === undefined ? [] : [`session ${number} of ${count} at once: ${said}`];
  });
  return (await Promise.all(runs)).flat();
}

/** Fifty at once on a busy machine of two processors take half a minute. */
const PATIENCE_MS = 300_000;

function oneOf(
  { llamafile, env, root }: StressPlace,
  [program = '', ...words]: readonly string[],
): Promise<string | undefined> {
  const args = [...words, 'run', llamafile, '--version'];
  const options = { cwd: root, env: { ...env }, timeout: PATIENCE_MS, killSignal: 'SIGKILL' } as const;
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code === 0 ? undefined : `${code ?? signal} ${said}`));
  });
}

function context({ env, root }: StressPlace, said: string[]): Context {
  const output = { write: (text: string): void => void said.push(text), isTTY: false, columns: 80 };
  const uid = process.getuid?.() ?? 0;
  return {
    env,
    cwd: root,
    home: env.HOME ?? root,
    uid,
    stdout: output,
    stderr: output,
    now: () => new Date(),
  };
}

// As terminals they are not handed on: what a thousand programs write goes nowhere.
const SILENT: CallerStreams = {
  isTerminal: [false, true, true],
  stdin: () => process.stdin,
  stdout: nowhere,
  stderr: nowhere,
};

function nowhere(): WriteStream {
  return new Writable({ write: (_chunk, _encoding, done) => done() }) as WriteStream;
}

const NO_SIGNALS = { onSignal: () => {}, stop: async () => {} };
