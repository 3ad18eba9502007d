import { basename } from 'node:path';
import type { JudgedFile } from '../format/open.ts';
import { DigestCache } from '../integrity/digests/cache.ts';
import { digestFile } from '../integrity/digests/digest.ts';
import type { Context } from './context.ts';
import { progress } from './progress.ts';
import { digestCachePath } from './trust-places.ts';

/**
 * SHA-256 (hex) of the whole open file, with a line about how far it is at a terminal. Always computed, because it is about to
 * be signed: who made the file system of a stick or a share decides what its times say, and what is remembered rests on these.
 */
export async function sha256Of(context: Context, path: string, file: JudgedFile): Promise<string> {
  const bar = progress(context, basename(path), Number(file.identity.size));
  try {
    const digests = await digestFile(file, { onProgress: bar.report });
    new DigestCache(digestCachePath(context), context.uid).remember(
      file.identity,
      { digests },
      context.now().getTime(),
    );
    return digests.sha256 ?? '';
  } finally {
    bar.end();
  }
}
