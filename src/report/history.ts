import { type GenerationChanges, isAlike, type Replacement } from '../format/history.ts';
import type { ShownGeneration } from './inspect-page.ts';

/** A generation of the archive in words; names are not escaped. */
export function shownGeneration({
  end,
  tool,
  members,
  added,
  replaced,
  removed,
}: GenerationChanges): ShownGeneration {
  return {
    title: `by ${tool}: ${members} ${members === 1 ? 'member' : 'members'}, up to byte ${end}`,
    added: added.map(({ name, size }) => `${name} (${bytes(size)})`),
    replaced: replaced.map(shownReplacement),
    removed: removed.map(({ name, size }) => `${name} (${bytes(size)})`),
  };
}

function shownReplacement({ before, after }: Replacement): string {
  const checksum = ({ crc32 }: { crc32: number }) => crc32.toString(16).padStart(8, '0');
  const old = `${after.name}: ${bytes(before.size)} at byte ${before.contentOffset} (CRC-32 ${checksum(before)})`;
  return isAlike(before, after)
    ? `${old} written again at byte ${after.contentOffset}, same length and checksum`
    : `${old} became ${after.size} at byte ${after.contentOffset} (${checksum(after)})`;
}

function bytes(count: number): string {
  return count === 1 ? '1 byte' : `${count} bytes`;
}
