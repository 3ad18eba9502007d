import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { digestOf } from '../../../src/integrity/signatures/keys.ts';
import { keyPair } from './signers.ts';

// X.509 certificates for tests, written element by element (RFC 5280 §4.1).

export interface Issued {
  readonly der: Buffer;
  readonly pem: string;
  readonly name: string;
  readonly privateKey: KeyObject;
}

export interface CertificateInput {
  readonly name: string;
  /** Undefined: signs itself. */
  readonly issuer?: Issued;
  readonly ca?: boolean;
  /** How many authorities may stand below. */
  readonly pathLength?: number;
  /** Bits of KeyUsage; undefined: no such extension. */
  readonly usage?: number;
  readonly extended?: readonly ('code' | 'server')[];
  readonly from?: string;
  readonly to?: string;
  /** A critical extension that nobody knows. */
  readonly odd?: boolean;
  readonly curve?: 'P-256' | 'P-384' | 'ed25519';
  /** Its private key; else a new one. */
  readonly key?: KeyObject;
}

export const SIGNS = 0x80;
export const ISSUES = 0x04;

const OIDS = {
  name: '550403',
  constraints: '551d13',
  usage: '551d0f',
  extended: '551d25',
  code: '2b06010505070303',
  server: '2b06010505070301',
  odd: '2a030405',
} as const;
/** ecdsa-with-SHA256, -SHA384, Ed25519. */
const ALGORITHM: Readonly<Record<string, string>> = {
  sha256: '2a8648ce3d040302',
  sha384: '2a8648ce3d040303',
  ed25519: '2b6570',
};

/** A certificate and its private key. */
export function certificate(input: CertificateInput): Issued {
  const { name, issuer, from = '20260101000000Z', to = '20270101000000Z', curve = 'P-256' } = input;
  const privateKey = input.key ?? keyPair(curve).privateKey;
  const publicKey = createPublicKey(privateKey);
  const signer = issuer?.privateKey ?? privateKey;
  const algorithm = sequence(oid(ALGORITHM[digestOf(signer) ?? 'ed25519'] ?? ''));
  const tbs = sequence(
    der(0xa0, integer(2)),
    integer(serial++),
    algorithm,
    named(issuer?.name ?? name),
    sequence(time(from), time(to)),
    named(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions(input))),
  );
  const signature = sign(digestOf(signer) ?? null, tbs, signer);
  const bytes = sequence(tbs, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
  return { der: bytes, pem, name, privateKey };
}

let serial = 1;

function extensions({ ca, pathLength, usage, extended, odd }: CertificateInput): Buffer[] {
  const constraints = sequence(
    ...(ca === true ? [der(0x01, Buffer.from([0xff]))] : []),
    ...(pathLength === undefined ? [] : [integer(pathLength)]),
  );
  return [
    extension(OIDS.constraints, constraints),
    ...(usage === undefined ? [] : [extension(OIDS.usage, der(0x03, Buffer.from([0, usage])))]),
    ...(extended === undefined
      ? []
      : [extension(OIDS.extended, sequence(...extended.map((one) => oid(OIDS[one]))))]),
    ...(odd === true ? [extension(OIDS.odd, integer(1))] : []),
  ];
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(0x01, Buffer.from([0xff])), der(0x04, value));
}

function named(name: string): Buffer {
  return sequence(der(0x31, sequence(oid(OIDS.name), der(0x0c, Buffer.from(name)))));
}

function time(text: string): Buffer {
  return der(0x18, Buffer.from(text));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function integer(value: number): Buffer {
  return der(0x02, Buffer.from([value]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
