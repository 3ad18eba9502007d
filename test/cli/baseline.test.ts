import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { beforeAll, describe, expect, it } from 'vitest';
import { run as add } from '../../src/cli/baseline/add.ts';
import { runExport, runImport } from '../../src/cli/baseline/exchange.ts';
import { type BaselineInput, run as baseline } from '../../src/cli/baseline.ts';
import { run as trust } from '../../src/cli/trust.ts';
import { run as verify } from '../../src/cli/verify.ts';
import { infozipRewrite, zipalignAppend } from '../../src/demo/zip-writer.ts';
import { NAME_RULE } from '../../src/integrity/baselines/schema.ts';
import { shippedTables } from '../../src/integrity/tables.ts';
import type { CallerStreams } from '../../src/terminal/streams.ts';
import { modelEntries } from '../fixtures/llamafile.ts';
import { RELEASE_ENTRIES, release } from '../integrity/baselines/learned.ts';
import { capture } from './capture.ts';
import { scratch } from './paddock.ts';

const home = scratch();
const base = release();
const user = modelEntries();
const program = join(home, 'llamafile-9.0');
const model = join(home, 'model.llamafile');
const tampered = join(home, 'tampered.llamafile');

beforeAll(() => {
  writeFileSync(program, base, { mode: 0o755 });
  writeFileSync(model, infozipRewrite(base, user), { mode: 0o755 });
  const page = { name: 'llama.cpp/server/public/index.html', content: Buffer.from('<script>') };
  writeFileSync(tampered, zipalignAppend(base, [...user, page]), { mode: 0o755 });
});

/** Standard streams: pipes, or a terminal at which somebody types. */
function streams(typed?: string): CallerStreams {
  const input = new PassThrough();
  if (typed !== undefined) input.end(typed);
  const at = typed !== undefined;
  const stream = (one: PassThrough): never => one as never;
  return {
    isTerminal: [at, at, at],
    stdin: () => stream(input),
    stdout: () => stream(new PassThrough().resume()),
    stderr: () => stream(new PassThrough().resume()),
  };
}

/** A home of its own for each test. */
let homes = 0;
function person(): string {
  const path = join(home, `home${homes++}`);
  mkdirSync(path);
  return path;
}

async function learned(who = person()): Promise<string> {
  expect(await add(capture(who), { file: program, name: 'llamafile-9.0', yes: true }, streams())).toBe(0);
  return who;
}

function told(who: string, input: BaselineInput): string {
  const context = capture(who);
  expect(baseline(context, input)).toBe(0);
  return context.out();
}

async function verified(who: string, path: string): Promise<{ code: number; text: string; json: Verdicts }> {
  const context = capture(who);
  const code = await verify(context, { paths: [path], policy: [] });
  const json = capture(who);
  await verify(json, { paths: [path], policy: [], json: true });
  return { code, text: context.out(), json: JSON.parse(json.out()) };
}
interface Verdicts {
  readonly files: readonly [{ readonly verdict: Record<string, unknown> }];
}

describe('add', () => {
  it('wants somebody to vouch for a file that nobody published', async () => {
    const who = person();
    await expect(add(capture(who), { file: program }, streams())).rejects.toMatchObject({ code: 'usage' });
    await expect(add(capture(who), { file: program }, streams('no\n'))).rejects.toMatchObject({
      code: 'refused',
    });
    await expect(add(capture(who), { file: program }, streams('\n'))).rejects.toMatchObject({
      code: 'refused',
    });
    expect(told(who, { action: 'list', json: true })).toContain('"baselines": []');
    const context = capture(who);
    expect(await add(context, { file: program }, streams('yes\n'))).toBe(0);
    expect(context.err()).toMatch(/SHA-256 [0-9a-f]{64}/);
    expect(JSON.parse(told(who, { action: 'list', json: true })).baselines).toMatchObject([
      { name: 'llamafile-9.0', store: 'user', learned: { because: 'vouched for' } },
    ]);
  });

  it('takes no version from the name of the file: it decides how .args is read', async () => {
    const who = person();
    const old = join(who, 'llamafile-0.6.2');
    writeFileSync(old, base, { mode: 0o755 });
    expect(await add(capture(who), { file: old, yes: true }, streams())).toBe(0);
    const hidden = join(who, 'hidden.llamafile');
    const args = { name: '.args', content: Buffer.from('"\\x2d-unsecure"\n...\n') };
    writeFileSync(hidden, zipalignAppend(base, [...user.filter(({ name }) => name !== '.args'), args]), {
      mode: 0o755,
    });
    const { json } = await verified(who, hidden);
    expect(JSON.stringify(json)).toContain('ARG-010');
  });

  it('refuses a name that is none, or is taken', async () => {
    const who = await learned();
    for (const name of ['../x', 'A b', '']) {
      await expect(add(capture(who), { file: program, name, yes: true }, streams())).rejects.toMatchObject({
        code: 'usage',
      });
    }
    await expect(add(capture(who), { file: program, yes: true }, streams())).rejects.toMatchObject({
      code: 'usage',
    });
    expect(await add(capture(who), { file: program, yes: true, force: true }, streams())).toBe(0);
    expect(await add(capture(who), { file: program, name: 'other', yes: true }, streams())).toBe(0);
  });

  it('learns nothing from a file that was tampered with, or that is no llamafile', async () => {
    const who = await learned();
    await expect(
      add(capture(who), { file: tampered, name: 'x', yes: true }, streams()),
    ).rejects.toMatchObject({ code: 'refused' });
    const text = join(who, 'text');
    writeFileSync(text, 'hello');
    await expect(add(capture(who), { file: text, yes: true }, streams())).rejects.toMatchObject({
      code: 'not-llamafile',
    });
  });

  it('can use the name of every published release', () => {
    for (const { artifact } of shippedTables().releases.values()) expect(artifact).toMatch(NAME_RULE);
  });
});

describe('verify', () => {
  it('names what was learned, and how the file differs in form', async () => {
    const stranger = await verified(person(), model);
    expect(stranger.text).toMatch(/tier C: the runtime is not a release that paddock knows/);
    const { text, json } = await verified(await learned(), model);
    expect(text).toMatch(/tier B: the runtime is llamafile-9\.0, part for part; the file was\s+repacked/);
    expect(json.files[0].verdict).toMatchObject({
      standing: 'release',
      tier: 'B',
      release: 'llamafile-9.0',
      version: '9.0',
      releaseKnownBy: 'baseline',
      form: 'repacked',
    });
  });

  it('names the component that differs, with both digests', async () => {
    const { code, text, json } = await verified(await learned(), tampered);
    expect(code).toBe(3);
    expect(text).toMatch(/tampered with: made from llamafile-9\.0, and not any more in member/);
    expect(text).toContain('ZIP-054');
    expect(text.match(/\b[0-9a-f]{64}\b/g)?.length).toBeGreaterThanOrEqual(2);
    expect(json.files[0].verdict).toMatchObject({
      standing: 'tampered',
      components: [{ component: 'member llama.cpp/server/public/index.html' }],
    });
  });

  it('judges nothing while somebody else could have written the store', async () => {
    const who = await learned();
    const path = join(who, '.local/share/paddock/baselines/llamafile-9.0.json');
    writeFileSync(path, `${readFileSync(path, 'utf8').slice(0, -3)}`);
    const { code, text } = await verified(who, model).catch((cause) => ({ code: 2, text: String(cause) }));
    expect(code).not.toBe(0);
    expect(text).toMatch(/baseline is damaged/);
  });
});

describe('list, show and remove', () => {
  it('tell of each part and member, and forget', async () => {
    const who = await learned();
    const text = told(who, { action: 'show', name: 'llamafile-9.0' });
    expect(text).toContain('x86-64 R-X segment');
    for (const { name } of RELEASE_ENTRIES) expect(text).toContain(name);
    const json = JSON.parse(told(who, { action: 'show', name: 'llamafile-9.0', json: true }));
    expect(json).toMatchObject({ schema: 'paddock/baseline/v1', store: 'user' });
    expect(told(who, { action: 'list' })).toMatch(/llamafile-9\.0 +9\.0 .* vouched for/);
    told(who, { action: 'remove', name: 'llamafile-9.0' });
    expect(JSON.parse(told(who, { action: 'list', json: true })).baselines).toEqual([]);
    expect(() => baseline(capture(who), { action: 'show', name: 'llamafile-9.0' })).toThrow(/no baseline/);
  });
});

describe('export and import', () => {
  const exported = async (who: string, name = 'out.json'): Promise<string> => {
    const output = join(who, name);
    runExport(capture(who), { names: ['llamafile-9.0'], output });
    const publicKey = capture(who);
    await trust(publicKey, { action: 'init' });
    writeFileSync(join(who, 'key.pem'), publicKey.out());
    return output;
  };

  it('carry a baseline to somebody who trusts the signer, for that purpose', async () => {
    const alice = await learned();
    const file = await exported(alice);
    const bob = person();
    const untrusted = expect.objectContaining({ code: 'untrusted' });
    const take = (force = false) => runImport(capture(bob), { file, force });
    expect(caught(take)).toEqual(untrusted);
    const key = join(alice, 'key.pem');
    await trust(capture(bob), { action: 'add', name: 'alice-models', key, for: ['signature', 'approval'] });
    expect(caught(take)).toEqual(untrusted);
    await trust(capture(bob), { action: 'remove', name: 'alice-models' });
    await trust(capture(bob), { action: 'add', name: 'alice', key, for: ['baseline'] });
    expect(take()).toBe(0);
    expect(JSON.parse(told(bob, { action: 'list', json: true })).baselines).toMatchObject([
      { name: 'llamafile-9.0', imported: { signer: 'alice' } },
    ]);
    expect((await verified(bob, model)).text).toMatch(/tier B/);
    expect(caught(take)).toMatchObject({ code: 'usage' });
    expect(take(true)).toBe(0);
  });

  it('take nothing that was changed on the way, and nothing that is no export', async () => {
    const alice = await learned();
    const envelope = JSON.parse(readFileSync(await exported(alice), 'utf8'));
    const payload = Buffer.from(envelope.payload, 'base64').toString().replace('9.0', '9.1');
    const forged = join(alice, 'forged.json');
    writeFileSync(forged, JSON.stringify({ ...envelope, payload: Buffer.from(payload).toString('base64') }));
    expect(caught(() => runImport(capture(alice), { file: forged, force: true }))).toMatchObject({
      code: 'untrusted',
    });
    writeFileSync(forged, 'hello');
    expect(caught(() => runImport(capture(alice), { file: forged }))).toMatchObject({ code: 'malformed' });
    expect(caught(() => runImport(capture(alice), { file: join(alice, 'none') }))).toMatchObject({
      code: 'not-found',
    });
    expect(caught(() => runExport(capture(alice), { names: ['none'], output: '-' }))).toMatchObject({
      code: 'usage',
    });
  });
});

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (cause) {
    return cause;
  }
}
