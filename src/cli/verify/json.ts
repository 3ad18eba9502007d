import type { Outcome } from '../../report/outcome.ts';
import { toJson } from '../render.ts';
import { VERSION } from '../version.ts';
import { exitOf } from './exit.ts';
import type { Walked } from './walk.ts';

/** `--json`, as docs/schemas/verify-v1.schema.json says. */
export function jsonText(outcomes: readonly Outcome[], folders: readonly Walked[], exit: number): string {
  return toJson({
    schema: 'paddock/verify/v1',
    tool: { name: 'paddock', version: VERSION },
    exit,
    files: outcomes.map(fileEntry),
    ...(folders.length === 0 ? {} : { folders: folders.map(folderEntry) }),
  });
}

function fileEntry(outcome: Outcome): unknown {
  const { path } = outcome;
  const exit = exitOf(outcome);
  if ('failure' in outcome) {
    const { code, message, detail } = outcome.failure;
    return { path, exit, error: { code, message, ...detail } };
  }
  const { facts, decision } = outcome;
  return {
    path,
    exit,
    ...(facts.digests === undefined ? {} : { digests: facts.digests }),
    verdict: facts.verdict,
    decision: {
      outcome: decision.outcome,
      reasons: decision.outcome === 'refuse' ? decision.reasons : decision.warnings,
    },
    anatomy: facts.summary,
  };
}

function folderEntry({ root, files, others, links, special, cut }: Walked): unknown {
  return { path: root, llamafiles: files.length, others, links, special, cut };
}
