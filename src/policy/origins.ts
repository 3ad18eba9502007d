import { FILE_NAMES } from './layer.ts';
import type { Origin } from './policy.ts';
import { keyOf, type Located, pairsOf, placeAt } from './positions.ts';

/** Where each leaf stands below `node`: the key of a part, or a key in a part. */
export function originsBelow(
  file: Located,
  node: unknown,
  rule?: Pick<Origin, 'rule'>,
): ReadonlyMap<string, Origin> {
  const found = new Map<string, Origin>();
  const add = (path: string, offset: number): void => {
    found.set(path, { layer: file.name, ...placeAt(file, offset), ...rule });
  };
  for (const part of pairsOf(file, node)) {
    const name = keyOf(part);
    if (name === undefined) continue;
    add(name.key, name.offset);
    for (const leaf of pairsOf(file, part.value)) {
      const key = keyOf(leaf);
      if (key !== undefined)
        add(LEAF_OF.get(`${name.key}.${key.key}`) ?? `${name.key}.${key.key}`, key.offset);
    }
  }
  return found;
}

const LEAF_OF = new Map(Object.entries(FILE_NAMES).map(([leaf, written]) => [written, leaf]));
