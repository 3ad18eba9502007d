import { PaddockError } from '../lib/errors.ts';
import type { SessionWriter } from './record.ts';
import type { SessionRecord, SessionStart } from './types.ts';

/**
 * For `audit.onFailure: continue`: a writer that goes on where the record cannot be kept. What failed is told once, and
 * nothing is written after it, so that what is there has no gap in it.
 * @param open makes the writer; may fail, too.
 */
export function goingOn(
  open: () => SessionWriter,
  start: SessionStart,
  tell: (failure: PaddockError) => void,
): SessionWriter {
  let writer: SessionWriter | undefined;
  let failed = false;
  const attempt = (work: () => void): void => {
    if (failed) return;
    try {
      work();
    } catch (cause) {
      failed = true;
      tell(asError(cause));
    }
  };
  attempt(() => {
    writer = open();
  });
  return {
    directory: writer?.directory ?? '',
    eventsFile: writer?.eventsFile ?? '',
    append: (time, entry, vital) => attempt(() => writer?.append(time, entry, vital)),
    running: (child, gate) => attempt(() => writer?.running(child, gate)),
    end(end, durable) {
      let record: SessionRecord | undefined;
      attempt(() => {
        record = writer?.end(end, durable);
      });
      return record ?? { format: 'paddock-session', version: 1, ...start, end };
    },
  };
}

function asError(cause: unknown): PaddockError {
  if (cause instanceof PaddockError) return cause;
  return new PaddockError('io', 'the record of the session cannot be kept', {
    found: cause instanceof Error ? cause.message : String(cause),
    cause,
  });
}
