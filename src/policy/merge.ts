import { createHash } from 'node:crypto';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { type Layer, LEAVES, leafPath, leafValue, nameInFile, originOf, valueInFile } from './layer.ts';
import { narrow } from './narrow.ts';
import type { EffectivePolicy, Origin, Policy, RejectedWidening } from './policy.ts';
import { type RuleInput, resolveRules } from './resolve.ts';

export interface MergeInput extends RuleInput {
  /** From the first to the last; the first names every value. */
  readonly layers: readonly Layer[];
  /**
   * How many of the layers, from the first, make up the ceiling: the preset of the administrator and his files. 0 when
   * there is none: users are their own administrators then.
   */
  readonly ceiling: number;
}

/**
 * The layers merged into one policy, with what their rules say where they hold. Pure. A later layer takes the place of an
 * earlier one; what then stands behind the ceiling, the ceiling's own rules included, is narrowed to it, and what was asked
 * for beyond is told in `rejected`. Without facts the rules fail, and `decide` refuses.
 */
export function mergeLayers(input: MergeInput): EffectivePolicy {
  const { layers, ceiling, rules } = resolved(input);
  const origins = new Map<string, Origin>();
  const rejected: RejectedWidening[] = [];
  const values: Record<string, unknown> = {};
  for (const [part, leaf] of LEAVES) {
    const path = leafPath(part, leaf);
    const highest = stack(layers.slice(0, ceiling), part, leaf, undefined);
    const wanted = stack(layers.slice(ceiling), part, leaf, highest);
    const settled =
      highest === undefined || wanted === highest ? wanted : settle(part, leaf, highest, wanted, rejected);
    if (settled === undefined) throw new PaddockError('internal', `no layer of the policy names ${path}`);
    origins.set(path, settled.origin);
    if (leaf === '') values[part] = settled.value;
    else values[part] = { ...(values[part] as Record<string, unknown> | undefined), [leaf]: settled.value };
  }
  const policy = values as unknown as Policy;
  const digest = createHash('sha256').update(canonical(policy)).digest('hex');
  return {
    policy,
    origins,
    rejected,
    rules,
    digest,
    hasCeiling: ceiling > 0,
    ...systemWishes(layers.slice(0, ceiling)),
  };
}

// What the administrator asks for by himself, whatever later layers put beside it.
function systemWishes(
  ceiling: readonly Layer[],
): Pick<EffectivePolicy, 'systemRequires' | 'systemMatch' | 'systemForce'> {
  const said = (part: keyof Policy, leaf: string): unknown => stack(ceiling, part, leaf, undefined)?.value;
  return {
    systemRequires: (said('trust', 'require') ?? []) as Policy['trust']['require'],
    systemMatch: (said('trust', 'match') ?? 'all') as Policy['trust']['match'],
    systemForce: (said('arguments', 'force') ?? []) as Policy['arguments']['force'],
  };
}

function resolved(input: MergeInput) {
  const system = input.layers.slice(0, input.ceiling);
  const highest = system.map((layer) => resolveRules(layer, 'system', input));
  const later = input.layers.slice(input.ceiling).map((layer) => resolveRules(layer, 'anybody', input));
  const all = [...highest, ...later];
  return {
    layers: all.flatMap(({ layers }) => layers),
    ceiling: highest.reduce((sum, { layers }) => sum + layers.length, 0),
    rules: all.flatMap(({ rules }) => rules),
  };
}

interface Said {
  readonly value: unknown;
  readonly origin: Origin;
  /** By a preset that another rests on. */
  readonly base: boolean;
}

// What holds for one leaf when the layers are laid on what is there; the very `below` when none of them names it.
function stack(
  layers: readonly Layer[],
  part: keyof Policy,
  leaf: string,
  below: Said | undefined,
): Said | undefined {
  let top = below;
  for (const layer of layers) {
    const value = leafValue(layer.values, part, leaf);
    if (value === undefined) continue;
    top = {
      value: layer.lists === 'add' ? added(top?.value, value) : value,
      origin: originOf(layer, leafPath(part, leaf)),
      base: layer.base === true,
    };
  }
  return top;
}

function settle(
  part: keyof Policy,
  leaf: string,
  ceiling: Said,
  wanted: Said | undefined,
  rejected: RejectedWidening[],
): Said {
  if (wanted === undefined) return ceiling;
  const { value, whole } = narrow(part, leaf, ceiling.value, wanted.value);
  if (!whole && !wanted.base) {
    rejected.push(widening(leafPath(part, leaf), wanted.value, value, wanted.origin, ceiling.origin));
  }
  return canonical(value) === canonical(ceiling.value) ? ceiling : { ...wanted, value };
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
  const shown = (value: unknown): string => escapeText(valueInFile(path, value));
  return { path: nameInFile(path), wanted: shown(wanted), kept: shown(kept), wantedBy, ceiling };
}

/** JSON with sorted keys: equal policies have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
