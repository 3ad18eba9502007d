import fc from 'fast-check';
import { expect, it } from 'vitest';
import { byTable, crc32 } from '../../src/lib/crc32.ts';

it('is that of the standard', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(crc32(Buffer.alloc(0))).toBe(0);
});

it('is the same with and without help, whole and in pieces', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
      const whole = byTable(bytes);
      expect(crc32(bytes)).toBe(whole);
      expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(whole);
      expect(byTable(bytes.subarray(cut), byTable(bytes.subarray(0, cut)))).toBe(whole);
    }),
  );
});
