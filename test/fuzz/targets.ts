import { readAnatomy } from '../../src/format/read.ts';
import { bufferSource } from '../../src/format/source.ts';
import { judge } from '../../src/integrity/judge.ts';
import { shippedTables } from '../../src/integrity/tables.ts';
import { PaddockError } from '../../src/lib/errors.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { makeSeeds, type Seed } from './seeds.ts';

/** What became of one case: the standing of a verdict, or the code of a PaddockError. */
export type Result = string;

let seeds: Seed[] | undefined;

/** The file of one case: the same for the same seed and number, whatever ran before. */
export function caseBytes(seed: number, number: number): Buffer {
  seeds ??= makeSeeds();
  return mutate(new Random(Math.imul(seed, 0x9e3779b1) ^ number), seeds);
}

/**
 * Reads and judges one case, as `paddock verify` does.
 * @throws whatever is neither a verdict nor a PaddockError of the file's making: a bug.
 */
export async function runCase(bytes: Buffer): Promise<Result> {
  const source = bufferSource(bytes);
  try {
    const anatomy = readAnatomy(source);
    expectTiling(anatomy.size, anatomy.regions);
    const verdict = await judge({ anatomy, source, tables: shippedTables(), architecture: 'x86-64' });
    return verdict.findings.some(({ severity }) => severity === 'deny') ? 'denied' : verdict.standing;
  } catch (error) {
    if (!(error instanceof PaddockError) || error.code === 'internal') throw error;
    return error.code;
  }
}

function expectTiling(size: number, regions: readonly { offset: number; length: number }[]): void {
  let at = 0;
  for (const { offset, length } of regions) {
    if (offset !== at || length <= 0)
      throw new Error(`a region of ${length} bytes at ${offset}, expected at ${at}`);
    at += length;
  }
  if (at !== size) throw new Error(`regions end at ${at} of ${size}`);
}
