import type { GenerationChanges } from '../format/history.ts';
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
  const checksum = (crc32: number) => crc32.toString(16).padStart(8, '0');
  return {
    title: `by ${tool}: ${members} ${members === 1 ? 'member' : 'members'}, up to byte ${end}`,
    added: added.map(({ name, size }) => `${name} (${size} bytes)`),
    replaced: replaced.map(
      ({ before, after }) =>
        `${after.name}: ${before.size} bytes (CRC-32 ${checksum(before.crc32)}) became ${after.size} bytes (${checksum(after.crc32)})`,
    ),
    removed: removed.map(({ name, size }) => `${name} (${size} bytes)`),
  };
}
