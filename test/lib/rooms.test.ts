import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** The way of the data, as docs/architecture.md draws it. A room imports from those before it, from lib, and from itself. */
const ORDER = [
  'lib',
  'format',
  'integrity',
  'policy',
  'launch',
  'gate',
  'terminal',
  'watch',
  'session',
  'host',
  'report',
  'cli',
];
/** The demo's builders stand apart: they import nothing of the product but lib, and only cli uses them. */
const APART = 'demo';

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const room = (name: string): string => name.split('/')[0] ?? '';

function imports(name: string): string[] {
  const text = readFileSync(join(src, name), 'utf8');
  return [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    relative(src, resolve(dirname(join(src, name)), path)),
  );
}

describe.each(files)('%s', (name) => {
  it('imports only from rooms before its own', () => {
    for (const target of imports(name).filter((path) => !path.startsWith('..'))) {
      const [from, to] = [room(name), room(target)];
      if (from === to || to === 'lib') continue;
      if (to === APART) expect(from, `${name} imports ${target}`).toBe('cli');
      else expect(ORDER.indexOf(to), `${name} imports ${target}`).toBeLessThan(ORDER.indexOf(from));
    }
  });

  it('leaves arguments, environment, clock and terminal to cli', () => {
    if (room(name) === 'cli') return;
    const text = readFileSync(join(src, name), 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    expect(text).not.toMatch(
      /process\.(argv|env|stdout|stderr|stdin)\b|\bnew Date\(\)|Date\.now\(\)|console\./,
    );
  });
});
