import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPrivateKey } from '../../../src/integrity/signatures/own-key.ts';
import { signModel } from '../../../src/integrity/signatures/sign-model.ts';
import { preAuthEncoding } from '../../../src/lib/dsse.ts';
import { CONTENT, examined, NAME } from './folder.ts';
import { bundle, pem, resource, statement, trusting } from './signers.ts';

// The tools themselves, where this machine has them; a test that is skipped says so.
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'paddock-interop-'));
  writeFileSync(join(folder, NAME), CONTENT);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder, input, encoding: 'utf8' });
  expect(stderr, `${program} ${args.join(' ')}`).toSatisfy(() => status === 0);
  return stdout;
}

const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
const readBytes = (name: string): Buffer => readFileSync(join(folder, name));

describe.skipIf(!has('minisign', '-v'))('minisign', () => {
  it.each([
    ['prehashed', []],
    ['legacy', ['-l']],
  ])('%s: what it signs counts, with the key as it writes it', async (_, options) => {
    run('minisign', ['-G', '-W', '-f', '-p', 'm.pub', '-s', 'm.key']);
    run('minisign', ['-S', ...options, '-s', 'm.key', '-m', NAME, '-t', 'version 1']);
    const store = trusting({ key: read('m.pub') });
    const seen = await examined({ beside: { [`${NAME}.minisig`]: readBytes(`${NAME}.minisig`) }, store });
    expect(seen.signatures).toMatchObject([{ state: 'trusted' }]);
    const id = /key id: (\w+)|public key (\w+)/i.exec(read('m.pub'))?.slice(1).find(Boolean);
    // The tool leaves out leading zeros.
    expect(store.signers[0]).toMatchObject({ key: { id: id?.padStart(16, '0') } });
    const changed = read(`${NAME}.minisig`).replace('version 1', 'version 2');
    const other = await examined({ beside: { [`${NAME}.minisig`]: changed }, store });
    expect(other.signatures).toMatchObject([{ state: 'invalid' }]);
  });
});

describe.skipIf(!has('ssh-keygen', '-?'))('ssh-keygen', () => {
  it.each(['sha256', 'sha512'])('-Y sign with %s counts', async (hash) => {
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', `s-${hash}`, '-C', 'a comment']);
    run('ssh-keygen', ['-Y', 'sign', '-O', `hashalg=${hash}`, '-f', `s-${hash}`, '-n', 'file', NAME]);
    const store = trusting({ key: read(`s-${hash}.pub`) });
    const content = readBytes(`${NAME}.sig`);
    rmSync(join(folder, `${NAME}.sig`));
    const seen = await examined({ beside: { [`${NAME}.sig`]: content }, store });
    expect(seen.signatures).toMatchObject([{ state: 'trusted' }]);
    const listed = run('ssh-keygen', ['-l', '-f', `s-${hash}.pub`]);
    expect(store.signers[0]).toMatchObject({ key: { id: listed.split(' ')[1] } });
  });

  it('-Y sign with a key of another kind is told, and does not count', async () => {
    run('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', 'e']);
    run('ssh-keygen', ['-Y', 'sign', '-f', 'e', '-n', 'file', NAME]);
    const content = readBytes(`${NAME}.sig`);
    rmSync(join(folder, `${NAME}.sig`));
    const { signatures } = await examined({ beside: { [`${NAME}.sig`]: content }, store: trusting() });
    expect(signatures).toMatchObject([{ method: 'ssh', state: 'untrusted' }]);
  });
});

describe.skipIf(!has('sha256sum', '--version'))('sha256sum', () => {
  it.each(['plain.llamafile', 'a b.llamafile', 'a\\b.llamafile', 'a\nb.llamafile', '*a'])(
    'of %j',
    async (name) => {
      for (const mode of ['--text', '--binary']) {
        writeFileSync(join(folder, name), CONTENT);
        const list = run('sha256sum', [mode, '--', name]);
        rmSync(join(folder, name));
        const seen = await examined({ name, beside: { SHA256SUMS: list }, store: trusting() });
        expect(seen.signatures).toMatchObject([{ method: 'checksums', state: 'untrusted' }]);
        expect(seen.mismatches).toEqual([]);
        expect(
          (
            await examined({
              name,
              content: Buffer.from('x'),
              beside: { SHA256SUMS: list },
              store: trusting(),
            })
          ).mismatches,
        ).toHaveLength(1);
      }
    },
  );
});

describe.skipIf(!has('openssl', 'version'))('openssl', () => {
  it.each([
    ['P-256', 'sha256'],
    ['P-384', 'sha384'],
    ['P-521', 'sha512'],
  ])('verifies what `paddock sign` makes with a key of %s', (curve, digest) => {
    run('openssl', [
      'genpkey',
      '-algorithm',
      'EC',
      '-pkeyopt',
      `ec_paramgen_curve:${curve}`,
      '-out',
      'k.pem',
    ]);
    run('chmod', ['600', 'k.pem']);
    const key = readPrivateKey(join(folder, 'k.pem'), process.getuid?.() ?? 0);
    if (key === undefined) throw new Error('no key');
    const sha256 = resource(NAME, CONTENT).digest;
    const { dsseEnvelope } = JSON.parse(signModel(NAME, sha256, key));
    writeFileSync(join(folder, 'k.pub'), pem(key));
    writeFileSync(
      join(folder, 'pae'),
      preAuthEncoding(dsseEnvelope.payloadType, Buffer.from(dsseEnvelope.payload, 'base64')),
    );
    writeFileSync(join(folder, 'raw.sig'), Buffer.from(dsseEnvelope.signatures[0].sig, 'base64'));
    expect(
      run('openssl', ['dgst', `-${digest}`, '-verify', 'k.pub', '-signature', 'raw.sig', 'pae']),
    ).toMatch(/Verified OK/);
  });

  it('makes a certificate that counts', async () => {
    const request = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-384',
      '-nodes',
      '-days',
      '3650',
    ];
    run('openssl', [...request, '-subj', '/CN=an authority', '-keyout', 'ca.key', '-out', 'ca.pem']);
    writeFileSync(
      join(folder, 'leaf.cnf'),
      'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\n',
    );
    run('openssl', [
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=a signer',
      '-keyout',
      'leaf.key',
      '-out',
      'leaf.csr',
    ]);
    run('openssl', [
      'x509',
      '-req',
      '-in',
      'leaf.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '3650',
      '-extfile',
      'leaf.cnf',
      '-outform',
      'DER',
      '-out',
      'leaf.der',
    ]);
    run('chmod', ['600', 'leaf.key']);
    const key = readPrivateKey(join(folder, 'leaf.key'), process.getuid?.() ?? 0);
    if (key === undefined) throw new Error('no key');
    const rawBytes = readBytes('leaf.der').toString('base64');
    const content = bundle({
      payload: statement([resource(NAME, CONTENT)]),
      key,
      material: { x509CertificateChain: { certificates: [{ rawBytes }] } },
    });
    const store = { ...trusting({ certificate: read('ca.pem') }), now: new Date() };
    const { signatures } = await examined({ beside: { [`${NAME}.sig`]: content }, store });
    expect(signatures).toMatchObject([{ state: 'trusted', signer: 'CN=a signer by ada' }]);
  });
});
