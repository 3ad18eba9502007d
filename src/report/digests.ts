import { createHash } from 'node:crypto';
import type { Region } from '../format/anatomy.ts';
import type { ByteSource } from '../format/source.ts';

const CHUNK_BYTES = 1024 * 1024;
/** Longer regions are weights: their digest would take seconds, and says nothing that the file's own would not. */
const MAX_REGION_BYTES = 64 * 1024 * 1024;
const BUDGET_BYTES = 1024 * 1024 * 1024;

/**
 * SHA-256 (hex) of each region, by its index. Regions over 64 MiB are left out, and all that come after the first GiB.
 * @throws PaddockError `changed` if the file becomes shorter meanwhile.
 */
export function regionDigests(source: ByteSource, regions: readonly Region[]): Map<number, string> {
  const digests = new Map<number, string>();
  let budget = BUDGET_BYTES;
  for (const [index, { kind, offset, length }] of regions.entries()) {
    if (kind === 'padding' || length > MAX_REGION_BYTES || length > budget) continue;
    budget -= length;
    const hash = createHash('sha256');
    for (let done = 0; done < length; done += CHUNK_BYTES) {
      hash.update(source.read(offset + done, Math.min(CHUNK_BYTES, length - done)));
    }
    digests.set(index, hash.digest('hex'));
  }
  return digests;
}
