import { closeSync } from 'node:fs';
import { PaddockError } from '../../lib/errors.ts';
import type { ProcessName } from '../../lib/proc.ts';
import { escapeText } from '../../lib/text.ts';
import { type CopyInput, makeCopy } from './copy.ts';
import { findCopy, type StoredCopy } from './facts.ts';
import { onceAtATime } from './lock.ts';
import { preparePlace, sourceName, within } from './places.ts';
import { enter, leave, STORE_LIMITS, type StoreLimits, tidy } from './tidy.ts';

export interface StoreInput extends CopyInput {
  readonly limits?: StoreLimits;
  isAlive(owner: ProcessName): boolean;
}

/** A copy that this process uses: it is not removed before `leave`. */
export interface UsedCopy extends StoredCopy {
  leave(): void;
}

/**
 * The private copy of an open file: the one that was made of it before, or a new one. While one process copies a file,
 * others that want the same copy wait for it. The caller closes the descriptor and leaves.
 * @throws PaddockError as `preparePlace` and `makeCopy`
 */
export async function privateCopy(input: StoreInput): Promise<UsedCopy> {
  const { place, source, owner, isAlive, now, architecture } = input;
  preparePlace(place);
  const lock = { folder: within(place, 'locks'), name: sourceName(source.identity), owner, isAlive };
  const use = (copy: StoredCopy | undefined): UsedCopy | undefined => {
    if (copy === undefined) return undefined;
    const { sha256 } = copy.facts;
    enter(place, sha256, owner, now);
    const still = findCopy(place, source.identity, architecture); // it could have been removed in between
    closeSync(copy.file.fd);
    if (still?.facts.sha256 === sha256) return { ...still, leave: () => leave(place, sha256, owner) };
    if (still !== undefined) closeSync(still.file.fd);
    leave(place, sha256, owner);
    return undefined;
  };
  const found = (): UsedCopy | undefined => use(findCopy(place, source.identity, architecture));
  return onceAtATime(lock, found, async () => {
    const incomingBytes = Number(source.identity.size);
    tidy({ place, limits: input.limits ?? STORE_LIMITS, nowMs: now.getTime(), isAlive, incomingBytes });
    const made = use(await makeCopy(input));
    if (made !== undefined) return made;
    throw new PaddockError('changed', 'the private copy was removed as soon as it was made', {
      where: escapeText(place.folder, 4096),
      expected: 'nobody who removes what is in use',
      remedy: 'try again when no other session clears the store',
    });
  });
}
