import { createHash } from 'node:crypto';
import { type ZipEntry, zipalignAppend } from '../../src/demo/zip-writer.ts';
import type { JudgeInput } from '../../src/integrity/judge.ts';
import type { Tables } from '../../src/integrity/tables.ts';
import { fixtureBase, modelEntries } from '../fixtures/llamafile.ts';
import { EMPTY_TABLES, judged, type Outcome } from './judged.ts';

/** Tables in which the runtime of the fixtures is that release. */
export function releasedAs(version: string, more: Partial<Tables> = {}): Tables {
  const base = fixtureBase();
  const sha256 = createHash('sha256').update(base).digest('hex');
  const release = { artifact: `llamafile-${version}`, version, sha256, size: base.length, source: 'a test' };
  return { ...EMPTY_TABLES, releases: new Map([[sha256, release]]), ...more };
}

/** A well-formed file with this `.args`, judged as a file of that release, or of an unknown runtime. */
export function withArgs(
  args: string | Buffer,
  version?: string,
  given: Partial<JudgeInput> & { readonly method?: ZipEntry['method'] } = {},
): Promise<Outcome> {
  const { method, ...input } = given;
  const [model] = modelEntries();
  const entry: ZipEntry = { name: '.args', content: Buffer.from(args), ...(method ? { method } : {}) };
  const file = zipalignAppend(fixtureBase(), [...(model === undefined ? [] : [model]), entry]);
  return judged(file, { ...(version === undefined ? {} : { tables: releasedAs(version) }), ...input });
}
