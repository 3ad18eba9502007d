import { expect, it } from 'vitest';
import { infozipRewrite, zipalignAppend } from '../../src/demo/zip-writer.ts';
import { archiveHistory } from '../../src/format/history.ts';
import { fixtureBase, modelEntries } from '../fixtures/llamafile.ts';
import { read } from './support.ts';

const entry = (name: string, content = name) => ({ name, content: Buffer.from(content) });
const base = fixtureBase();
const model = zipalignAppend(base, modelEntries());
const names = (bytes: Buffer) =>
  archiveHistory(read(bytes)).map(({ end, tool, added, replaced, removed }) => ({
    end,
    tool,
    added: added.map(({ name }) => name),
    replaced: replaced.map(({ after }) => after.name),
    removed: removed.map(({ name }) => name),
  }));
const FIRST = {
  end: base.length,
  tool: 'apelink',
  added: ['.cosmo', 'usr/share/zoneinfo/UTC'],
  replaced: [],
  removed: [],
};
const SECOND = {
  end: model.length,
  tool: 'zipalign',
  added: ['model.gguf', '.args'],
  replaced: [],
  removed: [],
};

it('tells what each generation added, and who made it', () => {
  expect(names(model)).toEqual([FIRST, SECOND]);
});

it('tells what was replaced, and by what', () => {
  const again = zipalignAppend(model, [entry('.args', '-c\n1\n'), entry('LICENSE')]);
  expect(names(again)).toEqual([
    FIRST,
    SECOND,
    { end: again.length, tool: 'zipalign', added: ['LICENSE'], replaced: ['.args'], removed: [] },
  ]);
  const last = archiveHistory(read(again)).at(-1);
  expect(last?.replaced[0]?.before.size).not.toBe(last?.replaced[0]?.after.size);
});

it('a member that was added once more as it was is no change', () => {
  const again = zipalignAppend(model, [modelEntries()[1] ?? entry('')]);
  expect(names(again).at(-1)).toMatchObject({ added: [], replaced: [] });
});

it('Info-ZIP leaves one generation, and is recognised by its records', () => {
  const rewritten = infozipRewrite(model, [entry('note.txt')]);
  expect(names(rewritten)).toMatchObject([{ end: rewritten.length, tool: 'Info-ZIP', removed: [] }]);
  expect(names(rewritten)[0]?.added).toHaveLength(5);
});
