import { closeSync } from 'node:fs';
import type { Anatomy, ElfSegment, GgufFacts, Region, ZipMember } from '../format/anatomy.ts';
import { archiveHistory, type GenerationChanges } from '../format/history.ts';
import { openJudged } from '../format/open.ts';
import { readAnatomy } from '../format/read.ts';
import { summarise } from '../format/summary.ts';
import { escapeText } from '../lib/text.ts';
import { formatBytes } from '../lib/units.ts';
import { shownGeneration } from '../report/history.ts';
import { type Context, EXIT } from './context.ts';
import {
  argumentsJson,
  argumentsText,
  type InspectedArguments,
  inspectArguments,
} from './inspect-arguments.ts';
import { naming } from './judged.ts';
import { paint, table, toJson } from './render.ts';

export interface InspectInput {
  readonly file: string;
  readonly json?: boolean;
  /** Where to write the page for a browser. */
  readonly html?: string;
}

/** Longest region list that is shown whole; in longer ones the archive's small members are summed up. */
const MAX_ROWS = 60;

/** `paddock inspect`: the map of the file. Judges nothing. */
export async function run(context: Context, { file, json, html }: InspectInput): Promise<number> {
  if (html !== undefined) {
    const { run: writePage } = await import('./inspect-html.ts');
    return writePage(context, file, html);
  }
  const opened = await naming(file, () => openJudged(file));
  try {
    const anatomy = await naming(file, () => readAnatomy(opened.source));
    const started = await naming(file, () => inspectArguments(anatomy, opened.source));
    context.stdout.write(
      json === true
        ? `${toJson({ schema: 'paddock/inspect/v1', path: file, summary: summarise(anatomy), ...anatomy, history: archiveHistory(anatomy).map(historyJson), arguments: argumentsJson(started) })}\n`
        : `${describe(context, file, anatomy, started)}\n`,
    );
    return EXIT.ok;
  } finally {
    closeSync(opened.fd);
  }
}

function describe(context: Context, file: string, anatomy: Anatomy, started: InspectedArguments): string {
  const colors = paint(context, 'stdout');
  const head = (text: string): string => colors.bold(text);
  const sections = [
    `${head(escapeText(file, 120))}\n${overview(anatomy)}`,
    `${head('Regions')}\n${regions(anatomy.regions)}`,
    ...anatomy.programs.map(
      (program) =>
        `${head(`Program for ${program.architecture}`)}  entry 0x${program.entry.toString(16)}\n${segments(program.segments)}`,
    ),
    ...(anatomy.loaders.length > 0 ? [`${head('Loaders')}\n${loaders(anatomy)}`] : []),
    ...(anatomy.zip === undefined ? [] : [`${head('Archive')}\n${members(anatomy)}`]),
    ...(anatomy.zip === undefined ? [] : [`${head('History')}\n${history(anatomy)}`]),
    ...(started.shown.length + started.faults.length === 0
      ? []
      : [`${head('Effective arguments')}\n${argumentsText(started)}`]),
    ...anatomy.models.map(
      (model) => `${head(`Model ${escapeText(model.member ?? '', 60)}`)}\n${metadata(model)}`,
    ),
  ];
  return sections.join('\n\n');
}

function overview(anatomy: Anatomy): string {
  const { size, form, apeVersion, architectures, generations, unaccountedBytes } = summarise(anatomy);
  return table([
    [
      'form',
      `${form === 'ape' ? `APE${apeVersion === undefined ? '' : ` ${apeVersion}`}` : 'ELF'} for ${architectures.join(', ')}`,
    ],
    ['size', `${size} bytes (${formatBytes(size)})`],
    ...headers(anatomy),
    ['zip generations', String(generations)],
    ['accounted for', unaccountedBytes === 0 ? 'every byte' : `all but ${unaccountedBytes} bytes`],
  ]);
}

/** What a shell, Windows and macOS would start from. */
function headers({ script, pe, macho }: Anatomy): string[][] {
  const rows: string[][] = [];
  if (script !== undefined) {
    const { template, difference } = script;
    rows.push(['shell script', template ?? `unknown from line ${difference?.line} on`]);
  }
  if (pe !== undefined) {
    rows.push([
      'for Windows',
      pe.kind === 'pe' ? `a PE header, ${pe.sections.length} sections` : 'unreadable',
    ]);
  }
  if (macho !== undefined) {
    const told = macho.kind === 'macho' ? `a Mach-O header, ${macho.segments.length} segments` : 'unreadable';
    rows.push(['for macOS', told]);
  }
  return rows;
}

function regions(all: readonly Region[]): string {
  const rows = all.length <= MAX_ROWS ? all : condensed(all);
  return table(
    [
      ['offset', 'bytes', 'kind', ''],
      ...rows.map(({ offset, length, kind, label, generation }) => [
        `0x${offset.toString(16)}`,
        String(length),
        kind,
        generation === undefined ? label : `${label} (generation ${generation + 1})`,
      ]),
    ],
    [0, 1],
  );
}

const SMALL: ReadonlySet<string> = new Set(['zip-local-header', 'zip-content', 'padding']);

// Runs of more than four members and their padding become one row.
function condensed(all: readonly Region[]): Region[] {
  const rows: Region[] = [];
  let at = 0;
  while (at < all.length) {
    let end = at;
    while (end < all.length && SMALL.has(all[end]?.kind ?? '')) end++;
    const run = all.slice(at, end);
    const [first] = run;
    if (first !== undefined && run.length > 8) {
      const count = run.filter(({ kind }) => kind === 'zip-local-header').length;
      const length = run.reduce((sum, region) => sum + region.length, 0);
      rows.push({ kind: 'zip-content', offset: first.offset, length, label: `${count} archive members` });
    } else rows.push(...run, ...all.slice(end, end + 1));
    if (run.length > 8) rows.push(...all.slice(end, end + 1));
    at = end + 1;
  }
  return rows;
}

function segments(list: readonly ElfSegment[]): string {
  const names: Readonly<Record<number, string>> = {
    1: 'LOAD',
    4: 'NOTE',
    6: 'PHDR',
    7: 'TLS',
    1685382480: 'GNU_EH_FRAME',
    1685382481: 'GNU_STACK',
    1685382482: 'GNU_RELRO',
    1685382483: 'GNU_PROPERTY',
  };
  return table(
    [
      ['type', 'offset', 'bytes', 'address', 'in memory', 'flags'],
      ...list.map(({ type, offset, fileSize, virtualAddress, memorySize, flags }) => [
        names[type] ?? `0x${type.toString(16)}`,
        `0x${offset.toString(16)}`,
        String(fileSize),
        `0x${virtualAddress.toString(16)}`,
        String(memorySize),
        `${flags & 4 ? 'R' : '-'}${flags & 2 ? 'W' : '-'}${flags & 1 ? 'X' : '-'}`,
      ]),
    ],
    [1, 2, 3, 4],
  );
}

function loaders({ loaders: list }: Anatomy): string {
  return table([
    ['kind', 'for', 'encoding', 'offset', 'bytes', 'SHA-256'],
    ...list.map(({ kind, architecture, encoding, offset, size, sha256 }) => [
      kind,
      architecture,
      encoding,
      `0x${offset.toString(16)}`,
      String(size),
      sha256,
    ]),
  ]);
}

function members({ zip }: Anatomy): string {
  const all = zip?.members ?? [];
  const shown = all.slice(0, MAX_ROWS);
  const rows = shown.map(({ name, method, size, contentOffset }) => [
    `0x${contentOffset.toString(16)}`,
    String(size),
    method === 0 ? 'stored' : method === 8 ? 'deflated' : `method ${method}`,
    escapeText(name, 80),
  ]);
  const more =
    all.length > shown.length ? `\n… and ${all.length - shown.length} more (--json shows all)` : '';
  return table([['offset', 'bytes', 'method', 'name'], ...rows], [0, 1]) + more;
}

/** Of each generation what it did; long lists are cut. */
function history(anatomy: Anatomy): string {
  return archiveHistory(anatomy)
    .map(shownGeneration)
    .map(({ title, added, replaced, removed }, index) =>
      [
        `${index + 1}. ${title}`,
        ...changes('added', added),
        ...changes('replaced', replaced),
        ...changes('removed', removed),
      ].join('\n'),
    )
    .join('\n');
}

const MAX_CHANGES = 12;

function changes(word: string, names: readonly string[]): string[] {
  const shown = names.slice(0, MAX_CHANGES).map((name) => `   ${word.padEnd(8)}  ${escapeText(name, 120)}`);
  return names.length > MAX_CHANGES
    ? [...shown, `   … and ${names.length - MAX_CHANGES} more ${word}`]
    : shown;
}

function historyJson({ added, replaced, removed, ...rest }: GenerationChanges) {
  return {
    ...rest,
    added: added.map(({ name }) => name),
    replaced: replaced.map(({ before, after }) => ({
      name: after.name,
      before: recordOf(before),
      after: recordOf(after),
    })),
    removed: removed.map(({ name }) => name),
  };
}

function recordOf({ contentOffset, size, crc32 }: ZipMember) {
  return { contentOffset, size, crc32 };
}

function metadata(model: GgufFacts): string {
  const rows = [...model.metadata]
    .slice(0, MAX_ROWS)
    .map(([key, value]) => [escapeText(key, 50), valueText(value)]);
  return table([
    ['version', String(model.version)],
    [
      'tensors',
      `${model.tensorCount} (${model.parameterCount} parameters${model.quantisation === undefined ? '' : `, mostly ${model.quantisation}`})`,
    ],
    ...rows,
  ]);
}

function valueText(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'length' in value && 'head' in value) {
    const array = value as { length: number; head: readonly unknown[] };
    const head = array.head.map((item) => escapeText(String(item), 12)).join(', ');
    return `[${head}${array.length > array.head.length ? ', …' : ''}] (${array.length})`;
  }
  return escapeText(String(value), 70);
}
