import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PaddockError } from '../../src/lib/errors.ts';
import { eventDecoder, MAX_LINE_BYTES } from '../../src/watch/decode.ts';
import type { GateEvent } from '../../src/watch/events.ts';

const number = fc.nat({ max: 2 ** 31 });
const ascii = fc.string({ unit: fc.constantFrom(...'abc/.-_ "\\é\x01'.split('')), maxLength: 40 });
const call = fc.record(
  {
    event: fc.constant('call'),
    time: number,
    pid: number,
    label: fc.constantFrom('exec', 'read', 'io_uring', 'fast-open'),
    nr: number,
    arch: number,
    answer: fc.constantFrom('continued', 'emulated', 'denied'),
    errno: fc.nat(133),
    target: ascii,
    granted: fc.boolean(),
    args: fc.array(ascii, { maxLength: 6 }),
  },
  { requiredKeys: ['event', 'time', 'pid', 'label', 'nr', 'arch', 'answer', 'errno', 'args'] },
);
const event = fc.oneof(
  call,
  fc.record({ event: fc.constant('started'), time: number, child: fc.integer({ min: 1, max: 1 << 22 }) }),
  fc.record({
    event: fc.constant('failed'),
    time: number,
    operation: ascii,
    errno: fc.nat(133),
    detail: ascii,
  }),
  fc.record({ event: fc.constant('disturbed'), time: number }),
  fc.record({ event: fc.constant('dropped'), time: number, count: number }),
  fc.record({ event: fc.constantFrom('stopped', 'continued'), time: number, signal: fc.nat(64) }),
  fc.record({ event: fc.constant('exited'), time: number, code: fc.nat(255) }),
  fc.record({ event: fc.constant('exited'), time: number, signal: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ event: fc.constant('finished'), time: number, killed: fc.nat(100) }),
);

/** As the gate writes: bytes outside printable ASCII as \u00XX. */
function wire(events: readonly object[]): Buffer {
  const lines = events.map((one) =>
    JSON.stringify(one).replace(
      /[\x7f-\uffff]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
  return Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1');
}

function decodeAll(chunks: readonly Uint8Array[]): GateEvent[] {
  const decode = eventDecoder();
  const events = chunks.flatMap((chunk) => [...decode(chunk)]);
  return [...events, ...decode()];
}

function cut(bytes: Buffer, at: readonly number[]): Uint8Array[] {
  const places = [...new Set(at.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end));
}

describe('eventDecoder', () => {
  it('gives the same events however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), fc.array(fc.nat(5000)), (events, places) => {
        expect(decodeAll(cut(wire(events), places))).toEqual(events);
      }),
    );
  });

  it('throws nothing but PaddockError for random bytes', () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(`${text}\n`)),
      fc
        .array(fc.dictionary(fc.constantFrom('event', 'time', 'args'), fc.jsonValue()), { maxLength: 3 })
        .map(wire),
    );
    fc.assert(
      fc.property(fc.array(noise, { maxLength: 5 }), (chunks) => {
        try {
          decodeAll(chunks);
        } catch (cause) {
          expect(cause).toBeInstanceOf(PaddockError);
          expect((cause as PaddockError).code).toBe('gate-failed');
        }
      }),
    );
  });

  it('throws nothing but PaddockError for a good stream with one byte changed', () => {
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat(255),
        (events, place, byte) => {
          const bytes = wire(events);
          bytes[place % bytes.length] = byte;
          try {
            decodeAll([bytes]);
          } catch (cause) {
            expect(cause).toBeInstanceOf(PaddockError);
          }
        },
      ),
    );
  });

  const base = {
    event: 'call',
    time: 1,
    pid: 1,
    label: 'exec',
    nr: 59,
    arch: 1,
    answer: 'denied',
    errno: 13,
    args: [],
  };
  it.each([
    ['an unknown event', { event: 'hello', time: 1 }],
    ['no time', { event: 'started', child: 1 }],
    ['a time that is no integer', { event: 'started', time: 1.5, child: 1 }],
    ['both ends', { event: 'exited', time: 1, code: 0, signal: 9 }],
    ['neither end', { event: 'exited', time: 1 }],
    ['an unknown answer', { ...base, answer: 'maybe' }],
    ['a label that could mislead', { ...base, label: 'exec\x1b[2J' }],
    ['a target that is no text', { ...base, target: 5 }],
    ['a grant that is no boolean', { ...base, granted: 'yes' }],
    ['too many arguments', { ...base, args: Array.from({ length: 17 }, () => '0') }],
    ['an array', []],
    ['null', null],
  ])('refuses %s', (_, value) => {
    expect(() => decodeAll([Buffer.from(`${JSON.stringify(value)}\n`)])).toThrow(PaddockError);
  });

  it('leaves unknown fields behind', () => {
    const line = Buffer.from('{"event":"started","time":1,"child":2,"__proto__":{"a":1},"extra":true}\n');
    expect(decodeAll([line])).toEqual([{ event: 'started', time: 1, child: 2 }]);
  });

  it('bounds the line, also across many chunks', () => {
    const decode = eventDecoder();
    const piece = Buffer.alloc(MAX_LINE_BYTES / 4, 'x');
    for (let count = 0; count < 4; count++) expect([...decode(piece)]).toEqual([]);
    expect(() => [...decode(piece)]).toThrow(/longer than/);
  });

  it('hands out what came before a fault, and believes nothing after it', () => {
    const decode = eventDecoder();
    const good = wire([{ event: 'started', time: 1, child: 2 }]);
    const seen: GateEvent[] = [];
    expect(() => {
      for (const one of decode(Buffer.concat([good, Buffer.from('junk\n'), good]))) seen.push(one);
    }).toThrow(PaddockError);
    expect(seen).toHaveLength(1);
    expect(() => [...decode(good)]).toThrow(PaddockError);
  });

  it('a stream that ends within a line is a fault', () => {
    const decode = eventDecoder();
    expect([...decode(Buffer.from('{"event":'))]).toEqual([]);
    expect(() => [...decode()]).toThrow(/ends within a line/);
  });
});
