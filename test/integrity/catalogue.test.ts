import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Checks } from '../../src/integrity/catalogue/check.ts';
import { CATALOGUE } from '../../src/integrity/catalogue.ts';

const folder = new URL('../../docs/checks/', import.meta.url);
const index = readFileSync(new URL('README.md', folder), 'utf8');
const known = Object.entries(CATALOGUE as Checks);

it('the index has every check with its severity, stage and title, and nothing else', () => {
  const rows = [
    ...index.matchAll(/^\| \[([A-Z]+-\d{3}[a-z]?)\]\(([^)]+)\) \| (\w+) \| (\w+) \| (.+) \|$/gm),
  ].map((match) => match.slice(1));
  const expected = known.map(([id, { severity, stage, title }]) => [
    id,
    `${id}.md`,
    severity.toUpperCase(),
    stage,
    title,
  ]);
  expect(rows.sort()).toEqual(expected.sort());
});

it('no page stands for a check that does not exist', () => {
  const pages = readdirSync(folder).filter((name) => name !== 'README.md');
  expect(pages.sort()).toEqual(known.map(([id]) => `${id}.md`).sort());
});

const SECTIONS = ['What it means', 'How an attacker uses it', 'A false alarm', 'What to do'];

describe.each(known)('the page of %s', (id, { title }) => {
  const page = readFileSync(new URL(`${id}.md`, folder), 'utf8');

  it('has its title and the four sections, none of them empty', () => {
    const [head = '', ...sections] = page.split(/^## /m);
    expect(head).toContain(`# ${id}: ${title}`);
    expect(sections.map((text) => text.split('\n')[0])).toEqual(SECTIONS);
    for (const text of sections)
      expect(text.split('\n').slice(1).join(' ').trim().length).toBeGreaterThan(10);
  });
});

it('what the readers refuse is in the catalogue, with stage `reading`', () => {
  const format = new URL('../../src/format/', import.meta.url);
  const sources = readdirSync(format, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const used = sources.flatMap((name) =>
    [
      ...readFileSync(new URL(name, format), 'utf8').matchAll(/'((?:FILE|APE|ZIP|GGUF|ARG)-\d{3}[a-z]?)'/g),
    ].map(([, id = '']) => id),
  );
  const reading = known.filter(([, { stage }]) => stage === 'reading').map(([id]) => id);
  expect([...new Set(used)].sort()).toEqual(reading.sort());
});

it.each(known)('%s says why it matters, in one sentence that fits on two lines', (_, { why }) => {
  expect(why.length).toBeGreaterThan(20);
  expect(why.length).toBeLessThan(150);
  expect(why).not.toMatch(/\.$|\n/);
});
