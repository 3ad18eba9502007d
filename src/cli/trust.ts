import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parsePublicKey } from '../integrity/signatures/keys.ts';
import { makePrivateKey, readPrivateKey } from '../integrity/signatures/own-key.ts';
import {
  type Anchor,
  NAME_RULE,
  type Purpose,
  type Signer,
  type TrustEntry,
} from '../integrity/signatures/trust.ts';
import { changeTrust, readTrust } from '../integrity/signatures/trust-file.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { type Context, EXIT } from './context.ts';
import { OWN_NAME, publicPem, trustOwn } from './own-key.ts';
import { table, toJson } from './render.ts';
import { ownKeyPath, trustPlaces } from './trust-places.ts';

export type TrustInput =
  | { readonly action: 'init' }
  | { readonly action: 'list'; readonly json?: boolean }
  | { readonly action: 'remove'; readonly name: string; readonly system?: boolean }
  | AddInput;

export interface AddInput {
  readonly action: 'add';
  readonly name: string;
  /** The text of a public key or certificate, or the path of a file that holds one. */
  readonly key?: string;
  readonly issuer?: string;
  readonly identity?: string;
  readonly for?: readonly Purpose[];
  readonly notAfter?: Date;
  readonly system?: boolean;
}

/** `paddock trust`. */
export async function run(context: Context, input: TrustInput): Promise<number> {
  switch (input.action) {
    case 'init':
      return init(context);
    case 'list':
      return list(context, input.json === true);
    case 'add':
      return add(context, input);
    case 'remove':
      return remove(context, input.name, anchorOf(input));
  }
}

function init(context: Context): number {
  const path = ownKeyPath(context);
  const there = readPrivateKey(path, context.uid);
  const key = there ?? makePrivateKey(path);
  trustOwn(context, key);
  context.stderr.write(
    `paddock: your signing key ${there === undefined ? 'is now' : 'was already'} in ${escapeText(path, 4096)}; keep it to yourself\n` +
      'paddock: what others need to trust what you sign and approve (`paddock trust add YOU FILE --for signature approval`):\n',
  );
  context.stdout.write(publicPem(key));
  return EXIT.ok;
}

function list(context: Context, json: boolean): number {
  const { signers } = readTrust(trustPlaces(context), context.now());
  if (json) {
    const entries = signers.map((signer) => ({ ...signer.entry, store: signer.anchor, id: idOf(signer) }));
    context.stdout.write(`${toJson({ schema: 'paddock/trust-list/v1', signers: entries })}\n`);
    return EXIT.ok;
  }
  if (signers.length === 0) {
    context.stderr.write('paddock: you trust nobody yet: `paddock trust add --help`\n');
    return EXIT.ok;
  }
  const rows = signers.map((signer) => [
    signer.entry.name,
    signer.kind,
    signer.entry.for.join(', '),
    signer.entry.notAfter ?? 'no end',
    signer.anchor,
    idOf(signer),
  ]);
  context.stdout.write(`${table([['name', 'kind', 'for', 'until', 'store', 'what'], ...rows])}\n`);
  return EXIT.ok;
}

/** What to compare with what the signer says, over another way. */
function idOf(signer: Signer): string {
  switch (signer.kind) {
    case 'identity':
      return `${escapeText(signer.identity)} (${escapeText(signer.issuer)})`;
    case 'authority':
      return `${escapeText(signer.certificate.subject.split('\n').join(', '), 80)} ${signer.certificate.fingerprint256}`;
    default:
      return signer.key.id;
  }
}

function add(context: Context, input: AddInput): number {
  const entry = entryOf(context, input);
  const { path, anchor } = storeOf(context, input);
  changeTrust(path, anchor, context.uid, (entries) => {
    if (!entries.some(({ name }) => name === entry.name)) return [...entries, entry];
    throw new PaddockError('usage', `there is a signer named ${entry.name} already`, {
      where: path,
      remedy: `choose another name, or \`paddock trust remove ${entry.name}\` first`,
    });
  });
  const counts = entry.for.map((purpose) => `${purpose}s`).join(' and ');
  context.stderr.write(
    `paddock: ${counts} of ${entry.name} count from now on; \`paddock trust list\` shows whom you trust\n`,
  );
  return EXIT.ok;
}

function entryOf(context: Context, input: AddInput): TrustEntry {
  if (!NAME_RULE.test(input.name)) {
    throw new PaddockError('usage', 'this name cannot be used for a signer', {
      expected: 'letters, digits and . _ @ + -, at most 64, the first one a letter or digit',
      found: escapeText(input.name, 80) || 'nothing',
    });
  }
  const common = {
    name: input.name,
    for: [...new Set(input.for ?? ['signature'])] as Purpose[],
    added: context.now().toISOString(),
    ...(input.notAfter === undefined ? {} : { notAfter: input.notAfter.toISOString() }),
  };
  const { key, issuer, identity } = input;
  if (key !== undefined && issuer === undefined && identity === undefined)
    return { ...materialOf(context, key), ...common };
  if (key === undefined && issuer !== undefined && identity !== undefined)
    return { kind: 'identity', issuer, identity, ...common };
  throw new PaddockError('usage', 'say whom to trust in one way', {
    expected: 'a key or certificate (text or file), or both --issuer and --identity',
    remedy: '`paddock trust add --help` shows how it is used',
  });
}

type Material =
  | { kind: 'minisign' | 'ssh' | 'key'; key: string }
  | { kind: 'authority'; certificate: string };

function materialOf(context: Context, given: string): Material {
  const text = /^(?:-----BEGIN |ssh-|RW[A-Za-z0-9+/]{54}$)/.test(given.trim())
    ? given
    : readKeyFile(context, given);
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    const { kind, text: key } = parsePublicKey(text);
    return { kind, key };
  }
  const certificate = authority(text);
  return { kind: 'authority', certificate: certificate.toString() };
}

function authority(text: string): X509Certificate {
  const wrong = (found: string, cause?: unknown): PaddockError =>
    new PaddockError('usage', 'this is no certificate of an authority', {
      expected: 'one X.509 certificate in PEM that may issue others (basic constraints: CA)',
      found,
      remedy: 'give the certificate of the authority, not one that it issued, and one at a time',
      ...(cause === undefined ? {} : { cause }),
    });
  if (text.split('-----BEGIN CERTIFICATE-----').length > 2) throw wrong('several certificates');
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(text);
  } catch (cause) {
    throw wrong('what cannot be read', cause);
  }
  if (certificate.ca) return certificate;
  throw wrong('a certificate that may issue none');
}

const MAX_KEY_FILE_BYTES = 64 * 1024;

function readKeyFile(context: Context, given: string): string {
  const path = resolve(context.cwd, given);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() === true && stats.size <= MAX_KEY_FILE_BYTES) return readFileSync(path, 'utf8');
  throw new PaddockError('usage', 'this is no public key, and no file that holds one', {
    expected: 'a minisign key (RW…), an ssh-ed25519 line, PEM, or the path of a file with one of these',
    found: escapeText(given, 200) || 'nothing',
    remedy: 'check the path, or put the key in quotes',
  });
}

function remove(context: Context, name: string, anchor: Anchor): number {
  const { path } = storeOf(context, { system: anchor === 'system' });
  changeTrust(path, anchor, context.uid, (entries) => {
    if (entries.some((entry) => entry.name === name)) return entries.filter((entry) => entry.name !== name);
    throw new PaddockError('usage', `there is no signer named ${escapeText(name, 80)}`, {
      where: path,
      expected: entries.map((entry) => entry.name).join(', ') || 'none: this trust store is empty',
    });
  });
  const again = name === OWN_NAME ? '; `paddock trust init` adds your own key again' : '';
  context.stderr.write(`paddock: nothing by ${name} counts any more${again}\n`);
  return EXIT.ok;
}

function anchorOf({ system }: { readonly system?: boolean }): Anchor {
  return system === true ? 'system' : 'user';
}

function storeOf(
  context: Context,
  input: { readonly system?: boolean },
): { readonly path: string; readonly anchor: Anchor } {
  const anchor = anchorOf(input);
  return { anchor, path: trustPlaces(context)[anchor] };
}
