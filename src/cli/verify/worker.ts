import { parentPort } from 'node:worker_threads';
import type { Wanted } from '../../report/outcome.ts';
import type { JudgedBy } from '../judged.ts';
import { type Asked, judgeOne } from './judge-one.ts';
import type { WholeWanted } from './whole.ts';

interface Task {
  readonly path: string;
  readonly wanted: Wanted;
  readonly by?: JudgedBy;
  readonly whole?: WholeWanted;
  readonly asked?: Asked;
}

/** A thread of `paddock verify --jobs`: takes one path after the other and answers with its judgement. */
parentPort?.on('message', ({ path, ...how }: Task) => {
  void judgeOne(path, how).then((judgement) => parentPort?.postMessage(judgement));
});
