import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BaselinePlaces } from '../../../src/integrity/baselines/baseline.ts';
import { exportBaselines, importBaselines } from '../../../src/integrity/baselines/exchange.ts';
import { checkBaseline, SCHEMA, type StoredBaseline } from '../../../src/integrity/baselines/schema.ts';
import {
  keptAs,
  readBaselines,
  removeBaseline,
  writeBaseline,
} from '../../../src/integrity/baselines/store.ts';
import { keyId, parseEnvelope, signEnvelope } from '../../../src/lib/dsse.ts';
import { PaddockError } from '../../../src/lib/errors.ts';
import { learn, release } from './learned.ts';

const NOW = new Date('2026-01-02T03:04:05Z');
const bare = await learn(release());

function stored(name = 'llamafile-9.0', changes: Partial<StoredBaseline> = {}): StoredBaseline {
  const learned = { at: NOW.toISOString(), from: 'llamafile', because: 'vouched for' } as const;
  return { schema: SCHEMA, ...bare, name, learned, ...changes } as StoredBaseline;
}

let folder: string;
let places: BaselinePlaces;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-baselines-'));
  places = {
    system: join(folder, 'system'),
    user: join(folder, 'user', 'baselines'),
    uid: process.getuid?.() ?? -1,
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const names = (): string[] => readBaselines(places).map(({ baseline }) => baseline.name);
const doubtful = expect.objectContaining({ code: 'policy-invalid' });

function caught(work: () => unknown): unknown {
  try {
    return work();
  } catch (cause) {
    return cause;
  }
}

describe('the store', () => {
  it('keeps what it was given, privately, and nothing else', () => {
    writeBaseline(places, stored(), false);
    writeBaseline(places, stored('b'), false);
    expect(keptAs(places, 'llamafile-9.0')).toEqual({ baseline: stored(), store: 'user' });
    expect(statSync(places.user).mode & 0o777).toBe(0o700);
    expect(readdirSync(places.user).sort()).toEqual(['b.json', 'llamafile-9.0.json']);
    expect(statSync(join(places.user, 'b.json')).mode & 0o777).toBe(0o600);
    removeBaseline(places, 'b');
    expect(names()).toEqual(['llamafile-9.0']);
  });

  it('is empty where there is none', () => {
    expect(names()).toEqual([]);
    expect(caught(() => keptAs(places, 'x'))).toMatchObject({ code: 'usage' });
    expect(caught(() => removeBaseline(places, '../../etc/passwd'))).toMatchObject({ code: 'usage' });
  });

  it('writes over nothing unless told to', () => {
    writeBaseline(places, stored(), false);
    expect(caught(() => writeBaseline(places, stored(), false))).toMatchObject({ code: 'usage' });
    writeBaseline(places, stored('llamafile-9.0', { version: '9.1' }), true);
    expect(keptAs(places, 'llamafile-9.0').baseline.version).toBe('9.1');
  });

  it.each(['', '.', '..', 'a/b', '../a', 'A', '-a', '.a', 'a b', 'a'.repeat(65), 'a\0'])(
    'takes no baseline named %j',
    (name) => {
      expect(caught(() => writeBaseline(places, stored(name), false))).toBeInstanceOf(PaddockError);
      expect(names()).toEqual([]);
    },
  );
});

describe('what somebody else could have written', () => {
  const path = (): string => join(places.user, 'llamafile-9.0.json');
  beforeEach(() => writeBaseline(places, stored(), false));

  it.each([0o620, 0o602, 0o666])('a file of mode %o', (mode) => {
    chmodSync(path(), mode);
    expect(caught(names)).toEqual(doubtful);
  });

  it('a folder that others may write to', () => {
    chmodSync(places.user, 0o770);
    expect(caught(names)).toEqual(doubtful);
    expect(caught(() => writeBaseline(places, stored('b'), false))).toEqual(doubtful);
  });

  it('a link in place of a file, or of the folder', () => {
    const elsewhere = join(folder, 'elsewhere.json');
    renameSync(path(), elsewhere);
    symlinkSync(elsewhere, path());
    expect(caught(names)).toEqual(doubtful);
    rmSync(path());
    renameSync(places.user, join(folder, 'moved'));
    symlinkSync(join(folder, 'moved'), places.user);
    expect(caught(names)).toEqual(doubtful);
  });

  it('a folder or a FIFO in place of a file does not hang', () => {
    rmSync(path());
    mkdirSync(path());
    expect(caught(names)).toBeInstanceOf(PaddockError);
  });

  it.runIf(process.getuid?.() === 0)('a store of the machine that is not root’s', () => {
    mkdirSync(places.system, { mode: 0o755 });
    writeFileSync(join(places.system, 'a.json'), JSON.stringify(stored('a')), { mode: 0o644 });
    expect(names()).toEqual(['a', 'llamafile-9.0']);
    chmodSync(places.system, 0o775);
    expect(caught(names)).toEqual(doubtful);
  });

  it.runIf(process.getuid?.() === 0)('the machine’s counts where both have the same name', () => {
    mkdirSync(places.system, { mode: 0o755 });
    const own = stored('llamafile-9.0', { version: 'machine' });
    writeFileSync(join(places.system, 'llamafile-9.0.json'), JSON.stringify(own), { mode: 0o644 });
    expect(readBaselines(places)).toMatchObject([{ store: 'system', baseline: { version: 'machine' } }]);
    writeBaseline(places, stored('mine'), false);
    expect(readBaselines(places)).toHaveLength(2);
    expect(readBaselines({ ...places, systemOnly: true })).toMatchObject([{ store: 'system' }]);
    expect(caught(() => removeBaseline(places, 'llamafile-9.0'))).toMatchObject({ code: 'usage' });
    expect(caught(() => writeBaseline(places, stored(), true))).toMatchObject({ code: 'usage' });
  });
});

describe('a damaged file', () => {
  const write = (text: string, name = 'llamafile-9.0'): void => {
    mkdirSync(places.user, { recursive: true, mode: 0o700 });
    writeFileSync(join(places.user, `${name}.json`), text, { mode: 0o600 });
  };

  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['another schema', JSON.stringify({ ...stored(), schema: 'paddock/baseline/v2' })],
    ['an unknown field', JSON.stringify({ ...stored(), more: 1 })],
    ['a part left out', JSON.stringify({ ...stored(), parts: bare.parts.slice(1) })],
    ['the last part left out', JSON.stringify({ ...stored(), parts: bare.parts.slice(0, -1) })],
    [
      'pieces left out',
      JSON.stringify({ ...stored(), parts: bare.parts.map(({ pieces: _, ...rest }) => rest) }),
    ],
    ['a short digest', JSON.stringify({ ...stored(), prefix: { ...bare.prefix, sha256: 'ab' } })],
  ])('is an error and not left out: %s', (_, text) => {
    write(text);
    expect(caught(names)).toEqual(doubtful);
  });

  it('and so is one under another name, and one that is too long', () => {
    write(JSON.stringify(stored('a')), 'b');
    expect(caught(names)).toEqual(doubtful);
    rmSync(join(places.user, 'b.json'));
    write(' '.repeat(8 * 1024 * 1024 + 1));
    expect(caught(names)).toEqual(doubtful);
  });

  it('any JSON is a baseline or an error of paddock’s', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(caught(() => checkBaseline(value, 'here'))).toBeInstanceOf(PaddockError);
      }),
    );
  });
});

describe('an export', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const other = generateKeyPairSync('ed25519');
  const trusted = new Map([[publicKey, 'alice']]);
  const sent = (): Buffer =>
    Buffer.from(JSON.stringify(exportBaselines([stored('a'), stored('b')], privateKey)));

  it('comes back as it was, with who signed it', () => {
    const [a, b] = importBaselines(parseEnvelope(sent()), trusted, NOW, 'file');
    const imported = { at: NOW.toISOString(), signer: 'alice', key: keyId(publicKey) };
    expect(a).toEqual(stored('a', { imported }));
    expect(b?.name).toBe('b');
  });

  it('is not taken from strangers, and not when a bit of it changed', () => {
    const untrusted = expect.objectContaining({ code: 'untrusted' });
    const strangers = new Map([[other.publicKey, 'mallory']]);
    expect(caught(() => importBaselines(parseEnvelope(sent()), strangers, NOW, 'file'))).toEqual(untrusted);
    expect(caught(() => importBaselines(parseEnvelope(sent()), new Map(), NOW, 'file'))).toEqual(untrusted);
    const envelope = parseEnvelope(sent());
    const payload = Buffer.from(envelope.payload, 'base64');
    for (let at = 0; at < payload.length; at += Math.ceil(payload.length / 50)) {
      const changed = Buffer.from(payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const forged = { ...envelope, payload: changed.toString('base64') };
      expect(caught(() => importBaselines(forged, trusted, NOW, 'file'))).toEqual(untrusted);
    }
  });

  it('that is signed but no list of baselines is refused', () => {
    const type = 'application/vnd.paddock.baseline+json';
    for (const payload of ['[]', '{}', 'x', '{"schema":"paddock/baselines/v1","baselines":[{}]}']) {
      const envelope = signEnvelope(type, Buffer.from(payload), [privateKey]);
      expect(caught(() => importBaselines(envelope, trusted, NOW, 'file'))).toEqual(doubtful);
    }
    const approval = signEnvelope('application/vnd.in-toto+json', Buffer.from('{}'), [privateKey]);
    expect(caught(() => importBaselines(approval, trusted, NOW, 'file'))).toMatchObject({
      code: 'untrusted',
    });
  });

  it('does not say whom it was imported from before, nor where an engine is', () => {
    const imported = { at: NOW.toISOString(), signer: 'bob', key: keyId(other.publicKey) };
    const envelope = exportBaselines([stored('a', { imported, engine: { path: '/home/me' } })], privateKey);
    expect(Buffer.from(envelope.payload, 'base64').toString()).not.toMatch(/bob|\/home/);
    const [back] = importBaselines(envelope, trusted, NOW, 'file');
    expect(back?.imported?.signer).toBe('alice');
  });
});

it('a baseline of a release is small', () => {
  writeBaseline(places, stored(), false);
  expect(readFileSync(join(places.user, 'llamafile-9.0.json')).length).toBeLessThan(16 * 1024);
});
