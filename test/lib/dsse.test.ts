import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyId, parseEnvelope, preAuthEncoding, signEnvelope, verifyEnvelope } from '../../src/lib/dsse.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const TYPE = 'application/vnd.paddock.test+json';
const own = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const PAYLOAD = Buffer.from('{"a":1}');

describe('signEnvelope and verifyEnvelope', () => {
  const envelope = signEnvelope(TYPE, PAYLOAD, [own.privateKey]);

  it('give back what was signed, and who signed it', () => {
    const { payload, signers } = verifyEnvelope(envelope, TYPE, [other.publicKey, own.publicKey]);
    expect(payload.equals(PAYLOAD)).toBe(true);
    expect(signers).toEqual([own.publicKey]);
    expect(envelope.signatures[0]?.keyid).toBe(keyId(own.publicKey));
  });

  it('count each of several signers, and need no key ids', () => {
    const both = signEnvelope(TYPE, PAYLOAD, [own.privateKey, other.privateKey]);
    const bare = { ...both, signatures: both.signatures.map(({ sig }) => ({ keyid: '', sig })) };
    expect(verifyEnvelope(bare, TYPE, [own.publicKey, other.publicKey]).signers).toHaveLength(2);
  });

  it('refuse other keys, another payload, another type, and no key at all', () => {
    const untrusted = expect.objectContaining({ code: 'untrusted' });
    const refuse = (changed: object, keys = [own.publicKey], type = TYPE) =>
      expect(caught(() => verifyEnvelope({ ...envelope, ...changed }, type, keys))).toEqual(untrusted);
    refuse({}, [other.publicKey]);
    refuse({}, []);
    refuse({ payload: Buffer.from('{"a":2}').toString('base64') });
    refuse({}, [own.publicKey], 'application/json');
    refuse({ payloadType: 'application/json' }, [own.publicKey], 'application/json');
    refuse({ signatures: [{ keyid: keyId(own.publicKey), sig: '' }] });
  });

  it('sign nothing with a key of another kind', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    expect(() => signEnvelope(TYPE, PAYLOAD, [rsa.privateKey])).toThrow(/Ed25519/);
    expect(() => verifyEnvelope(envelope, TYPE, [rsa.publicKey])).toThrow(/Ed25519/);
  });
});

describe('preAuthEncoding', () => {
  it('is that of the specification', () => {
    const encoded = preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world'));
    expect(encoded.toString()).toBe('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  });

  it('is what the signature is over', () => {
    const { signatures, payload } = signEnvelope(TYPE, PAYLOAD, [own.privateKey]);
    const message = Buffer.from(`DSSEv1 ${TYPE.length} ${TYPE} 7 {"a":1}`);
    const signature = Buffer.from(signatures[0]?.sig ?? '', 'base64');
    expect(verify(null, message, createPublicKey(own.privateKey), signature)).toBe(true);
    expect(payload).toBe('eyJhIjoxfQ==');
  });
});

describe('parseEnvelope', () => {
  it('reads what was written', () => {
    const envelope = signEnvelope(TYPE, PAYLOAD, [own.privateKey]);
    expect(parseEnvelope(Buffer.from(JSON.stringify(envelope)))).toEqual(envelope);
  });

  it.each([
    ['no JSON', '{'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['an array', '[]'],
    ['null', 'null'],
    ['no signature', '{"payloadType":"a","payload":"","signatures":[]}'],
    ['too many', JSON.stringify({ payloadType: 'a', payload: '', signatures: Array(17).fill({ sig: '' }) })],
    ['a signature without a value', '{"payloadType":"a","payload":"","signatures":[{"keyid":"a"}]}'],
    ['a type that is none', '{"payloadType":1,"payload":"","signatures":[{"sig":""}]}'],
  ])('refuses %s', (_, text) => {
    expect(caught(() => parseEnvelope(Buffer.from(text)))).toMatchObject({ code: 'malformed' });
  });

  it('reads no more than its bound', () => {
    expect(caught(() => parseEnvelope(Buffer.alloc(11), 10))).toMatchObject({ code: 'too-large' });
  });

  it('never throws anything but its own error', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          verifyEnvelope(parseEnvelope(Buffer.from(JSON.stringify(value))), TYPE, [own.publicKey]);
        } catch (error) {
          expect(error).toBeInstanceOf(PaddockError);
        }
      }),
    );
  });
});

function caught(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
