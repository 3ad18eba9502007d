import type { BaselinePlaces } from '../integrity/baselines/baseline.ts';
import { forgetEngine } from '../integrity/baselines/engines.ts';
import type { StoredBaseline } from '../integrity/baselines/schema.ts';
import { type Kept, keptAs, readBaselines, removeBaseline } from '../integrity/baselines/store.ts';
import { escapeText } from '../lib/text.ts';
import { formatBytes } from '../lib/units.ts';
import { type Context, EXIT } from './context.ts';
import { table, toJson } from './render.ts';
import { baselinePlaces } from './trust-places.ts';

export type BaselineInput =
  | { readonly action: 'list'; readonly json?: boolean }
  | { readonly action: 'show'; readonly name: string; readonly json?: boolean }
  | { readonly action: 'remove'; readonly name: string };

/** `paddock baseline list`, `show` and `remove`. */
export function run(context: Context, input: BaselineInput): number {
  const places = baselinePlaces(context);
  switch (input.action) {
    case 'list':
      return list(context, readBaselines(places), input.json === true);
    case 'show':
      return show(context, keptAs(places, input.name), input.json === true);
    case 'remove':
      forget(places, input.name);
      context.stderr.write(`paddock: ${input.name} is forgotten\n`);
      return EXIT.ok;
  }
}

function forget(places: BaselinePlaces, name: string): void {
  const { baseline } = keptAs(places, name);
  removeBaseline(places, name);
  forgetEngine(places, baseline);
}

function list(context: Context, all: readonly Kept[], json: boolean): number {
  if (json) {
    const rows = all.map(({ baseline, store }) => ({ ...summary(baseline), store }));
    context.stdout.write(`${toJson({ schema: 'paddock/baseline-list/v1', baselines: rows })}\n`);
    return EXIT.ok;
  }
  if (all.length === 0) {
    context.stderr.write('paddock: no release has been learned yet: `paddock baseline add --help`\n');
    return EXIT.ok;
  }
  const rows = all.map(({ baseline, store }) => [
    baseline.name,
    escapeText(baseline.version ?? '', 32),
    formatBytes(baseline.file?.size ?? baseline.prefix.length),
    `${baseline.members.length}`,
    baseline.learned.at.slice(0, 10),
    origin(baseline),
    store,
  ]);
  const head = ['name', 'version', 'size', 'members', 'learned', 'because', 'store'];
  context.stdout.write(`${table([head, ...rows])}\n`);
  return EXIT.ok;
}

function summary({ name, version, form, file, prefix, members, learned, imported }: StoredBaseline) {
  return { name, version, form, file, program: prefix, members: members.length, learned, imported };
}

function origin({ learned, imported }: StoredBaseline): string {
  return imported === undefined ? learned.because : `signed by ${escapeText(imported.signer, 64)}`;
}

function show(context: Context, { baseline, store }: Kept, json: boolean): number {
  if (json) {
    context.stdout.write(`${toJson({ ...baseline, store })}\n`);
    return EXIT.ok;
  }
  const { file, prefix, learned } = baseline;
  const lines = [
    `${baseline.name}${baseline.version === undefined ? '' : `  (version ${escapeText(baseline.version, 32)})`}`,
    `  learned   ${learned.at} from ${escapeText(learned.from, 255)}: ${origin(baseline)}`,
    `  store     ${store}`,
    ...(baseline.engine === undefined ? [] : [`  engine    ${escapeText(baseline.engine.path, 4096)}`]),
    ...(file === undefined ? [] : [`  release   ${formatBytes(file.size)}, SHA-256 ${file.sha256}`]),
    `  program   ${formatBytes(prefix.length)}, SHA-256 ${prefix.sha256}`,
    '',
    table([
      ['part', 'byte', 'length', 'SHA-256'],
      ...baseline.parts.map(({ label, offset, length, sha256 }) => [
        escapeText(label, 60),
        `${offset}`,
        `${length}`,
        sha256,
      ]),
    ]),
    '',
    table([
      ['member', 'class', 'length', 'SHA-256'],
      ...baseline.members.map((each) => [escapeText(each.name, 60), each.class, `${each.size}`, each.sha256]),
    ]),
  ];
  context.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.ok;
}
