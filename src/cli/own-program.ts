import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { ensureGate, packageRoot } from '../host/native.ts';
import { probeHost } from '../host/probe.ts';
import { killLeaves, makeLeaves, removeLeaves } from '../launch/cgroup.ts';
import type { Card, CardKind } from '../launch/devices.ts';
import { makeDirectories, removeDirectories, type SessionDirectories } from '../launch/directories.ts';
import { systemPaths } from '../launch/paths.ts';
import type { LaunchPlan } from '../launch/plan.ts';
import { planLaunch } from '../launch/planner.ts';
import { userPaths } from '../lib/paths.ts';
import { resolvePolicy } from '../policy/load.ts';
import { conduct, type Observer } from '../session/conduct.ts';
import { sessionId } from '../session/start.ts';
import type { Streams } from '../terminal/streams.ts';
import type { Context } from './context.ts';
import { policyLayers } from './policy-layers.ts';

/** What a program printed, at most 64 KiB of each stream. */
export interface FencedOutput {
  readonly stdout: string;
  readonly stderr: string;
}

export interface OwnProgram {
  readonly program: string;
  readonly args?: readonly string[];
  readonly kind: CardKind;
  /** Those within reach, if the policy allows it. */
  readonly cards: readonly Card[];
  /** Puts something into the private folders, and closes what is to be closed. */
  fill(directories: SessionDirectories): void | Promise<void>;
}

/**
 * Runs a program of paddock's own, which is no llamafile, inside the fence that the user's policy raises, with graphics cards
 * in reach. Not recorded: it is no session of a model.
 * @throws PaddockError as `run` does, save for what is judged.
 */
export async function runFenced(
  context: Context,
  { program, args = [], kind, cards, fill }: OwnProgram,
): Promise<FencedOutput> {
  const { state, config, cache } = userPaths(context.env, context.home);
  const gate = await ensureGate({ cache, uid: context.uid, searchPath: context.env.PATH, say: () => {} });
  const loaded = await policyLayers(context, { files: [], flags: { devices: { gpu: kind } } });
  const effective = resolvePolicy(loaded); // rules are about llamafiles
  const directories = makeDirectories(context.env, context.uid);
  const fd = openSync(program, 'r');
  try {
    await fill(directories);
    const plan = planLaunch({
      id: sessionId(context.now(), randomBytes(3)),
      file: program,
      argv0: program,
      effective,
      host: probeHost(gate, context.uid),
      start: { form: 'elf' },
      still: { how: 'restat', why: 'it is a program of paddock’s own' },
      held: [],
      arguments: { args, line: [], reads: [], network: { mode: 'none' }, warnings: [] },
      environment: context.env,
      home: context.home,
      directories,
      own: [state, config, cache, packageRoot()],
      streams: 'pipes',
      reopen: [],
      allowDegraded: true, // whether a driver initialises is all that is asked
      cards,
      paths: systemPaths,
    });
    return await conducted(plan, gate, fd);
  } finally {
    closeSync(fd);
    removeDirectories(directories);
  }
}

const PATIENCE_MS = 60_000;
const SAMPLE_MS = 1000;

async function conducted(plan: LaunchPlan, gate: string, file: number): Promise<FencedOutput> {
  const { streams, output } = captured();
  try {
    makeLeaves(plan.cgroups);
    await conduct({
      plan,
      gateProgram: gate,
      file,
      streams,
      observer: NOBODY,
      signals: { onSignal: () => {}, stop: async () => {} },
      sampleMs: SAMPLE_MS,
      timeMs: PATIENCE_MS,
    });
    return output();
  } finally {
    await killLeaves(plan.cgroups, (pid) => void process.kill(pid, 'SIGKILL'));
    removeLeaves(plan.cgroups);
  }
}

const NOBODY: Observer = {
  event: () => undefined,
  sample: () => undefined,
  output: () => undefined,
  timeUp: () => ({ by: 'rule', detail: 'the driver takes too long' }),
};
const MAX_OUTPUT = 64 << 10;

function captured(): { readonly streams: Streams; readonly output: () => FencedOutput } {
  const texts = ['', '', ''];
  const ends: Promise<void>[] = [];
  const streams: Streams = {
    mode: 'pipes',
    countOutput() {},
    stdio: ['pipe', 'pipe', 'pipe'],
    attach(pipes) {
      const [input] = pipes;
      if (input != null && 'end' in input) input.end();
      for (const fd of [1, 2] as const) {
        const pipe = pipes[fd];
        if (pipe == null || !('on' in pipe)) continue;
        pipe.on('data', (chunk: Buffer) => {
          texts[fd] = `${texts[fd]}${chunk.toString('latin1')}`.slice(0, MAX_OUTPUT);
        });
        ends.push(new Promise((resolve) => pipe.on('close', () => resolve())));
      }
    },
    drain: async () => void (await Promise.all(ends)),
    release() {},
    resume() {},
    removed: () => 0,
  };
  return { streams, output: () => ({ stdout: texts[1] ?? '', stderr: texts[2] ?? '' }) };
}
