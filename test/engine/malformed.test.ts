import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { distPath } from '../fixtures/llamafiles.ts';
import { zipalignAppend } from '../fixtures/zip-writer.ts';
import { type Outcome, runToEnd } from './run.ts';
import { smallModel } from './small-model.ts';

// The sanitized engine stops at the first wrong access; without it only a crash would show.
const SANITIZED = new URL('../../dist/sanitized/demo-engine', import.meta.url).pathname;
const engine = existsSync(SANITIZED) ? SANITIZED : distPath('demo-engine');
const folder = mkdtempSync(join(tmpdir(), 'paddock-malformed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const MODEL = smallModel();
const HEADER = MODEL.indexOf('blk.0.ffn_down.weight') + 60;

describe(`malformed weights, with ${engine === SANITIZED ? 'the sanitized engine' : 'the plain engine (node bin/build.js --sanitize was not run)'}`, () => {
  it('the model itself is good', () => {
    expect(load(MODEL)).toMatchObject({ status: 0, signal: null });
  });

  it('bytes changed anywhere in the header', () => {
    const change = fc.tuple(
      fc.nat(HEADER - 1),
      fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    );
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = Buffer.from(MODEL);
        for (const [at, value] of changes) bytes[at] = value;
        check(load(bytes));
      }),
      { numRuns: 250 },
    );
  });

  it('weights that are any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (noise) => {
        const bytes = Buffer.from(MODEL);
        for (let at = HEADER; at < bytes.length; at++) bytes[at] = noise[at % 64] ?? 0;
        check(load(bytes));
      }),
      { numRuns: 30 },
    );
  });

  it('a file that ends too early', () => {
    fc.assert(
      fc.property(fc.nat(MODEL.length - 1), (length) => {
        const outcome = load(MODEL.subarray(0, length));
        check(outcome);
        expect(outcome.status).toBe(1);
      }),
      { numRuns: 60 },
    );
  });

  it('lengths at the limits of their type', () => {
    const lengths = [
      1n,
      255n,
      0xffffn,
      0x7fffffffn,
      0xffffffffn,
      2n ** 61n,
      2n ** 62n,
      2n ** 63n - 1n,
      2n ** 64n - 1n,
    ];
    for (const at of [
      8,
      16,
      24,
      MODEL.indexOf('tokenizer.ggml.tokens') - 8,
      MODEL.indexOf('token_embd.weight') + 21,
    ]) {
      for (const length of lengths) {
        const bytes = Buffer.from(MODEL);
        bytes.writeBigUInt64LE(length, at);
        check(load(bytes));
      }
    }
  });
});

describe('a malformed zip', () => {
  const base = readFileSync(distPath('demo-engine')).subarray(0, 4096);
  const zip = zipalignAppend(base, [
    { name: 'w.gguf', content: MODEL },
    { name: '.args', content: Buffer.from('-c\n8\n') },
  ]);
  const tail = zip.length - 400;

  it('is read or refused, whatever its end records say', () => {
    const change = fc.tuple(fc.integer({ min: tail, max: zip.length - 1 }), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const bytes = Buffer.from(zip);
        for (const [at, value] of changes) bytes[at] = value;
        check(load(bytes));
      }),
      { numRuns: 150 },
    );
  });
});

function load(bytes: Buffer): Outcome {
  const path = join(folder, 'model');
  writeFileSync(path, bytes);
  return runToEnd(engine, [
    '-m',
    path,
    '-p',
    'ab cab',
    '-n',
    '3',
    '-c',
    '16',
    '-t',
    '1',
    '--temp',
    '0.8',
    '--log-disable',
  ]);
}

/** It may refuse, and it may babble; it must not crash, nor do anything undefined. */
function check({ status, signal, stderr }: Outcome): void {
  expect(signal).toBeNull();
  expect([0, 1]).toContain(status);
  expect(stderr).not.toMatch(/Sanitizer|runtime error/);
}
