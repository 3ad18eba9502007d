import supportText from '../data/support-files.tsv';
import { parseTable } from '../tables.ts';
import type { MemberClass } from './baseline.ts';
import type { SupportFile, SupportTable } from './support.ts';

/** Of which the table tells, oldest first. Rows of the table hold from one of them to another. */
const RELEASES = [
  ...['0.1', '0.2', '0.2.1', '0.3', '0.4', '0.4.1', '0.5', '0.6', '0.6.1', '0.6.2'],
  ...['0.7', '0.7.1', '0.7.2', '0.7.3', '0.7.4', '0.8', '0.8.1', '0.8.2', '0.8.3', '0.8.4', '0.8.5'],
  ...['0.8.6', '0.8.7', '0.8.8', '0.8.9', '0.8.10', '0.8.11', '0.8.12', '0.8.13', '0.8.14', '0.8.15'],
  ...['0.8.16', '0.8.17', '0.9.0', '0.9.1', '0.9.2', '0.9.3'],
];
const CLASSES: readonly MemberClass[] = ['code', 'web', 'sql', 'trust', 'doc'];

let parsed: SupportTable | undefined;

/** The table of this version of paddock, parsed on first use. Import this module only where a file needs it. */
export function supportTable(): SupportTable {
  parsed ??= { releases: RELEASES, files: parseTable(supportText, 8).map(asFile) };
  return parsed;
}

function asFile(row: string[]): SupportFile {
  const [first = '', last = '', name = '', size = '', crc32 = '', sha256 = '', kind = '', programs = ''] =
    row;
  return {
    first: RELEASES.indexOf(first),
    last: RELEASES.indexOf(last),
    name,
    size: Number(size),
    crc32: Number.parseInt(crc32, 16),
    sha256,
    class: CLASSES.find((one) => one === kind) ?? 'data',
    main: programs.split('+').includes('main'),
  };
}
