import { closeSync } from 'node:fs';
import type { Anatomy, Architecture } from '../format/anatomy.ts';
import { type JudgedFile, openJudged } from '../format/open.ts';
import { readAnatomy } from '../format/read.ts';
import type { GivenArguments } from '../integrity/checks/arguments.ts';
import { judge } from '../integrity/judge.ts';
import { lookForSignatures, type SignatureLook } from '../integrity/signatures/examine.ts';
import { shippedTables } from '../integrity/tables.ts';
import type { Verdict } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';

export interface Judged {
  readonly file: JudgedFile;
  readonly anatomy: Anatomy;
  readonly verdict: Verdict;
}

/**
 * Opens, reads and judges one file. The caller closes the descriptor.
 * @param look for what vouches for it, beside it; without this, nobody looks
 * @param given with what it would be started, where that is known
 * @throws PaddockError for a file that is none of ours, malformed, or cannot be read; the descriptor is closed then.
 */
export async function judgeFile(path: string, look?: SignatureLook, given?: GivenArguments): Promise<Judged> {
  const file = openJudged(path);
  try {
    const anatomy = readAnatomy(file.source);
    const signatures = look === undefined ? undefined : await lookForSignatures(path, file, look);
    const verdict = await judge({
      anatomy,
      source: file.source,
      identity: file.identity,
      tables: shippedTables(),
      architecture: hostArchitecture(),
      ...(signatures === undefined ? {} : { signatures }),
      ...(given === undefined ? {} : { arguments: given }),
    });
    return { file, anatomy, verdict };
  } catch (cause) {
    closeSync(file.fd);
    throw cause;
  }
}

/** The same, with errors that name the file: for commands that take one. */
export async function naming<Result>(path: string, work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof PaddockError) || cause.detail.where !== undefined) throw cause;
    const { code, message, detail } = cause;
    throw new PaddockError(code, message, { ...detail, where: escapeText(path, 4096) || "''" });
  }
}

/** Which of the embedded programs this machine would run. */
export function hostArchitecture(): Architecture {
  return process.arch === 'arm64' ? 'aarch64' : 'x86-64';
}
