import { compareVersions } from '../format/args/version.ts';
import { PaddockError } from '../lib/errors.ts';
import advisoriesText from './data/advisories.tsv';
import { parseTable } from './tables.ts';

/**
 * What must be so for a vulnerability to be reached. `weights`: the program loads crafted weights. `server`: it answers
 * requests. `sleep-idle`: it was told to free the weights when idle.
 */
export type Feature = 'weights' | 'server' | 'sleep-idle';

/** A published vulnerability, by llamafile release. */
export interface Advisory {
  readonly id: string;
  readonly component: string;
  /** First release that is known to have it. */
  readonly from: string;
  /** Last release that is known to have it; undefined where none is. */
  readonly last?: string;
  /** First release that is known not to have it any more. Between `last` and this nobody established it. */
  readonly fixed?: string;
  readonly feature: Feature;
  readonly summary: string;
  /** How the releases were established. */
  readonly note: string;
  readonly source: string;
}

/** The newest release that the table was made for: of later ones nothing is known, and nothing is said. */
const NEWEST = '0.10.6';

/** Whether a release has a vulnerability; `open` where that is not established. */
export type Exposure = 'affected' | 'open' | 'none';

let shipped: readonly Advisory[] | undefined;

/** The table of this version of paddock. */
export function shippedAdvisories(): readonly Advisory[] {
  shipped ??= parseAdvisories(advisoriesText);
  return shipped;
}

/** What is known of a release such as "0.8.13". */
export function exposureOf({ from, last, fixed }: Advisory, version: string): Exposure {
  if (!(compareVersions(version, from) >= 0 && compareVersions(version, NEWEST) <= 0)) return 'none';
  if (last !== undefined && compareVersions(version, last) <= 0) return 'affected';
  return fixed !== undefined && compareVersions(version, fixed) >= 0 ? 'none' : 'open';
}

const FEATURES: readonly Feature[] = ['weights', 'server', 'sleep-idle'];

/** Rows of a table of advisories. @throws PaddockError `internal` for a doubtful one: the table is part of the program. */
export function parseAdvisories(text: string): Advisory[] {
  return parseTable(text, 9).map(
    ([id = '', component = '', from = '', last = '', fixed = '', kind = '', ...rest]) => {
      const [summary = '', note = '', source = ''] = rest;
      const feature = FEATURES.find((one) => one === kind);
      const versions = [from, last || from, fixed || last || from];
      const ordered = versions.every((one, i) => compareVersions(one, versions[i - 1] ?? '0.1') >= 0);
      const told = [summary, note, source].every((one) => one !== '');
      if (feature === undefined || !ordered || !told || !/^(CVE-\d{4}-\d{4,}|GHSA(-\w{4}){3})$/.test(id)) {
        throw new PaddockError('internal', 'the table of advisories is damaged', { found: id.slice(0, 100) });
      }
      return {
        id,
        component,
        from,
        ...(last === '' ? {} : { last }),
        ...(fixed === '' ? {} : { fixed }),
        feature,
        summary,
        note,
        source,
      };
    },
  );
}
