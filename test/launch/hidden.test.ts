import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isHidden, uncover } from '../../src/launch/hidden.ts';
import { RIGHT_READ, RIGHT_WRITE } from '../../src/launch/operations.ts';
import { systemPaths } from '../../src/launch/paths.ts';
import { PaddockError } from '../../src/lib/errors.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'paddock-hidden-')));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const home = join(root, 'home');
for (const folder of ['docs', '.ssh', '.config/gcloud', '.config/app', '.cache'])
  mkdirSync(join(home, folder), { recursive: true });
for (const file of ['notes.txt', '.ssh/id', '.config/gcloud/key', '.config/app/x'])
  writeFileSync(join(home, file), '');
symlinkSync('.ssh', join(home, 'keys'));
symlinkSync(home, join(root, 'alias'));

function left(grants: readonly string[], hidden: readonly string[], rights = RIGHT_READ): string[] {
  const input = grants.map((path) => ({ path, rights }));
  return uncover(input, hidden, systemPaths)
    .grants.map(({ path }) => path.replace(root, ''))
    .sort();
}

describe('hidden paths', () => {
  it('a granted folder is replaced by its entries but the one that is hidden, and but links', () => {
    expect(left([home], [join(home, '.ssh')])).toEqual(
      ['.cache', '.config', 'docs', 'notes.txt'].map((name) => `/home/${name}`),
    );
  });

  it('down to the hidden path', () => {
    expect(left([home], [join(home, '.config/gcloud')])).toEqual(
      ['.cache', '.config/app', '.ssh', 'docs', 'notes.txt'].map((name) => `/home/${name}`),
    );
  });

  it('several at once', () => {
    expect(left([home], [join(home, '.ssh'), join(home, '.config/gcloud')])).toEqual(
      ['.cache', '.config/app', 'docs', 'notes.txt'].map((name) => `/home/${name}`),
    );
  });

  it('what is not there yet stays hidden when it is made', () => {
    const grants = left([home], [join(home, '.aws/credentials')]);
    expect(grants).not.toContain('/home');
    expect(grants).toContain('/home/docs');
  });

  it('a grant at or below a hidden path is none, by whatever name', () => {
    const hidden = [join(home, '.ssh')];
    expect(left([join(home, '.ssh/id'), join(home, 'keys'), join(root, 'alias/.ssh')], hidden)).toEqual([]);
    expect(isHidden(join(home, 'keys/id'), hidden, systemPaths)).toBe(true);
    expect(isHidden(join(home, 'keys/not-yet'), hidden, systemPaths)).toBe(true);
    expect(isHidden(join(home, '.sshx'), hidden, systemPaths)).toBe(false);
    expect(isHidden(join(home, '.ssh/id'), [join(home, 'keys')], systemPaths)).toBe(true);
  });

  it('names stay as they were given', () => {
    expect(left([join(root, 'alias')], [join(home, '.ssh')])).toContain('/alias/docs');
    expect(left([home], [join(root, 'alias/.ssh')])).toContain('/home/docs');
    expect(left([home], [join(root, 'alias/.ssh')])).not.toContain('/home/.ssh');
  });

  it('others are left alone, and the user is told of what changed', () => {
    const grants = [{ path: join(home, 'docs'), rights: RIGHT_READ | RIGHT_WRITE }];
    expect(uncover(grants, [join(home, '.ssh'), join(home, 'docs-private')], systemPaths)).toEqual({
      grants,
      warnings: [],
    });
    const { warnings } = uncover([{ path: home, rights: RIGHT_WRITE }], [join(home, '.ssh')], systemPaths);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/nothing can be made in it/);
  });

  it('too many entries are refused', () => {
    const entries = Array.from({ length: 1001 }, (_, i) => ({ name: `${i}`, link: false }));
    const paths = { ...systemPaths, entries: () => entries };
    expect(() => uncover([{ path: home, rights: RIGHT_READ }], [join(home, '.ssh')], paths)).toThrow(
      PaddockError,
    );
  });
});
