import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../../src/integrity/catalogue.ts';

const page = readFileSync(new URL('../../docs/checks/README.md', import.meta.url), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| ([A-Z]+-\d{3}) \| (\w+) \|/gm)].map(([, id = '', severity = '']) => [id, severity]),
);

it('every check is documented with its severity, and nothing else is', () => {
  const known = Object.entries(CATALOGUE).map(([id, { severity }]) => [id, severity.toUpperCase()]);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(known));
});
