import { parentPort } from 'node:worker_threads';
import type { Wanted } from '../../report/outcome.ts';
import type { JudgedBy } from '../judged.ts';
import { judgeOne } from './judge-one.ts';

interface Task {
  readonly path: string;
  readonly wanted: Wanted;
  readonly by?: JudgedBy;
}

/** A thread of `paddock verify --jobs`: takes one path after the other and answers with its judgement. */
parentPort?.on('message', ({ path, wanted, by }: Task) => {
  void judgeOne(path, wanted, by).then((judgement) => parentPort?.postMessage(judgement));
});
