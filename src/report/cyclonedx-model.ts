import type { GgufFacts, GgufValue } from '../format/anatomy.ts';
import { spdxOf } from './licences.ts';

/** Longest text that is taken over from the metadata of a model, in characters. */
const MAX_TEXT = 1000;
const MAX_ANCESTORS = 16;
const MAX_TAGS = 8;

export interface Property {
  readonly name: string;
  readonly value: string;
}

/** Entries that say nothing are left out: CycloneDX knows no null. */
export function defined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  ) as Partial<T>;
}

/** Properties with the namespace `paddock:`, of what is known. */
export function properties(
  facts: Readonly<Record<string, string | number | bigint | undefined>>,
): Property[] {
  return Object.entries(facts).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name: `paddock:${name}`, value: String(value) }],
  );
}

/** A GGUF as a component of type machine-learning-model: what its own metadata says of it, which nobody has checked. */
export function modelComponent(model: GgufFacts, ref: string): unknown {
  const general = (key: string): string | undefined => textOf(model.metadata.get(`general.${key}`));
  const size = model.metadata.get(`${model.architecture ?? ''}.context_length`);
  const organization = general('organization');
  const author = general('author');
  return defined({
    type: 'machine-learning-model',
    'bom-ref': ref,
    name: general('name') ?? general('basename') ?? model.member ?? 'unnamed',
    version: general('version'),
    description: general('description'),
    authors: author === undefined ? undefined : [{ name: author }],
    manufacturer: organization === undefined ? undefined : { name: organization },
    licenses: licences(general),
    tags: tags(model.metadata.get('general.tags')),
    externalReferences: references(general),
    pedigree: pedigree(general),
    modelCard: {
      modelParameters: defined({ modelArchitecture: model.architecture?.slice(0, MAX_TEXT) }),
    },
    properties: properties({
      'gguf:version': model.version,
      'gguf:member': model.member,
      'gguf:offset': model.offset,
      'gguf:tensors': model.tensorCount,
      'gguf:parameters': model.parameterCount,
      'gguf:quantisation': model.quantisation,
      'gguf:sizeLabel': general('size_label'),
      'gguf:fileType': textOf(model.metadata.get('general.file_type')),
      'gguf:contextLength': textOf(size),
    }),
  });
}

type General = (key: string) => string | undefined;

function textOf(value: GgufValue | undefined): string | undefined {
  if (value === undefined || typeof value === 'object') return undefined;
  const text = String(value).trim().slice(0, MAX_TEXT);
  return text === '' ? undefined : text;
}

function licences(general: General): unknown[] {
  const licence = general('license');
  const name = general('license.name');
  if (licence === undefined && name === undefined) return [];
  const id = licence === undefined ? undefined : spdxOf(licence);
  const license = id === undefined ? { name: name ?? licence } : { id };
  return [
    { license: defined({ ...license, url: link(general('license.link')), acknowledgement: 'declared' }) },
  ];
}

/** Only web addresses: anything else could mean a file of the reader's, or a program. */
function link(text: string | undefined): string | undefined {
  if (text === undefined || !/^https?:\/\//i.test(text)) return undefined;
  return URL.canParse(text) ? new URL(text).href : undefined;
}

function tags(value: GgufValue | undefined): string[] {
  if (typeof value !== 'object') return [];
  return value.head
    .filter((item) => typeof item === 'string')
    .slice(0, MAX_TAGS)
    .map((item) => item.slice(0, 100));
}

/** Key of the metadata → kind of reference. */
const REFERENCES: readonly (readonly [key: string, type: string])[] = [
  ['url', 'website'],
  ['repo_url', 'vcs'],
  ['doi', 'documentation'],
  ['source.url', 'source-distribution'],
  ['source.repo_url', 'source-distribution'],
];

function references(general: General): unknown[] {
  return REFERENCES.flatMap(([key, type]) => {
    const url = link(general(key));
    return url === undefined ? [] : [{ type, url }];
  });
}

function pedigree(general: General): unknown {
  const count = Math.min(Number(general('base_model.count') ?? 0) || 0, MAX_ANCESTORS);
  const ancestors: unknown[] = [];
  for (let index = 0; index < count; index++) {
    const of = (key: string): string | undefined => general(`base_model.${index}.${key}`);
    const name = of('name');
    if (name === undefined) continue;
    const organization = of('organization');
    const url = link(of('repo_url'));
    ancestors.push(
      defined({
        type: 'machine-learning-model',
        name,
        version: of('version'),
        manufacturer: organization === undefined ? undefined : { name: organization },
        externalReferences: url === undefined ? undefined : [{ type: 'vcs', url }],
      }),
    );
  }
  return ancestors.length === 0 ? undefined : { ancestors };
}
