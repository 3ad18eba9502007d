import type { Anatomy, ElfSegment, GgufFacts, GgufValue } from '../format/anatomy.ts';
import { type Html, html, shown } from './html.ts';
import type { InspectPageInput, ShownGeneration } from './inspect-page.ts';
import type { MarkedRegion } from './marks.ts';

/** Rows that a table shows; what is beyond is counted. A page of more is of no use to a reader. */
const MAX_ROWS = 4000;
const SEGMENT_TYPES: Readonly<Record<number, string>> = {
  1: 'LOAD',
  4: 'NOTE',
  6: 'PHDR',
  7: 'TLS',
  1685382480: 'GNU_EH_FRAME',
  1685382481: 'GNU_STACK',
  1685382482: 'GNU_RELRO',
  1685382483: 'GNU_PROPERTY',
};

/** Every region with its digest and what was found in it. */
export function regionTable(regions: readonly MarkedRegion[]): Html {
  const rows = regions.slice(0, MAX_ROWS).map(
    ({ index, offset, length, kind, label, trust, findings, generation, digest }) =>
      html`<tr id="region-${index}"><td class="number mono">0x${offset.toString(16)}</td><td class="number">${length}</td><td>${kind}</td><td>${shown(label)}${generation === undefined ? '' : ` (generation ${generation + 1})`}</td><td>${trust}</td><td class="mono">${digest ?? ''}</td><td>${findings.map(({ id }) => id).join(' ')}</td></tr>
`,
  );
  return fold(
    `${regions.length} regions`,
    html`${tableOf(['#offset', '#bytes', 'kind', '', 'trust', 'SHA-256', 'findings'], rows)}${rest(regions.length)}`,
  );
}

/** The members that the program sees. */
export function membersTable({ zip }: Anatomy): Html {
  if (zip === undefined) return html`<p>The file carries no archive.</p>`;
  const rows = zip.members.slice(0, MAX_ROWS).map(
    ({ name, contentOffset, size, compressedSize, method, crc32, mode }) =>
      html`<tr><td class="mono">${name}</td><td class="number">${size}</td><td class="number">${compressedSize}</td><td>${method === 0 ? 'stored' : method === 8 ? 'deflated' : `method ${method}`}</td><td class="mono">${crc32.toString(16).padStart(8, '0')}</td><td class="mono">${(mode & 0o177777).toString(8)}</td><td class="number mono">0x${contentOffset.toString(16)}</td></tr>
`,
  );
  return fold(
    `${zip.members.length} members`,
    html`${tableOf(['name', '#bytes', '#in the file', 'method', 'CRC-32', 'mode', '#offset'], rows)}${rest(zip.members.length)}`,
  );
}

/** Segments of each architecture, and the embedded loaders. */
export function programTables(anatomy: Anatomy): Html {
  const loaders = anatomy.loaders.map(
    ({ kind, architecture, encoding, offset, size, sha256 }) =>
      html`<tr><td>${kind}</td><td>${architecture}</td><td>${encoding}</td><td class="number mono">0x${offset.toString(16)}</td><td class="number">${size}</td><td class="mono">${sha256}</td></tr>`,
  );
  return html`${anatomy.programs.map(
    ({ architecture, entry, segments }) => html`<h3>${architecture}, entry 0x${entry.toString(16)}</h3>
${tableOf(['type', '#offset', '#bytes', '#address', '#in memory', 'flags'], segments.map(segmentRow))}`,
  )}${
    loaders.length === 0
      ? ''
      : html`<h3>Loaders</h3>${tableOf(['kind', 'for', 'encoding', '#offset', '#bytes', 'SHA-256'], loaders)}`
  }`;
}

function segmentRow({ type, offset, fileSize, virtualAddress, memorySize, flags }: ElfSegment): Html {
  const rights = `${flags & 4 ? 'R' : '-'}${flags & 2 ? 'W' : '-'}${flags & 1 ? 'X' : '-'}`;
  return html`<tr><td>${SEGMENT_TYPES[type] ?? `0x${type.toString(16)}`}</td><td class="number mono">0x${offset.toString(16)}</td><td class="number">${fileSize}</td><td class="number mono">0x${virtualAddress.toString(16)}</td><td class="number">${memorySize}</td><td class="mono">${rights}</td></tr>`;
}

/** Metadata of each model. */
export function modelTables(models: readonly GgufFacts[]): Html {
  if (models.length === 0) return html`<p>None.</p>`;
  return html`${models.map(({ member, version, tensorCount, parameterCount, quantisation, metadata }) => {
    const rows = [...metadata].slice(0, MAX_ROWS).map(
      ([key, value]) => html`<tr><td class="mono">${key}</td><td>${valueText(value)}</td></tr>
`,
    );
    return html`<h3>${member ?? 'weights'}</h3>
<p>GGUF version ${version}, ${tensorCount} tensors, ${parameterCount} parameters${quantisation === undefined ? '' : `, mostly ${quantisation}`}</p>
${fold(`${metadata.size} entries of metadata`, html`${tableOf(['key', 'value'], rows)}${rest(metadata.size)}`)}`;
  })}`;
}

function valueText(value: GgufValue): string {
  if (typeof value !== 'object') return String(value);
  const head = value.head.map((item) => String(item).slice(0, 40)).join(', ');
  return `[${head}${value.length > value.head.length ? ', …' : ''}] (${value.length})`;
}

/** What each generation of the archive added, replaced and removed. */
export function historyList(history: readonly ShownGeneration[]): Html {
  if (history.length === 0) return html`<p>The file carries no archive.</p>`;
  return html`<ol>${history.map(
    ({
      title,
      added,
      replaced,
      removed,
    }) => html`<li>${title}${change('added', added)}${change('replaced', replaced)}${change('removed', removed)}</li>
`,
  )}</ol>`;
}

function change(word: string, names: readonly string[]): Html {
  if (names.length === 0) return html``;
  const list = html`<ul>${names.slice(0, MAX_ROWS).map((name) => html`<li class="mono">${name}</li>`)}</ul>${rest(names.length)}`;
  return names.length > 12 ? fold(`${word} ${names.length}`, list) : html`<p>${word}:</p>${list}`;
}

/** The command line that the program would run with, and where each token comes from. */
export function argumentsTable(lists: InspectPageInput['arguments']): Html {
  if (lists.length === 0) return html`<p>The file brings none.</p>`;
  return html`${lists.map(
    ({ title, tokens }) =>
      html`<h3>${title}</h3>${tableOf(
        ['argument', 'from', ''],
        tokens
          .slice(0, MAX_ROWS)
          .map(
            ({ text, origin, note }) =>
              html`<tr><td class="mono">${text}</td><td>${origin}</td><td>${note === '' ? '' : `it ${note}`}</td></tr>`,
          ),
      )}`,
  )}`;
}

function tableOf(columns: readonly string[], rows: readonly Html[]): Html {
  const heads = columns.map((name) =>
    name.startsWith('#') ? html`<th class="number">${name.slice(1)}</th>` : html`<th>${name}</th>`,
  );
  return html`<div class="scroll"><table><thead><tr>${heads}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function fold(words: string, content: Html): Html {
  return html`<details><summary>${words}</summary>${content}</details>`;
}

function rest(count: number): Html {
  return count <= MAX_ROWS
    ? html``
    : html`<p>… and ${count - MAX_ROWS} more: <code>paddock inspect --json</code> shows all.</p>`;
}
