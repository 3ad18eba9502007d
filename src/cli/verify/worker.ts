import { parentPort } from 'node:worker_threads';
import type { Wanted } from '../../report/outcome.ts';
import { judgeOne } from './judge-one.ts';

/** A thread of `paddock verify --jobs`: takes one path after the other and answers with its judgement. */
parentPort?.on('message', ({ path, wanted }: { path: string; wanted: Wanted }) => {
  void judgeOne(path, wanted).then((judgement) => parentPort?.postMessage(judgement));
});
