import { expect } from 'vitest';
import type { Anatomy } from '../../src/format/anatomy.ts';
import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { type ErrorCode, PaddockError } from '../../src/lib/errors.ts';

export function read(bytes: Buffer): Anatomy {
  return readAnatomy(bufferSource(bytes));
}

/** The error that `action` throws. Anything but a PaddockError is rethrown: it would be a bug. */
export function refusal(action: () => unknown): PaddockError {
  try {
    action();
  } catch (cause) {
    if (cause instanceof PaddockError) return cause;
    throw cause;
  }
  throw new Error('nothing was thrown');
}

export function expectRefusal(action: () => unknown, code: ErrorCode, message: RegExp): void {
  const error = refusal(action);
  expect(`${error.code}: ${error.message}`).toMatch(
    new RegExp(`^${code}: .*${message.source}`, message.flags),
  );
  expect(error.detail.expected, 'expected').toBeTruthy();
  expect(error.detail.found, 'found').toBeTruthy();
}

/** Regions are sorted, do not overlap, and cover the file. */
export function expectExactTiling(anatomy: Anatomy): void {
  let at = 0;
  for (const { offset, length } of anatomy.regions) {
    if (offset !== at || length <= 0)
      throw new Error(`region of ${length} bytes at ${offset}, expected at ${at}`);
    at = offset + length;
  }
  if (at !== anatomy.size) throw new Error(`regions end at ${at} of ${anatomy.size}`);
}

export function bytesOf(anatomy: Anatomy, kind: Anatomy['regions'][number]['kind']): number {
  return anatomy.regions
    .filter((region) => region.kind === kind)
    .reduce((sum, { length }) => sum + length, 0);
}
