import { PaddockError } from '../lib/errors.ts';
import type { Advisory } from './advisories.ts';
import type { SupportTable } from './baselines/support.ts';
import loadersText from './data/loaders.tsv';
import releasesText from './data/releases.tsv';
import type { KnownLoader } from './verdict.ts';

/** A published executable that may be the prefix of a llamafile. */
export interface Release {
  readonly artifact: string;
  readonly version: string;
  readonly sha256: string;
  /** Length in bytes, where the source of the digest gave it. */
  readonly size?: number;
  readonly source: string;
}

/** What the judgement rests on. Tests bring their own. */
export interface Tables {
  /** By SHA-256 (hex) of the decompressed loader. */
  readonly loaders: ReadonlyMap<string, KnownLoader>;
  /** By SHA-256 (hex) of the whole artifact. */
  readonly releases: ReadonlyMap<string, Release>;
  /** What releases pack into their archives. Read only for a file whose program is unknown. */
  readonly support?: () => Promise<SupportTable>;
  /** Known vulnerabilities by release; the shipped ones where it is left out. */
  readonly advisories?: readonly Advisory[];
}

let shipped: Tables | undefined;

/** The tables of this version of paddock; parsed on first use. */
export function shippedTables(): Tables {
  shipped ??= {
    loaders: parseLoaders(loadersText),
    releases: parseReleases(releasesText),
    support: async () => (await import('./baselines/support-table.ts')).supportTable(),
  };
  return shipped;
}

/**
 * Tab-separated rows after comment lines and a header line, every row with exactly `columns` fields.
 * @throws PaddockError `internal`, as does every doubtful field: a table is part of the program.
 */
export function parseTable(text: string, columns: number): string[][] {
  const rows = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .slice(1)
    .map((line) => line.split('\t'));
  const odd = rows.find((row) => row.length !== columns);
  if (odd === undefined) return rows;
  throw damaged(`${columns} columns`, odd.join('|'));
}

/** The rows of a table of loaders, by SHA-256. */
export function parseLoaders(text: string): Map<string, KnownLoader> {
  return index(parseTable(text, 5).map(asLoader));
}

/** The rows of a table of releases, by SHA-256. */
export function parseReleases(text: string): Map<string, Release> {
  return index(parseTable(text, 5).map(asRelease));
}

const ARCHITECTURES = ['x86-64', 'aarch64', 'any'] as const;

function asLoader([sha256 = '', architecture = '', version = '', , origin = '']: string[]): KnownLoader {
  const known = ARCHITECTURES.find((one) => one === architecture);
  if (known === undefined) throw damaged(ARCHITECTURES.join(' or '), architecture);
  return { sha256: digest(sha256), architecture: known, version, origin };
}

function asRelease([artifact = '', version = '', sha256 = '', size = '', source = '']: string[]): Release {
  return {
    artifact,
    version,
    sha256: digest(sha256),
    source,
    ...(size === '' ? {} : { size: bytes(size) }),
  };
}

function digest(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw damaged('64 hex digits', text);
}

function bytes(text: string): number {
  const size = Number(text);
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(size)) return size;
  throw damaged('a number of bytes', text);
}

function index<T extends { readonly sha256: string }>(rows: readonly T[]): Map<string, T> {
  const found = new Map(rows.map((row) => [row.sha256, row]));
  if (found.size !== rows.length) throw damaged('every digest once', `${rows.length - found.size} repeated`);
  return found;
}

function damaged(expected: string, found: string): PaddockError {
  return new PaddockError('internal', 'a table of digests is damaged', {
    expected,
    found: found.slice(0, 100),
  });
}
