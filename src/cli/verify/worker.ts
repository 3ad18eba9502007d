import { parentPort } from 'node:worker_threads';
import type { SignatureLook } from '../../integrity/signatures/examine.ts';
import type { Wanted } from '../../report/outcome.ts';
import { judgeOne } from './judge-one.ts';

interface Task {
  readonly path: string;
  readonly wanted: Wanted;
  readonly look?: SignatureLook;
}

/** A thread of `paddock verify --jobs`: takes one path after the other and answers with its judgement. */
parentPort?.on('message', ({ path, wanted, look }: Task) => {
  void judgeOne(path, wanted, look).then((judgement) => parentPort?.postMessage(judgement));
});
