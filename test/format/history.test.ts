import { expect, it } from 'vitest';
import { syntheticElf } from '../../src/demo/ape-writer.ts';
import { directory, existingRecords } from '../../src/demo/zip-records.ts';
import { appendBaseZip, infozipRewrite, type ZipEntry, zipalignAppend } from '../../src/demo/zip-writer.ts';
import { archiveHistory, isAlike } from '../../src/format/history.ts';
import { shownGeneration } from '../../src/report/history.ts';
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

it('a member that was added once more as it was is told, and by which tool', () => {
  const again = zipalignAppend(model, [modelEntries()[1] ?? entry('')]);
  expect(names(again).at(-1)).toMatchObject({ tool: 'zipalign', added: [], replaced: ['.args'] });
  const [change] = archiveHistory(read(again)).at(-1)?.replaced ?? [];
  expect(change !== undefined && isAlike(change.before, change.after)).toBe(true);
  expect(archiveHistory(read(again)).map(shownGeneration).at(-1)?.replaced).toEqual([
    expect.stringMatching(
      /^\.args: \d+ bytes at byte \d+ .* written again at byte \d+, same length and checksum$/,
    ),
  ]);
});

it('a member that a generation leaves out is told as removed', () => {
  const without = directoryWithout(model, '.args');
  expect(names(without).at(-1)).toMatchObject({ added: [], replaced: [], removed: ['.args'] });
});

/** A new directory behind the file, with all records but one. */
function directoryWithout(file: Buffer, name: string): Buffer {
  const records = existingRecords(file).filter((each) => each.name.toString() !== name);
  const tail = directory(
    records.map(({ bytes }) => bytes),
    file.length,
    { eocd64: true },
  );
  return Buffer.concat([file, tail]);
}

it('the first apelink is known by its symbol tables, and by nothing else that DOS could have written', () => {
  const dos = (name: string) => ({
    ...entry(name),
    central: { madeBy: 20, externalAttributes: 0, extra: Buffer.alloc(0) },
  });
  const tools = (...entries: ZipEntry[]) =>
    archiveHistory(read(appendBaseZip(syntheticElf(), entries))).map(({ tool }) => tool);
  expect(tools(dos('.symtab.amd64'), entry('.cosmo'))).toEqual(['apelink']);
  expect(tools(dos('notes.txt'), entry('.cosmo'))).toEqual(['another tool']);
});

it('Info-ZIP leaves one generation, and is recognised by its records', () => {
  const rewritten = infozipRewrite(model, [entry('note.txt')]);
  expect(names(rewritten)).toMatchObject([{ end: rewritten.length, tool: 'Info-ZIP', removed: [] }]);
  expect(names(rewritten)[0]?.added).toHaveLength(5);
});
