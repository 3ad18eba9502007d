import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePrivateKey, readPrivateKey } from '../../../src/integrity/signatures/own-key.ts';
import { writeTrust } from '../../../src/integrity/signatures/trust.ts';
import { changeTrust, readStore, readTrust } from '../../../src/integrity/signatures/trust-file.ts';
import { entry, minisignSigner, NOW } from './signers.ts';

const uid = process.getuid?.() ?? 0;
const ADA = entry({ key: minisignSigner().publicText });
const BOB = entry({ key: minisignSigner().publicText, name: 'bob' });
let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-trust-'));
  path = join(folder, 'trust.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (mode = 0o600): void => {
  writeFileSync(path, writeTrust([ADA]));
  chmodSync(path, mode);
};
const refusal = expect.objectContaining({ code: 'policy-invalid' });

it('is empty where there is none', () => {
  const { signers } = readTrust({ system: join(folder, 'none'), user: path, uid }, NOW);
  expect(signers).toEqual([]);
});

it.each([0o770, 0o707, 0o1777])('does not count in a folder that others may write to (%o)', (mode) => {
  write();
  chmodSync(folder, mode);
  expect(() => readStore(path, 'user', uid)).toThrow(refusal);
  chmodSync(folder, 0o755);
  expect(readStore(path, 'user', uid)).toHaveLength(1);
});

it('is written as a whole, for the user alone, and read again', () => {
  const deep = join(folder, 'a', 'b', 'trust.json');
  changeTrust(deep, 'user', uid, () => [ADA]);
  changeTrust(deep, 'user', uid, (entries) => [...entries, BOB]);
  expect(statSync(deep).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'a', 'b')).mode & 0o777).toBe(0o700);
  expect(readStore(deep, 'user', uid).map(({ entry }) => entry)).toEqual([ADA, BOB]);
});

it('keeps what was there where a change fails', () => {
  write();
  const failed = () => {
    throw new TypeError('no');
  };
  expect(() => changeTrust(path, 'user', uid, failed)).toThrow();
  expect(() => changeTrust(path, 'user', uid, () => [ADA, ADA])).toThrow(refusal);
  expect(readStore(path, 'user', uid)).toHaveLength(1);
  changeTrust(path, 'user', uid, (entries) => [...entries, BOB]);
  expect(readStore(path, 'user', uid)).toHaveLength(2);
});

it('does not lose one of two changes at a time', () => {
  changeTrust(path, 'user', uid, () => {
    expect(() => changeTrust(path, 'user', uid, () => [BOB])).toThrow(
      expect.objectContaining({ code: 'io' }),
    );
    return [ADA];
  });
  expect(readStore(path, 'user', uid).map(({ entry }) => entry.name)).toEqual(['ada']);
});

describe('is refused', () => {
  it.each([0o620, 0o602, 0o666])('with mode %o', (mode) => {
    write(mode);
    expect(() => readStore(path, 'user', uid)).toThrow(refusal);
  });

  it('as a link, a folder, or a file of somebody else', () => {
    const real = join(folder, 'real');
    writeFileSync(real, writeTrust([ADA]), { mode: 0o600 });
    symlinkSync(real, path);
    expect(() => readStore(path, 'user', uid)).toThrow(refusal);
    rmSync(path);
    mkdirSync(path);
    expect(() => readStore(path, 'user', uid)).toThrow(refusal);
  });

  it.runIf(uid === 0)('of another owner', () => {
    write();
    chownSync(path, 12_345, 12_345);
    expect(() => readStore(path, 'user', uid)).toThrow(refusal);
    expect(readStore(path, 'user', 12_345)).toHaveLength(1);
    expect(() => readStore(path, 'system', 0)).toThrow(refusal);
  });

  it.runIf(uid === 0)('of the system in a folder that others may write', () => {
    write(0o644);
    expect(readStore(path, 'system', 0)).toHaveLength(1);
    chmodSync(folder, 0o777);
    expect(() => readStore(path, 'system', 0)).toThrow(refusal);
  });

  it.each([
    ['no JSON', '{'],
    ['another schema', '{"schema":"paddock/trust/v2","entries":[]}'],
    ['a key that it does not know', writeTrust([ADA]).replace('"added"', '"aded"')],
    ['a key that is none', writeTrust([{ ...ADA, key: 'RWQ' } as never])],
    ['a key of another kind', writeTrust([{ ...ADA, kind: 'ssh' } as never])],
    ['a date that is none', writeTrust([{ ...ADA, notAfter: 'soon' }])],
    ['a name that acts', writeTrust([{ ...ADA, name: '\x1b[2J' }])],
    ['a name twice', writeTrust([ADA, ADA])],
  ])('with %s', (_, text) => {
    writeFileSync(path, text, { mode: 0o600 });
    expect(() => readStore(path, 'user', uid)).toThrow(refusal);
  });
});

describe('a private key', () => {
  it('is written once, for the user alone, and never shown', () => {
    const key = join(folder, 'keys', 'own.pem');
    makePrivateKey(key);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
    expect(() => makePrivateKey(key)).toThrow(expect.objectContaining({ code: 'io' }));
    expect(readPrivateKey(key, uid)?.asymmetricKeyType).toBe('ed25519');
  });

  it('is refused where others may read it, and where it is none', () => {
    makePrivateKey(path);
    chmodSync(path, 0o640);
    expect(() => readPrivateKey(path, uid)).toThrow(refusal);
    writeFileSync(path, 'SECRET', { mode: 0o600 });
    chmodSync(path, 0o600);
    expect(readFileSync(path, 'utf8')).toBe('SECRET');
    const found = (() => {
      try {
        return readPrivateKey(path, uid);
      } catch (cause) {
        return cause;
      }
    })();
    expect(found).toMatchObject({ code: 'usage' });
    expect((found as { explain(): string }).explain()).not.toContain('SECRET');
  });
});
