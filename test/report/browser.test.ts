import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { zipalignAppend } from '../../src/demo/zip-writer.ts';
import { fixtureLlamafile } from '../fixtures/llamafile.ts';
import { HOSTILE, pageOf } from './pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'paddock-page-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function findBrowser(): Promise<string | undefined> {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const { exitCode } = await execa(name, ['--version'], { reject: false });
    if (exitCode === 0) return name;
  }
  return undefined;
}

const browser = await findBrowser();

/** The document after its script ran, and what the browser had to say. */
async function open(name: string, page: string): Promise<{ document: string; log: string }> {
  const path = join(folder, name);
  writeFileSync(path, page);
  const { stdout, stderr } = await execa(
    browser ?? '',
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'],
      ...['--enable-logging=stderr', `--user-data-dir=${join(folder, 'profile')}`, '--dump-dom'],
      pathToFileURL(path).href,
    ],
    { timeout: 60_000, extendEnv: false, env: { PATH: process.env.PATH, HOME: folder } },
  );
  return { document: stdout, log: stderr };
}

// A reason that is seen: the browser is large, and nothing else of paddock needs it.
describe.skipIf(browser === undefined)('in Chromium (skipped where it is not installed)', () => {
  const entries = HOSTILE.map((name) => ({ name, content: Buffer.from('x') }));

  it('runs its own script, refuses nothing of its own, and takes no text for markup', async () => {
    const page = await pageOf(zipalignAppend(fixtureLlamafile(), entries), { path: HOSTILE.join('') });
    const { document, log } = await open('page.html', page);
    expect(document).toContain('data-ready="yes"');
    expect(document).not.toContain('data-taken');
    expect(document.match(/<g class="cell"/g)?.length).toBeGreaterThan(10);
    expect(log).not.toMatch(/Refused to|Content Security Policy|Uncaught/);
  }, 90_000);

  it('control: the same texts act in a page that does not escape', async () => {
    const { document } = await open('control.html', `<!doctype html><title>x</title>${HOSTILE[0]}`);
    expect(document).toContain('data-taken');
  }, 90_000);

  it('control: its security policy alone stops them, too', async () => {
    const page = (await pageOf(fixtureLlamafile())).replace('<h1>', `${HOSTILE[0]}<h1>`);
    const { document, log } = await open('policy.html', page);
    expect(document).toContain('data-ready="yes"');
    expect(document).not.toContain('data-taken');
    expect(log).toMatch(/Refused to|Content Security Policy/);
  }, 90_000);
});
