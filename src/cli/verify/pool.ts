import { Worker } from 'node:worker_threads';
import type { Judgement } from '../../report/outcome.ts';
import { type How, judgeOne } from './judge-one.ts';

export interface PoolInput extends How {
  readonly paths: readonly string[];
  /** Threads; 1 judges in this one. */
  readonly jobs: number;
  /** After each file: how many are judged. */
  readonly progress: (judged: number) => void;
}

/** The judgements of all files, in the order of `paths` whatever the number of jobs. Never throws for a file. */
export async function judgeAll(input: PoolInput): Promise<Judgement[]> {
  const { paths, jobs, wanted, by, whole, asked, onBytes, progress } = input;
  const results: Judgement[] = [];
  let next = 0;
  let judged = 0;
  const take = async (judge: (path: string) => Promise<Judgement>): Promise<void> => {
    for (let index = next++; index < paths.length; index = next++) {
      results[index] = await judge(paths[index] ?? '');
      progress(++judged);
    }
  };
  if (jobs <= 1) await take((path) => judgeOne(path, { wanted, by, whole, asked, onBytes }));
  else await Promise.all(Array.from({ length: jobs }, () => inThread({ wanted, by, whole, asked }, take)));
  return results;
}

// A thread that ends in the middle of a file (out of memory, say) costs that file its judgement; a new one goes on.
async function inThread(
  how: Pick<How, 'wanted' | 'by' | 'whole' | 'asked'>,
  take: (judge: (path: string) => Promise<Judgement>) => Promise<void>,
): Promise<void> {
  let worker: Worker | undefined;
  await take((path) => {
    worker ??= new Worker(new URL('./verify-worker.js', import.meta.url));
    const thread = worker;
    return new Promise((resolve) => {
      const lost = (found: string): void => {
        worker = undefined;
        thread.removeAllListeners();
        thread.on('error', () => {}); // it was told already
        resolve({ path, failure: ended(found) });
      };
      thread.removeAllListeners();
      thread.once('message', (judgement: Judgement) => resolve(judgement));
      thread.once('error', (cause: Error) => lost(cause.message));
      thread.once('exit', (code) => lost(`exit code ${code}`));
      thread.postMessage({ path, ...how });
    });
  });
  worker?.removeAllListeners();
  await worker?.terminate();
}

function ended(found: string): Extract<Judgement, { failure: unknown }>['failure'] {
  return {
    code: 'internal',
    message: 'the thread that judged this file ended before it was done',
    detail: {
      found: found.slice(0, 200),
      remedy: 'try `--jobs 1`, with more memory; the file was not judged, so do not run it',
    },
  };
}
