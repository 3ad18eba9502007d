import { buildApe } from './ape-writer.ts';
import { type ZipEntry, zipalignAppend } from './zip-writer.ts';

export interface LlamafileParts {
  /** A static x86-64 ELF executable. */
  readonly engine: Buffer;
  /** A GGUF. */
  readonly model: Buffer;
  /** Content of `.args`: one argument a line, `...` for the user's own. */
  readonly args: string;
  readonly form: 'elf' | 'ape';
  /** An APE loader for x86-64; needed for the APE form. */
  readonly loader?: Buffer;
}

/**
 * A llamafile made of an engine, a model and arguments: the engine as it is or in APE layout, and behind it a zip as
 * zipalign appends it, with the weights stored at a multiple of 64 KiB so that they can be mapped.
 * @throws RangeError if the engine is no static ELF, or the APE form lacks a loader: bugs of the caller.
 */
export function buildDemoLlamafile(parts: LlamafileParts): Buffer {
  return zipalignAppend(base(parts), [
    { name: 'model.gguf', content: parts.model },
    { name: '.args', content: Buffer.from(parts.args) },
  ]);
}

function base({ engine, form, loader }: LlamafileParts): Buffer {
  if (form === 'elf') return engine;
  if (loader === undefined) throw new RangeError('the APE form needs a loader');
  return buildApe({ x86Elf: engine, loaders: { x86: loader }, zipEntries: SUPPORT_FILES });
}

/** The first zip generation, which every APE executable has. */
const SUPPORT_FILES: readonly ZipEntry[] = [
  {
    name: 'README',
    content: Buffer.from('A demonstration. It is built when it is needed.\n'),
    method: 'deflated',
  },
];
