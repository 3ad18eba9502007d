import { createHash } from 'node:crypto';
import { type Layer, LEAVES, leafPath, leafValue, originOf } from './layer.ts';
import { narrow } from './narrow.ts';
import type { EffectivePolicy, Origin, Policy, RejectedWidening } from './policy.ts';

export interface MergeInput {
  /** From the first to the last; the first names every value. */
  readonly layers: readonly Layer[];
  /**
   * How many of the layers, from the first, make up the ceiling: the preset of the administrator and his files. 0 when
   * there is none: users are their own administrators then.
   */
  readonly ceiling: number;
}

/**
 * The layers merged into one policy. Pure. Up to the ceiling a later layer replaces; behind it, it can only narrow, and
 * what it asked for beyond is told in `rejected`.
 */
export function mergeLayers({ layers, ceiling }: MergeInput): EffectivePolicy {
  const origins = new Map<string, Origin>();
  const rejected: RejectedWidening[] = [];
  const values: Record<string, Record<string, unknown> | unknown> = {};
  for (const [part, leaf] of LEAVES) {
    const path = leafPath(part, leaf);
    let value: unknown;
    layers.forEach((layer, index) => {
      const said = leafValue(layer.values, part, leaf);
      if (said === undefined) return;
      const wanted = layer.lists === 'add' ? added(value, said) : said;
      if (index < Math.max(1, ceiling) || ceiling === 0) {
        value = wanted;
        origins.set(path, originOf(layer, path));
        return;
      }
      const narrowed = narrow(part, leaf, value, wanted);
      const owner = origins.get(path) ?? { layer: 'the system' };
      if (!narrowed.whole)
        rejected.push(widening(path, wanted, narrowed.value, originOf(layer, path), owner));
      if (canonical(narrowed.value) !== canonical(value)) origins.set(path, originOf(layer, path));
      value = narrowed.value;
    });
    if (leaf === '') values[part] = value;
    else values[part] = { ...(values[part] as Record<string, unknown> | undefined), [leaf]: value };
  }
  const policy = values as unknown as Policy;
  const digest = createHash('sha256').update(canonical(policy)).digest('hex');
  return { policy, origins, rejected, digest, hasCeiling: ceiling > 0 };
}

function added(value: unknown, said: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(said)) return [...new Set([...value, ...said])];
  const isRecord = (item: unknown): item is object =>
    typeof item === 'object' && item !== null && !Array.isArray(item);
  return isRecord(value) && isRecord(said) ? { ...value, ...said } : said;
}

function widening(
  path: string,
  wanted: unknown,
  kept: unknown,
  wantedBy: Origin,
  ceiling: Origin,
): RejectedWidening {
  return { path, wanted: shown(wanted), kept: shown(kept), wantedBy, ceiling };
}

function shown(value: unknown): string {
  if (value === null) return 'unlimited';
  return Array.isArray(value)
    ? `[${value.join(', ')}]`
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
}

/** JSON with sorted keys: equal policies have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
