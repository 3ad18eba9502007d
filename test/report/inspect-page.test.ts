import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import { fixtureLlamafile } from '../fixtures/llamafile.ts';
import { HOSTILE, pageOf } from './pages.ts';

const file = fixtureLlamafile();

it('shows the map, every region with its digest, the findings and the model', async () => {
  const page = await pageOf(file);
  expect(page.match(/<svg class="bar"/g)).toHaveLength(1);
  expect(page.match(/<tr id="region-/g)?.length).toBeGreaterThan(20);
  const script = file.subarray(0, file.length - 22);
  expect(page).toContain(createHash('sha256').update(file.subarray(script.length)).digest('hex'));
  expect(page).toMatch(/SHA-256: [0-9a-f]{64}<\/title>/);
  expect(page).toContain('RUN-000');
  expect(page).toContain('general.architecture');
  expect(page).toContain('<td class="mono">model.gguf</td>');
});

it('zooms into both ends of a large file', async () => {
  const content = Buffer.alloc(6 * 1024 * 1024, 'x');
  const page = await pageOf(zipalignAppend(file, [{ name: 'large.bin', content }]));
  expect([...page.matchAll(/aria-label="([^"]+)"/g)].map(([, label]) => label)).toEqual([
    'The whole file, to scale',
    'The first MiB',
    'The last MiB',
  ]);
});

it('loads nothing, and allows only its own style and script', async () => {
  const page = await pageOf(file);
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? '';
  expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]+=*'; script-src 'sha256-[\w+/]+=*'/);
  for (const [tag, directive] of [
    ['style', 'style-src'],
    ['script', 'script-src'],
  ] as const) {
    const text = page.slice(page.indexOf(`<${tag}>`) + tag.length + 2, page.indexOf(`</${tag}>`));
    const digest = createHash('sha256').update(text).digest('base64');
    expect(policy).toContain(`${directive} 'sha256-${digest}'`);
  }
  expect(page).not.toMatch(/\b(src|href|srcset|action)=|url\(|@import|\bon\w+=|\bstyle=/);
});

it('escapes every text of the file, the user and the policy', async () => {
  const entries = HOSTILE.map((name) => ({ name, content: Buffer.from('x') }));
  const page = await pageOf(zipalignAppend(file, entries), {
    path: HOSTILE.join(' '),
    history: [{ title: HOSTILE[0] ?? '', added: HOSTILE, replaced: HOSTILE, removed: HOSTILE }],
    arguments: [
      {
        title: HOSTILE[1] ?? '',
        grammars: ['shell'],
        tokens: HOSTILE.map((text) => ({ text, origin: text, note: text })),
      },
    ],
    version: HOSTILE[2] ?? '',
  });
  expect(page.match(/<script\b/g)).toHaveLength(1);
  expect(page).not.toMatch(/<(img|iframe|b)\b|onload='|onerror="/);
  for (const char of '\u202e\u200b\u0007') expect(page).not.toContain(char);
  expect(page.split('<tr id="region-').length).toBeGreaterThan(20);
});
