import { createHash } from 'node:crypto';
import type { Tables } from '../../src/integrity/tables.ts';
import type { GgufEntry } from '../fixtures/gguf-writer.ts';
import { type GgufModel, writeGguf } from '../fixtures/gguf-writer.ts';
import { fixtureBase, fixtureLlamafile, modelEntries, TINY_MODEL } from '../fixtures/llamafile.ts';
import { zipalignAppend } from '../fixtures/zip-writer.ts';
import type { Case } from './case.ts';
import { EMPTY_TABLES, judged } from './judged.ts';

/** A llamafile with these weights. */
export function weights(is: string, make: () => Buffer): Case {
  return { is, judged: () => judged(fixtureLlamafile(modelEntries(make()))) };
}

/** The same of a release of llamafile that paddock knows. */
export function weightsOf(version: string, is: string, make: () => Buffer): Case {
  return {
    is: `${is}, llamafile ${version}`,
    judged: () => {
      const base = fixtureBase();
      const file = zipalignAppend(base, modelEntries(make()));
      return judged(file, { tables: knowing(base, version) });
    },
  };
}

/** The tiny model with further metadata, or other metadata of the same keys. */
export function metadata(is: string, ...entries: readonly GgufEntry[]): Case {
  return weights(is, () => tiny({}, entries));
}

/** The tiny model with some things changed. */
export function tiny(change: Partial<GgufModel>, entries: readonly GgufEntry[] = []): Buffer {
  const replaced = new Set(entries.map(([key]) => key));
  const kept = TINY_MODEL.metadata.filter(([key]) => !replaced.has(key));
  return writeGguf({ ...TINY_MODEL, metadata: [...kept, ...entries], ...change });
}

/** The tiny model with a chat template. */
export function template(is: string, source: string): Case {
  return metadata(is, ['tokenizer.chat_template', 'string', source]);
}

/** The base as if it were a published release. */
export function knowing(base: Buffer, version: string): Tables {
  const sha256 = createHash('sha256').update(base).digest('hex');
  const release = {
    artifact: `llamafile-${version}`,
    version,
    sha256,
    size: base.length,
    source: 'a fixture',
  };
  return { ...EMPTY_TABLES, releases: new Map([[sha256, release]]) };
}
