import { closeSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { openJudged } from '../format/open.ts';
import { signModel } from '../integrity/signatures/sign-model.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { type Context, EXIT } from './context.ts';
import { naming } from './judged.ts';
import { signingKey } from './own-key.ts';
import { sha256Of } from './whole-digest.ts';
import { writeOutput } from './write-output.ts';

export interface SignInput {
  readonly files: readonly string[];
  readonly key?: string;
  /** Write over a signature that is there. */
  readonly force?: boolean;
}

/** `paddock sign`: writes `<file>.sig` beside each file. It says whose the bytes are, and judges nothing. */
export async function run(context: Context, { files, key: named, force }: SignInput): Promise<number> {
  const key = signingKey(context, named);
  for (const path of files) {
    const signature = resolve(context.cwd, `${path}.sig`);
    if (force !== true && statSync(signature, { throwIfNoEntry: false }) !== undefined)
      throw there(signature);
    const file = await naming(path, () => openJudged(path));
    try {
      const sha256 = await naming(path, () => sha256Of(context, path, file));
      writeOutput(context, signature, signModel(basename(resolve(context.cwd, path)), sha256, key), [
        file.fd,
      ]);
    } finally {
      closeSync(file.fd);
    }
    context.stdout.write(`${escapeText(signature, 4096)}\n`);
  }
  return EXIT.ok;
}

function there(where: string): PaddockError {
  return new PaddockError('usage', 'there is a signature already', {
    where: escapeText(where, 4096),
    remedy: '`paddock verify` shows whose it is; --force writes over it',
  });
}
