import type { RegionKind } from '../format/anatomy.ts';

/** What a reader tells apart at a glance. The style has a colour for each. */
export type Group =
  | 'header'
  | 'code'
  | 'loader'
  | 'archive'
  | 'member'
  | 'weights'
  | 'padding'
  | 'unaccounted';

export const GROUPS: Readonly<Record<Group, string>> = {
  header: 'headers and shell script',
  code: 'program',
  loader: 'APE loaders',
  archive: 'structure of the archive',
  member: 'archive members',
  weights: 'weights',
  padding: 'padding (zero)',
  unaccounted: 'not accounted for',
};

const OF_KIND: Readonly<Record<RegionKind, Group>> = {
  'ape-header': 'header',
  'shell-script': 'header',
  'elf-header': 'header',
  'elf-notes': 'header',
  'program-headers': 'header',
  'macho-header': 'header',
  'pe-header': 'header',
  segment: 'code',
  'section-headers': 'header',
  loader: 'loader',
  'loader-source': 'loader',
  'zip-local-header': 'archive',
  'zip-content': 'member',
  'gguf-header': 'weights',
  'gguf-tensors': 'weights',
  'zip-directory': 'archive',
  'zip-eocd64': 'archive',
  'zip-eocd64-locator': 'archive',
  'zip-eocd': 'archive',
  padding: 'padding',
  unaccounted: 'unaccounted',
};

export function groupOf(kind: RegionKind): Group {
  return OF_KIND[kind];
}
