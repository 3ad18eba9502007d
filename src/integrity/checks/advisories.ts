import { type Advisory, exposureOf, type Feature } from '../advisories.ts';
import { finding } from '../catalogue.ts';
import type { CommandLine } from '../dot-args.ts';
import { flagUses } from '../flags.ts';
import { wantsServer } from '../modes.ts';
import type { Finding } from '../verdict.ts';

/**
 * VER: known vulnerabilities of the identified release, as far as its arguments let anybody reach them. Nothing for a
 * runtime that nobody knows.
 * @param hasModel the file carries weights.
 */
export function checkAdvisories(
  advisories: readonly Advisory[],
  version: string | undefined,
  lines: readonly CommandLine[],
  hasModel: boolean,
): Finding[] {
  if (version === undefined) return [];
  const features = enabled(lines, hasModel, version);
  const applying = advisories.filter(({ feature }) => features.has(feature));
  const having = applying.filter((one) => exposureOf(one, version) === 'affected');
  const reachable = having.filter(({ feature }) => feature !== 'weights');
  const rest = [
    ...having.filter(({ feature }) => feature === 'weights'),
    ...applying.filter((one) => exposureOf(one, version) === 'open'),
  ];
  const tell = (id: 'VER-001' | 'VER-002', list: readonly Advisory[]): Finding[] =>
    list.length === 0
      ? []
      : [finding(id, { found: list.map(named(version)).join('; ') }, `llamafile ${version}`)];
  return [...tell('VER-001', reachable), ...tell('VER-002', rest)];
}

function named(version: string): (advisory: Advisory) => string {
  return (advisory) =>
    `${advisory.id} (${advisory.summary}${exposureOf(advisory, version) === 'open' ? '; not established for this release' : ''})`;
}

function enabled(lines: readonly CommandLine[], hasModel: boolean, version: string): ReadonlySet<Feature> {
  const features = new Set<Feature>(['weights']);
  for (const { tokens } of lines) {
    if (wantsServer(tokens, hasModel, version)) features.add('server');
    if (flagUses(tokens).some(({ flag }) => flag?.name === '--sleep-idle-seconds'))
      features.add('sleep-idle');
  }
  return features;
}
