import { createHash } from 'node:crypto';
import type { Anatomy, ZipView } from '../format/anatomy.ts';
import type { ByteSource } from '../format/source.ts';
import type { Release } from './tables.ts';

/** A prefix of the file that is byte for byte a published release. */
export interface ReleaseMatch {
  readonly release: Release;
  readonly length: number;
  /** The release's own archive, as it was when the file ended there. */
  readonly view: ZipView;
}

/** No published executable is longer; a longer prefix whose size no table names is not hashed. */
const MAX_RELEASE_BYTES = 1024 ** 3;
const CHUNK_BYTES = 1024 * 1024;

/**
 * The longest prefix that is a published release. `zipalign` only appends, so a file made from a release has that
 * release as its exact prefix, which ends where an earlier zip generation ends, or where the file does. One pass over
 * the longest candidate serves all.
 */
export function matchRelease(
  anatomy: Anatomy,
  source: ByteSource,
  releases: ReadonlyMap<string, Release>,
): ReleaseMatch | undefined {
  const candidates = candidateEnds(anatomy, releases);
  const hash = createHash('sha256');
  let done = 0;
  let found: ReleaseMatch | undefined;
  for (const { end, view } of candidates) {
    while (done < end) {
      const length = Math.min(CHUNK_BYTES, end - done);
      hash.update(source.read(done, length));
      done += length;
    }
    const release = releases.get(hash.copy().digest('hex'));
    if (release !== undefined) found = { release, length: end, view };
  }
  return found;
}

function candidateEnds(
  anatomy: Anatomy,
  releases: ReadonlyMap<string, Release>,
): { readonly end: number; readonly view: ZipView }[] {
  const all = [...releases.values()];
  const sizes = new Set(all.flatMap(({ size }) => size ?? []));
  const someUnsized = all.some(({ size }) => size === undefined);
  const ends = [
    ...anatomy.generations,
    ...(anatomy.zip === undefined ? [] : [{ end: anatomy.size, view: anatomy.zip }]),
  ];
  return ends
    .filter(({ end }) => sizes.has(end) || (someUnsized && end <= MAX_RELEASE_BYTES))
    .sort((a, b) => a.end - b.end);
}
