import { PaddockError } from '../lib/errors.ts';
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
}

let shipped: Tables | undefined;

/** The tables of this version of paddock; parsed on first use. */
export function shippedTables(): Tables {
  shipped ??= {
    loaders: index(parseTable(loadersText, 5).map(asLoader)),
    releases: index(parseTable(releasesText, 5).map(asRelease)),
  };
  return shipped;
}

/** Tab-separated rows after a comment line and a header line, every row with exactly `columns` fields. */
export function parseTable(text: string, columns: number): string[][] {
  const rows = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .slice(1)
    .map((line) => line.split('\t'));
  const odd = rows.find((row) => row.length !== columns);
  if (odd === undefined) return rows;
  throw new PaddockError('internal', 'a table of digests is damaged', {
    expected: `${columns} columns`,
    found: odd.join('|').slice(0, 100),
  });
}

function asLoader([sha256 = '', architecture = '', version = '', , origin = '']: string[]): KnownLoader {
  const known = architecture === 'x86-64' || architecture === 'aarch64' ? architecture : 'any';
  return { sha256: digest(sha256), architecture: known, version, origin };
}

function asRelease([artifact = '', version = '', sha256 = '', size = '', source = '']: string[]): Release {
  return {
    artifact,
    version,
    sha256: digest(sha256),
    source,
    ...(size === '' ? {} : { size: Number(size) }),
  };
}

function digest(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new PaddockError('internal', 'a table of digests is damaged', {
    expected: '64 hex digits',
    found: text,
  });
}

function index<T extends { readonly sha256: string }>(rows: readonly T[]): Map<string, T> {
  return new Map(rows.map((row) => [row.sha256, row]));
}
