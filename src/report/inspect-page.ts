import { createHash } from 'node:crypto';
import type { Anatomy } from '../format/anatomy.ts';
import type { Checks } from '../integrity/catalogue/check.ts';
import { CATALOGUE } from '../integrity/catalogue.ts';
import type { Finding, Verdict } from '../integrity/verdict.ts';
import { formatBytes } from '../lib/units.ts';
import type { ShownCommandLine } from './arguments.ts';
import { bar, type Range } from './bar.ts';
import { type Html, html, raw, shown } from './html.ts';
import { GROUPS, type Group } from './kinds.ts';
import { type MarkedRegion, markRegions } from './marks.ts';
import {
  argumentsTable,
  historyList,
  membersTable,
  modelTables,
  programTables,
  regionTable,
} from './sections.ts';
import { SCRIPT, STYLE } from './style.ts';

/** What one generation of the archive changed; names are not escaped. */
export interface ShownGeneration {
  /** "zipalign, ended at byte 982980". */
  readonly title: string;
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  readonly removed: readonly string[];
}

export interface InspectPageInput {
  /** As the user named it; not escaped. */
  readonly path: string;
  readonly anatomy: Anatomy;
  readonly verdict: Verdict;
  /** SHA-256 (hex) of regions, by their index; those of weights may be missing. */
  readonly digests: ReadonlyMap<number, string>;
  readonly history: readonly ShownGeneration[];
  /** One list for each way in which releases would read them; a single one where they agree. */
  readonly arguments: readonly ShownCommandLine[];
  /** ISO 8601. */
  readonly madeAt: string;
  readonly version: string;
}

const MIB = 1024 * 1024;

/**
 * One page with everything that is known of the file: no network, no inline event handlers, style and script allowed by
 * their digests only. All text is escaped.
 */
export function inspectPage(input: InspectPageInput): string {
  const { path, anatomy, verdict } = input;
  const regions = markRegions(anatomy.regions, verdict, input.digests);
  const body = html`<h1>${path}</h1>
${summary(input)}
<h2>Map</h2>
<p id="panel">Point at a part of the map: its offset, size, trust and findings appear here. Choose it to see its row.</p>
${maps(regions, anatomy.size)}
${legend()}
<h2>Findings</h2>
${findings(verdict.findings)}
<h2>History of the archive</h2>
${historyList(input.history)}
<h2>Effective arguments</h2>
${argumentsTable(input.arguments)}
<h2>Models</h2>
${modelTables(anatomy.models)}
<h2>Program</h2>
${programTables(anatomy)}
<h2>Archive</h2>
${membersTable(anatomy)}
<h2>Regions</h2>
${regionTable(regions)}
<footer>Made by paddock ${input.version} at ${input.madeAt}. Nothing of the file was executed.</footer>`;
  return page(`${path} – paddock`, body);
}

function page(title: string, body: Html): string {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${digest(STYLE)}'`,
    `script-src 'sha256-${digest(SCRIPT)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${raw(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
${body}
<script>${raw(SCRIPT)}</script>
</body>
</html>
`.text;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

function summary({ anatomy, verdict }: InspectPageInput): Html {
  const worst = verdict.findings[0]?.severity ?? 'pass';
  const hidden = anatomy.regions.filter(({ kind }) => kind === 'unaccounted');
  const bytes = hidden.reduce((sum, { length }) => sum + length, 0);
  const standing = {
    release: `the runtime is ${verdict.release ?? 'a published release'}`,
    tampered: `tampered with: in part ${verdict.release ?? 'a published release'}`,
    unknown: 'the runtime is not a release that paddock knows',
  }[verdict.standing];
  const loader = verdict.loader;
  return html`<p><span class="badge ${verdict.standing === 'tampered' ? 'deny' : worst}">${verdict.standing}, tier ${verdict.tier}</span> ${standing}</p>
<dl>
<dt>form</dt><dd>${anatomy.form === 'ape' ? 'APE' : 'ELF'}${anatomy.ape?.version === undefined ? '' : ` ${anatomy.ape.version}`} for ${anatomy.programs.map(({ architecture }) => architecture).join(' and ')}</dd>
<dt>size</dt><dd>${anatomy.size} bytes (${formatBytes(anatomy.size)})</dd>
<dt>loader</dt><dd>${loader === undefined ? 'none is needed' : loader.known === undefined ? `unknown, SHA-256 ${loader.sha256}` : `known: ${loader.known.origin}`}</dd>
<dt>accounted for</dt><dd>${bytes === 0 ? 'every byte' : `all but ${bytes} bytes in ${hidden.length} places`}</dd>
</dl>`;
}

function maps(regions: readonly MarkedRegion[], size: number): Html[] {
  const ranges: (readonly [string, Range])[] = [['The whole file, to scale', { start: 0, end: size }]];
  if (size > MIB) ranges.push(['The first MiB', { start: 0, end: MIB }]);
  if (size > 4 * MIB) ranges.push(['The last MiB', { start: size - MIB, end: size }]);
  return ranges.map(([label, range]) => html`<h3>${label}</h3>${bar(regions, range, label)}`);
}

function legend(): Html {
  const entries = Object.entries(GROUPS) as [Group, string][];
  return html`<p class="legend">${entries.map(([group, words]) => html`<span><svg viewBox="0 0 12 12"><rect class="${group}" width="12" height="12"/></svg>${words}</span>`)}<span><svg viewBox="0 0 12 12"><rect class="unknown" width="12" height="12"/></svg>dark foot: nobody vouches for it</span><span><svg viewBox="0 0 12 12"><rect class="flag deny" width="12" height="12"/></svg>head: a finding</span></p>`;
}

function why(id: string): string {
  return (CATALOGUE as Checks)[id]?.why ?? '';
}

function findings(list: readonly Finding[]): Html {
  if (list.length === 0) return html`<p>None.</p>`;
  return html`${list.map(
    ({ id, severity, title, evidence, remedy }) => html`<div class="finding ${severity}">
<p><span class="badge ${severity}">${severity}</span> <strong>${id}</strong> ${shown(title)}</p>
<p class="mono">${[
      evidence.offset === undefined ? '' : `byte ${evidence.offset} (0x${evidence.offset.toString(16)})`,
      evidence.length === undefined ? '' : `${evidence.length} bytes`,
      evidence.expected === undefined ? '' : `expected ${evidence.expected}`,
      evidence.found === undefined ? '' : `found ${evidence.found}`,
    ]
      .filter((part) => part !== '')
      .map((part, index) => html`${index === 0 ? '' : '; '}${shown(part)}`)}</p>
<p>${why(id)}</p>
<p>To do: ${shown(remedy)}</p>
</div>`,
  )}`;
}
