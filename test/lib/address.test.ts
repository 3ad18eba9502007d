import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostAddresses, parseAddress, splitHostPort } from '../../src/lib/address.ts';

describe('parseAddress', () => {
  it.each<[string, string, boolean]>([
    ['127.0.0.1', '7f000001', true],
    ['127.1.2.3', '7f010203', true],
    ['0.0.0.0', '00000000', false],
    ['::1', '00000000000000000000000000000001', true],
    ['::', '00000000000000000000000000000000', false],
    ['0:0:0:0:0:0:0:1', '00000000000000000000000000000001', true],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a', false],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201', false],
    ['fe80::', 'fe800000000000000000000000000000', false],
  ])('%s', (text, hex, loopback) => {
    const address = parseAddress(text);
    expect(Buffer.from(address?.bytes ?? []).toString('hex')).toBe(hex);
    expect(address?.loopback).toBe(loopback);
  });

  it.each([
    '',
    'localhost',
    '127.1',
    '0x7f000001',
    '127.0.0.1:80',
    '[::1]',
    'fe80::1%lo',
    '1.2.3.4.5',
    '::1::',
  ])('not %j', (text) => expect(parseAddress(text)).toBeUndefined());

  it('gives 4 or 16 bytes for every address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const address = parseAddress(text);
        expect(address?.bytes.length).toBe(address?.family === 2 ? 4 : 16);
      }),
    );
  });
});

it('splits host and port', () => {
  expect(splitHostPort('127.0.0.1:80')).toEqual({ host: '127.0.0.1', port: '80' });
  expect(splitHostPort('[::1]:8080')).toEqual({ host: '::1', port: '8080' });
  expect(splitHostPort(':8080')).toEqual({ host: '', port: '8080' });
  for (const text of ['', '::1', '::1:80', 'x', 'host:', '[::1]', 'a:b'])
    expect(splitHostPort(text)).toBeUndefined();
  expect(hostAddresses('LOCALHOST')).toHaveLength(2);
});
