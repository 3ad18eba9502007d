import { describe, expect, it } from 'vitest';
import { supportTable } from '../../src/integrity/baselines/support-table.ts';
import { libraryLayout } from '../../src/launch/gpu-libraries.ts';

describe('where a release looks for GPU libraries', () => {
  it.each<[string, string, string]>([
    ['0.4', 'tmp', '.llamafile'],
    ['0.5', 'tmp', '.llamafile'],
    ['0.6.2', 'tmp', '.llamafile'],
    ['0.8.1', 'tmp', '.llamafile'],
    ['0.8.2', 'home', '.llamafile'],
    ['0.8.4', 'home', '.llamafile'],
    ['0.8.5', 'home', '.llamafile/v/0.8.5'],
    ['0.9.3', 'home', '.llamafile/v/0.9.3'],
    ['0.10.6', 'home', '.llamafile/v/0.10.6'],
  ])('%s: in %s, %s', (version, base, folder) => {
    expect(libraryLayout(version)).toMatchObject({ base, folder });
  });

  it.each(['0.1', '0.3', '0.10.7', '1.0', '9.0', '', '0', '0.9.3-thin', '0.9.3.1', '../0.9.3'])(
    'not known: %j',
    (version) => expect(libraryLayout(version)).toBeUndefined(),
  );

  it('wants sources that each of its releases packs', () => {
    const { releases, files } = supportTable();
    for (const [index, version] of releases.entries()) {
      for (const source of libraryLayout(version)?.sources ?? []) {
        const row = files.find((one) => one.name === source && one.first <= index && index <= one.last);
        expect(row, `${source} of ${version}`).toMatchObject({ class: 'code', main: true });
      }
    }
  });
});
