import { formatBytes } from '../lib/units.ts';
import { type Html, html, shown } from './html.ts';
import { groupOf } from './kinds.ts';
import type { MarkedRegion } from './marks.ts';

/** Units of the drawing across the page; a region narrower than one is drawn together with its neighbours. */
const WIDTH = 1200;
const HEIGHT = 64;
const TICKS = 8;

export interface Range {
  readonly start: number;
  readonly end: number;
}

/** The regions of one range of the file as a bar to scale, with its offsets below. */
export function bar(regions: readonly MarkedRegion[], range: Range, label: string): Html {
  const scale = WIDTH / Math.max(1, range.end - range.start);
  const cells = cellsOf(regions, range, scale);
  return html`<svg class="bar" viewBox="0 0 ${WIDTH} ${HEIGHT + 22}" role="img" aria-label="${label}">
${cells.map((cell) => draw(cell))}${ticks(range, scale)}
</svg>`;
}

interface Cell {
  readonly x: number;
  readonly width: number;
  readonly regions: readonly MarkedRegion[];
}

function cellsOf(regions: readonly MarkedRegion[], { start, end }: Range, scale: number): Cell[] {
  const cells: Cell[] = [];
  let small: MarkedRegion[] = [];
  let smallFrom = 0;
  const flush = (x: number) => {
    if (small.length > 0) cells.push({ x: smallFrom, width: Math.max(1, x - smallFrom), regions: small });
    small = [];
  };
  for (const region of regions) {
    const from = Math.max(region.offset, start);
    const to = Math.min(region.offset + region.length, end);
    if (to <= from) continue;
    const x = (from - start) * scale;
    const width = (to - from) * scale;
    if (small.length > 0 && x - smallFrom >= 1) flush(x);
    if (width < 1) {
      if (small.length === 0) smallFrom = x;
      small.push(region);
      continue;
    }
    flush(x);
    cells.push({ x, width, regions: [region] });
  }
  flush(Math.min(WIDTH, smallFrom + 1));
  return cells;
}

function draw({ x, width, regions }: Cell): Html {
  const largest = regions.reduce((a, b) => (b.length > a.length ? b : a), regions[0] as MarkedRegion);
  const worst = regions.find((region) => region.worst === 'deny') ?? regions.find((region) => region.worst);
  const hidden = regions.find(({ kind }) => kind === 'unaccounted');
  const main = hidden ?? largest;
  const flag =
    worst?.worst === undefined
      ? html``
      : html`<rect class="flag ${worst.worst}" x="${x.toFixed(2)}" y="0" width="${Math.max(2, width).toFixed(2)}" height="7"/>`;
  const trust =
    main.trust === 'unknown'
      ? html`<rect class="unknown" x="${x.toFixed(2)}" y="${HEIGHT - 9}" width="${width.toFixed(2)}" height="9"/>`
      : html``;
  return html`<g class="cell" data-region="${(worst ?? main).index}" tabindex="-1"><title>${shown(titleOf(regions))}</title><rect class="${groupOf(main.kind)}" x="${x.toFixed(2)}" y="9" width="${Math.max(1, width).toFixed(2)}" height="${HEIGHT - 9}"/>${trust}${flag}</g>
`;
}

function titleOf(regions: readonly MarkedRegion[]): string {
  const [first] = regions;
  if (first === undefined) return '';
  if (regions.length === 1) return describe(first);
  const end = regions.at(-1);
  const bytes = end === undefined ? 0 : end.offset + end.length - first.offset;
  const odd = regions.filter(({ findings }) => findings.length > 0);
  return [
    `${regions.length} small regions from byte ${first.offset}, ${formatBytes(bytes)} in all`,
    ...regions.slice(0, 6).map((region) => `${region.kind}: ${region.label}`),
    ...(regions.length > 6 ? ['…'] : []),
    ...odd.flatMap(({ findings }) => findings.map(({ id, title }) => `${id}: ${title}`)).slice(0, 6),
  ].join('\n');
}

function describe({ kind, label, offset, length, trust, findings, digest }: MarkedRegion): string {
  return [
    `${kind}: ${label}`,
    `byte ${offset} (0x${offset.toString(16)}), ${formatBytes(length)}`,
    `trust: ${trust}`,
    ...(digest === undefined ? [] : [`SHA-256: ${digest}`]),
    ...findings.map(({ id, title }) => `${id}: ${title}`),
  ].join('\n');
}

function ticks({ start, end }: Range, scale: number): Html[] {
  return Array.from({ length: TICKS + 1 }, (_, index) => {
    const at = start + ((end - start) * index) / TICKS;
    const x = (at - start) * scale;
    const side = index === 0 ? 'start' : index === TICKS ? 'end' : 'middle';
    return html`<line class="tick" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${HEIGHT}" y2="${HEIGHT + 5}"/><text class="tick" text-anchor="${side}" x="${x.toFixed(1)}" y="${HEIGHT + 18}">${formatBytes(Math.round(at))}</text>`;
  });
}
