import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import {
  MAX_SIDECAR_BYTES,
  readSidecar,
  signaturePaths,
} from '../../../src/integrity/signatures/sidecars.ts';
import { CONTENT, examined, NAME } from './folder.ts';
import { bundle, keyPair, minisignSigner, pem, resource, shards, statement, trusting } from './signers.ts';

const folder = mkdtempSync(join(tmpdir(), 'paddock-sidecars-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

it('reads what is there', () => {
  writeFileSync(at('file'), 'text');
  expect(readSidecar(at('file'))).toMatchObject({ name: 'file', bytes: Buffer.from('text') });
  expect(readSidecar(at('absent'))).toBeUndefined();
  expect(readSidecar(at('x'.repeat(300)))).toBeUndefined();
});

it('follows no link, waits for nobody, and reads no more than its bound', () => {
  symlinkSync('/etc/passwd', at('link'));
  mkdirSync(at('folder'));
  spawnSync('mkfifo', [at('pipe')]);
  writeFileSync(at('long'), '');
  truncateSync(at('long'), MAX_SIDECAR_BYTES + 1);
  writeFileSync(at('longest'), '');
  truncateSync(at('longest'), MAX_SIDECAR_BYTES);
  for (const name of ['link', 'folder', 'pipe', 'long']) {
    expect(readSidecar(at(name))).toMatchObject({ refused: expect.any(String) });
  }
  expect(readSidecar(at('longest'))).toHaveProperty('bytes');
});

it('never takes the file itself for its own signature', () => {
  expect(signaturePaths('/a/model.sig')).toEqual(['/a/model.sig.minisig', '/a/model.sig.sig']);
  expect(signaturePaths('/a/model')).toEqual(['/a/model.minisig', '/a/model.sig']);
});

it('asks for the trust store only where there is something to compare', async () => {
  const store = {
    get signers(): never {
      throw new Error('asked');
    },
    now: new Date(),
  };
  expect(await examined({ store })).toMatchObject({ signatures: [], approvals: [] });
  await expect(examined({ store, required: ['approval'] })).resolves.toBeDefined();
});

it('lets a manifest of absurd pieces harm no other signature', async () => {
  const ada = minisignSigner();
  const { privateKey } = keyPair('P-256');
  const payload = statement(shards(NAME, CONTENT, 1000), { method: 'shards', shard_size: 1 });
  const { signatures } = await examined({
    beside: { [`${NAME}.minisig`]: ada.sign(CONTENT), [`${NAME}.sig`]: bundle({ payload, key: privateKey }) },
    store: trusting({ key: ada.publicText }, { name: 'b', key: pem(privateKey) }),
  });
  expect(signatures.map(({ state }) => state)).toEqual(['trusted', 'invalid']);
});

it('says it where one of several signatures is wrong', async () => {
  const [ada, eve] = [minisignSigner(), keyPair('P-256')];
  const { signatures } = await examined({
    beside: {
      [`${NAME}.minisig`]: ada.sign(CONTENT),
      'model.sig': bundle({ payload: statement([resource(NAME, Buffer.from('x'))]), key: eve.privateKey }),
    },
    store: trusting({ key: ada.publicText }, { name: 'eve', key: pem(eve.publicKey) }),
  });
  expect(signatures.map(({ state }) => state)).toEqual(['trusted', 'invalid']);
});
