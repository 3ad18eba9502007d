import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { run as trust } from '../../src/cli/trust.ts';
import { fixture } from '../fixtures/llamafiles.ts';
import { certificate, ISSUES } from '../integrity/signatures/certificate-writer.ts';
import {
  bundle,
  keyPair,
  minisignSigner,
  pem,
  resource,
  statement,
} from '../integrity/signatures/signers.ts';
import { capture } from './capture.ts';
import { paddock, scratch } from './paddock.ts';

const root = scratch();
let home = '';
let turn = 0;
beforeEach(() => {
  home = join(root, `home-${turn++}`);
  mkdirSync(home);
});
const stored = (): string => join(home, '.config', 'paddock', 'trust.json');

describe('paddock trust', () => {
  const ada = minisignSigner();

  it('adds, lists and removes', async () => {
    const context = capture(home);
    await trust(context, { action: 'add', name: 'ada', key: ada.publicText });
    writeFileSync(join(home, 'key.pem'), pem(keyPair('P-384').publicKey));
    await trust(context, {
      action: 'add',
      name: 'bob',
      key: 'key.pem',
      for: ['approval'],
      notAfter: new Date('2027-01-01'),
    });
    const authority = certificate({ name: 'an authority', ca: true, usage: ISSUES });
    await trust(context, { action: 'add', name: 'ca', key: authority.pem });
    const identity = { issuer: 'https://example.org', identity: 'ada@example.org' };
    await trust(context, { action: 'add', name: 'eve', ...identity });
    expect(statSync(stored()).mode & 0o777).toBe(0o600);

    await trust(context, { action: 'list' });
    for (const word of [
      'ada',
      ada.id,
      'approval',
      '2027-01-01',
      'CN=an authority',
      'ada@example.org (https://example.org)',
    ])
      expect(context.out()).toContain(word);

    await trust(context, { action: 'remove', name: 'bob' });
    const listed = capture(home);
    await trust(listed, { action: 'list', json: true });
    const { schema, signers } = JSON.parse(listed.out());
    expect(schema).toBe('paddock/trust-list/v1');
    expect(signers.map(({ name, kind, store }: Record<string, string>) => [name, kind, store])).toEqual([
      ['ada', 'minisign', 'user'],
      ['ca', 'authority', 'user'],
      ['eve', 'identity', 'user'],
    ]);
  });

  it.each([
    ['a name twice', { name: 'ada', key: ada.publicText }],
    ['a name that acts in a terminal', { name: '\x1b[2J', key: ada.publicText }],
    ['an empty name', { name: '', key: ada.publicText }],
    ['no key', { name: 'bob' }],
    ['an issuer alone', { name: 'bob', issuer: 'https://example.org' }],
    ['a key and an identity', { name: 'bob', key: ada.publicText, issuer: 'a', identity: 'b' }],
    ['a file that is not there', { name: 'bob', key: 'absent' }],
    ['a private key', { name: 'bob', key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }],
    ['a certificate that may issue none', { name: 'bob', key: certificate({ name: 'leaf' }).pem }],
    ['two certificates at once', { name: 'bob', key: certificate({ name: 'a', ca: true }).pem.repeat(2) }],
    ['an RSA key', { name: 'bob', key: rsa() }],
  ])('refuses %s', async (_, input) => {
    const context = capture(home);
    await trust(context, { action: 'add', name: 'ada', key: ada.publicText });
    const before = readFileSync(stored(), 'utf8');
    await expect(trust(context, { action: 'add', ...input })).rejects.toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
    expect(readFileSync(stored(), 'utf8')).toBe(before);
  });

  it('makes a key of one’s own once, shows its public half, and trusts it', async () => {
    const context = capture(home);
    await trust(context, { action: 'init' });
    await trust(context, { action: 'init' });
    const [first = '', second = ''] = context.out().split(/(?<=END PUBLIC KEY-----\n)/);
    expect(first).toMatch(/^-----BEGIN PUBLIC KEY-----/);
    expect(second).toBe(first);
    expect(context.out() + context.err()).not.toContain('PRIVATE');
    expect(JSON.parse(readFileSync(stored(), 'utf8')).entries).toMatchObject([{ name: 'own', key: first }]);
  });
});

function rsa(): string {
  return pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey);
}

const REQUIRE = (what: string): string => `apiVersion: paddock/v1\ntrust:\n  require: [${what}]\n`;

describe('with a policy that asks', () => {
  const prepare = (what: string): { readonly file: string; readonly policy: string } => {
    const file = join(home, 'model.llamafile');
    copyFileSync(fixture('elf'), file);
    const policy = join(home, 'policy.yaml');
    writeFileSync(policy, REQUIRE(what));
    return { file, policy };
  };
  const start = (file: string, policy: string) =>
    paddock(['run', '--policy', policy, file, '-p', 'The', '-n', '2'], { home });

  it('an approval lets a file run, until the file changes', async () => {
    const { file, policy } = prepare('approval');
    const refused = await start(file, policy);
    expect(refused.code).toBe(126);
    expect(refused.stderr).toMatch(/trust\.require[\s\S]*paddock approve/);
    const approved = await paddock(['approve', file], { home });
    expect(approved).toMatchObject({ code: 0, stdout: `${file}.paddock.json\n` });
    expect((await start(file, policy)).code).toBe(0);

    copyFileSync(fixture('zip32'), file);
    const changed = await start(file, policy);
    expect(changed.code).toBe(126);
    expect(changed.stderr).toMatch(/SIG-003|trust\.require/);
    const verified = await paddock(['verify', '--json', file], { home });
    expect(verified.code).toBe(3);
    expect(JSON.parse(verified.stdout).files[0].verdict.approvals).toMatchObject([{ state: 'invalid' }]);
  });

  it('a signature lets a file run; another’s key does not', async () => {
    const { file, policy } = prepare('signature');
    expect((await paddock(['sign', file], { home })).code).toBe(0);
    expect((await start(file, policy)).code).toBe(0);
    const again = await paddock(['sign', file], { home });
    expect(again.code).toBe(125);
    expect(again.stderr).toMatch(/--force/);
    expect((await paddock(['sign', '--force', file], { home })).code).toBe(0);
    expect((await paddock(['trust', 'remove', 'own'], { home })).code).toBe(0);
    const refused = await start(file, policy);
    expect(refused.code).toBe(126);
    expect(refused.stderr).toMatch(/no trusted signer has this key/);
  });

  it.each(['sign', 'approve'])('%s reads the file, whatever is remembered of it', async (command) => {
    const { file } = prepare('approval');
    const old = statSync(file, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = old;
    const cache = join(home, '.cache', 'paddock', 'digests.json');
    mkdirSync(dirname(cache), { recursive: true });
    const key = [dev, ino, size, mtimeNs, ctimeNs].join(' ');
    const entries = [{ key, digests: { sha256: 'a'.repeat(64) } }];
    writeFileSync(cache, JSON.stringify({ schema: 'paddock/digests/v1', entries }), { mode: 0o600 });
    const { stdout } = await paddock([command, file], { home });
    const envelope = readFileSync(stdout.trim(), 'utf8');
    const { payload } = JSON.parse(envelope).dsseEnvelope ?? JSON.parse(envelope);
    const signed = Buffer.from(payload, 'base64').toString('utf8');
    expect(signed).toContain(createHash('sha256').update(readFileSync(file)).digest('hex'));
    expect(signed).not.toContain('a'.repeat(64));
  });

  it('an approval beside the file is not written over by another person’s', async () => {
    const { file } = prepare('approval');
    await paddock(['approve', file], { home });
    const first = readFileSync(`${file}.paddock.json`, 'utf8');
    const other = join(root, `other-${turn}`);
    mkdirSync(other);
    const { stdout } = await paddock(['approve', file], { home: other });
    expect(stdout).toContain(join(other, 'state', 'paddock', 'approvals'));
    expect(existsSync(stdout.trim())).toBe(true);
    expect(readFileSync(`${file}.paddock.json`, 'utf8')).toBe(first);
  });

  it('a trust store that others may write stops everything that needs it, and nothing else', async () => {
    const { file, policy } = prepare('signature');
    mkdirSync(dirname(stored()), { recursive: true });
    writeFileSync(stored(), '{"schema":"paddock/trust/v1","entries":[]}', { mode: 0o666 });
    chmodSync(stored(), 0o666);
    expect((await paddock(['verify', file], { home })).code).toBe(0);
    writeFileSync(
      `${file}.sig`,
      bundle({
        payload: statement([resource('model.llamafile', readFileSync(file))]),
        key: keyPair().privateKey,
      }),
    );
    expect((await paddock(['verify', file], { home })).code).toBe(2);
    const stopped = await start(file, policy);
    expect(stopped.code).not.toBe(0);
    expect(stopped.stderr).toMatch(/others may change the trust store/);
    rmSync(stored());
    expect((await paddock(['verify', file], { home })).code).toBe(0);
  });
});
