import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixture } from '../fixtures/llamafiles.ts';

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
  readonly port: number;
  readonly stderr: () => string;
}

const folder = mkdtempSync(join(tmpdir(), 'paddock-server-'));
let server: Server;
beforeAll(async () => {
  server = await start([]);
});
afterAll(() => {
  server.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

describe('the server', () => {
  it('announces itself on standard error, also with --log-disable', async () => {
    expect(server.stderr()).toContain(`\nllama server listening at ${server.url}\n`);
    const quiet = await start(['--log-disable']);
    expect(quiet.stderr().trim()).toBe(`llama server listening at ${quiet.url}`);
    quiet.child.kill('SIGKILL');
  });

  it('GET /health', async () => {
    const response = await fetch(`${server.url}/health`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('GET /v1/models', async () => {
    const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['model.gguf']);
  });

  it('POST /completion', async () => {
    const answer = await post('/completion', { prompt: 'The llama', n_predict: 6, seed: 1 });
    expect(answer).toMatchObject({
      stop: true,
      tokens_predicted: 6,
      stopped_limit: true,
      tokens_evaluated: 3,
    });
    expect(answer.content).toMatch(/^ \w+ /);
  });

  it('POST /completion in a stream says the same, piece by piece', async () => {
    const question = { prompt: 'The llama', n_predict: 12, seed: 1 };
    const whole = await post('/completion', question);
    const events = await stream('/completion', { ...question, stream: true });
    expect(events.length).toBe(13);
    expect(events.map((event) => JSON.parse(event).content).join('')).toBe(whole.content);
    expect(events.map((event) => JSON.parse(event).stop)).toEqual([...Array(12).fill(false), true]);
  });

  it.each([
    ['a word', (text: string) => text.split(' ')[4] ?? ''],
    [
      'one of several, which begins inside a token and ends in another',
      (text: string) => ['nothing', text.slice(9, 16)],
    ],
  ])('stops before %s', async (_, choose) => {
    const question = { prompt: 'The paddock', n_predict: 40, temperature: 0 };
    const stop = choose((await post('/completion', question)).content);
    const { content, stopped_word } = await post('/completion', { ...question, stop });
    const events = await stream('/completion', { ...question, stop, stream: true });
    expect(events.map((event) => JSON.parse(event).content).join('')).toBe(content);
    for (const word of [stop].flat()) expect(content).not.toContain(word);
    expect(stopped_word).toBe(true);
  });

  it('POST /v1/chat/completions', async () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'The keeper' },
    ];
    const answer = await post('/v1/chat/completions', { messages, max_tokens: 5 });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, finish_reason: 'length', message: { role: 'assistant' } }],
      usage: { completion_tokens: 5 },
    });
    const events = await stream('/v1/chat/completions', { messages, max_tokens: 5, stream: true });
    expect(events.at(-1)).toBe('[DONE]');
    expect(events.slice(0, 5).map((event) => JSON.parse(event).choices[0].delta.content)).not.toContain(
      undefined,
    );
    expect(JSON.parse(events.at(-2) ?? '').choices[0].finish_reason).toBe('length');
  });

  it('answers several at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, seed) =>
        post('/completion', { prompt: 'One day', n_predict: 20, seed }),
      ),
    );
    expect(answers.every(({ tokens_predicted: count }) => count === 20)).toBe(true);
  });

  it.each([
    ['POST', '/completion', '{"prompt":', 400],
    ['POST', '/completion', '{"prompt":7}', 400],
    ['POST', '/completion', '[]', 400],
    ['POST', '/completion', `{"prompt":"${'a '.repeat(3000)}"}`, 400],
    ['POST', '/completion', `${'['.repeat(5000)}`, 400],
    ['POST', '/v1/chat/completions', '{"messages":[{"role":"user"}]}', 400],
    ['POST', '/nowhere', '{}', 404],
    ['PUT', '/completion', '{}', 404],
  ])('%s %s %.30s is answered with %4$d', async (method, path, body, status) => {
    const response = await fetch(server.url + path, { method, body });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code: status } });
  });

  it.each([
    ['rubbish\r\n\r\n', 400],
    ['POST /completion HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', 411],
    ['POST /completion HTTP/1.1\r\n\r\n', 411],
    ['POST /completion HTTP/1.1\r\nContent-Length: -1\r\n\r\n', 400],
    ['POST /completion HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['POST /completion HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n', 400],
    ['POST /completion HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n', 413],
    [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\n\r\n`, 431],
  ])('%.60j is answered with %d', async (request, status) => {
    expect(await raw(request)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  it('lives through bodies of any kind', async () => {
    const odd = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc
        .record({
          prompt: fc.string({ unit: 'binary', maxLength: 40 }),
          n_predict: fc.constantFrom(-1, 0, 1, 3, 1e300),
          temperature: fc.double({ noDefaultInfinity: true, noNaN: true }),
          top_p: fc.double({ noDefaultInfinity: true, noNaN: true }),
          top_k: fc.integer(),
          seed: fc.integer(),
          stop: fc.array(fc.string({ maxLength: 4 })),
        })
        .map((value) => JSON.stringify(value)),
    );
    const run = async (body: string) => {
      const response = await fetch(`${server.url}/completion`, { method: 'POST', body });
      expect([200, 400]).toContain(response.status);
      expect(await response.json()).toBeTypeOf('object');
    };
    await fc.assert(fc.asyncProperty(odd, run), { numRuns: 150 });
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  it('takes Unicode in and gives Unicode out', async () => {
    const answer = await post('/completion', { prompt: 'Grüße 🦙', n_predict: 1, temperature: 0 });
    expect(answer.stop).toBe(true);
  });
});

describe('a watcher sees', () => {
  it('one listening socket, a few threads, and llama.log', async () => {
    await post('/completion', { prompt: 'The', n_predict: 2 });
    const proc = `/proc/${server.child.pid}`;
    const threads = readdirSync(`${proc}/task`).length;
    expect(threads).toBeGreaterThanOrEqual(3); // main, acceptor, one worker at least with -t 3
    expect(threads).toBeLessThan(16);
    expect(readFileSync(join(folder, 'llama.log'), 'utf8')).toContain('loaded 12 tensors');
  });
});

describe('the end', () => {
  it('SIGINT ends it cleanly', async () => {
    const own = await start([]);
    own.child.kill('SIGINT');
    expect(await ended(own.child)).toEqual([0, null]);
  });

  it('SIGINT ends it while it generates', async () => {
    const own = await start(['--pace', '50']);
    const request = stream('/completion', { prompt: 'The', n_predict: 500, stream: true }, own.url).catch(
      () => [],
    );
    await waitFor(() => own.child.pid !== undefined && readdirSync(`/proc/${own.child.pid}/task`).length > 4);
    own.child.kill('SIGINT');
    expect(await ended(own.child)).toEqual([0, null]);
    await request;
  });

  it('SIGTERM kills it, as it kills the genuine one', async () => {
    const own = await start([]);
    own.child.kill('SIGTERM');
    expect(await ended(own.child)).toEqual([null, 'SIGTERM']);
  });

  it('a port that is taken is an error', async () => {
    const child = spawn(fixture('elf'), ['--port', String(server.port)], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    child.stderr?.on('data', (chunk) => {
      text += chunk;
    });
    expect(await ended(child)).toEqual([1, null]);
    expect(text).toContain(`error: couldn't bind to 127.0.0.1:${server.port}: Address already in use`);
  });
});

/** Starts the fixture on a free port and resolves when it announces itself. */
function start(args: readonly string[]): Promise<Server> {
  const child = spawn(fixture('elf'), ['--port', '0', '-t', '3', ...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${text}`)));
    child.stderr?.on('data', (chunk) => {
      text += chunk;
      const match = /llama server listening at (http:\/\/127\.0\.0\.1:(\d+))\n/.exec(text);
      if (match === null) return;
      resolve({ child, url: match[1] ?? '', port: Number(match[2]), stderr: () => text });
    });
  });
}

function ended(child: ChildProcess): Promise<[number | null, string | null]> {
  if (child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve([child.exitCode, child.signalCode]);
  return new Promise((resolve) => child.once('close', (code, signal) => resolve([code, signal])));
}

// biome-ignore lint/suspicious/noExplicitAny: answers of several shapes, each checked where it is used
async function post(path: string, body: unknown): Promise<any> {
  const response = await fetch(server.url + path, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return response.json();
}

/** The payloads of the events. */
async function stream(path: string, body: unknown, url = server.url): Promise<string[]> {
  const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const text = await response.text();
  return text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => event.replace(/^data: /, ''));
}

function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('close', () => resolve(text));
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
  });
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
}
