import { createServer } from 'node:net';
import { PaddockError } from '../lib/errors.ts';
import type { CallerStreams } from '../terminal/streams.ts';
import type { Context } from './context.ts';
import type { RunInput } from './prepare.ts';
import { paint } from './render.ts';
import { guard } from './run.ts';

/** How long the server may take to be ready, and how often it is asked. */
const READY_TRIES = 100;
const READY_PAUSE_MS = 100;
const SIGINT = 2;

/** Runs the file as a server on a free loopback port, asks it for a completion, shows the answer, and ends it. */
export async function askServer(
  context: Context,
  file: string,
  base: RunInput,
  caller: CallerStreams,
): Promise<void> {
  const port = await freePort();
  const args = ['--server', '--port', String(port), '--nobrowser', '--log-disable'];
  const command = ['paddock run', file, ...args].join(' ');
  context.stderr.write(`${paint(context, 'stderr').cyan(`▸ ${command}`)}\n`);
  let interrupt: (signal: number) => void = () => {};
  const session = guard(context, { ...base, file, args }, noTerminal(caller), {
    signals: {
      onSignal(handler) {
        interrupt = handler;
      },
      stop: () => Promise.resolve(),
    },
  });
  try {
    await Promise.race([ask(context, port), session.then(endedEarly)]);
  } finally {
    interrupt(SIGINT);
    await session;
  }
}

async function ask(context: Context, port: number): Promise<void> {
  const base = `http://127.0.0.1:${port}`;
  await ready(base);
  const response = await fetch(`${base}/completion`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'The llama', n_predict: 40, temperature: 0.6 }),
  });
  const { content } = (await response.json()) as { content: string };
  const colors = paint(context, 'stderr');
  context.stderr.write(`${colors.cyan(`▸ POST ${base}/completion`)}\n`);
  context.stdout.write(`The llama${content}\n`);
}

async function ready(base: string): Promise<void> {
  for (let tries = 0; tries < READY_TRIES; tries++) {
    try {
      if ((await fetch(`${base}/health`)).ok) return;
    } catch {
      // not listening yet; the next try tells
    }
    await new Promise((resolve) => setTimeout(resolve, READY_PAUSE_MS));
  }
  throw new PaddockError('internal', 'the demo’s server did not become ready');
}

function endedEarly(): never {
  throw new PaddockError('internal', 'the demo’s server ended before it was asked');
}

// The server is no chat: it needs no terminal of its own, and the answer is shown by us.
function noTerminal(caller: CallerStreams): CallerStreams {
  return { ...caller, isTerminal: [false, caller.isTerminal[1], caller.isTerminal[2]] };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}
