import type { Anatomy, RegionKind } from './anatomy.ts';

export interface AnatomySummary {
  readonly size: number;
  readonly form: Anatomy['form'];
  readonly apeVersion?: string;
  readonly architectures: readonly string[];
  readonly members: number;
  readonly generations: number;
  readonly models: number;
  /** Bytes of each kind that occurs. They add up to `size`. */
  readonly bytes: Readonly<Partial<Record<RegionKind, number>>>;
  /** 0 if every byte is explained. */
  readonly unaccountedBytes: number;
}

/** The anatomy in numbers, ready for JSON. */
export function summarise(anatomy: Anatomy): AnatomySummary {
  const bytes: Partial<Record<RegionKind, number>> = {};
  for (const { kind, length } of anatomy.regions) bytes[kind] = (bytes[kind] ?? 0) + length;
  const version = anatomy.ape?.version;
  return {
    size: anatomy.size,
    form: anatomy.form,
    ...(version === undefined ? {} : { apeVersion: version }),
    architectures: anatomy.programs.map(({ architecture }) => architecture),
    members: anatomy.zip?.members.length ?? 0,
    generations: anatomy.generations.length + (anatomy.zip === undefined ? 0 : 1),
    models: anatomy.models.length,
    bytes,
    unaccountedBytes: bytes.unaccounted ?? 0,
  };
}
