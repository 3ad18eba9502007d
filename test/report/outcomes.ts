import type { Finding, Verdict } from '../../src/integrity/verdict.ts';
import { decide } from '../../src/policy/decide.ts';
import { mergeLayers } from '../../src/policy/merge.ts';
import { presetLayers } from '../../src/policy/presets.ts';
import type { FileFacts, Outcome } from '../../src/report/outcome.ts';
import { PARSE_HOST } from '../policy/arbitrary.ts';

export const FINDING: Finding = {
  id: 'ZIP-050',
  severity: 'deny',
  title: 'a part of the release was replaced',
  evidence: { offset: 16, length: 4, expected: 'one thing', found: 'another' },
  remedy: 'do something',
};

/** The outcome of a file with this verdict, by the default policy. */
export function outcomeOf(verdict: Verdict, facts: Partial<FileFacts> = {}, path = 'x.llamafile'): Outcome {
  const effective = mergeLayers({ layers: presetLayers('default', PARSE_HOST), ceiling: 0 });
  const decision = decide({ effective, verdict });
  const summary: FileFacts['summary'] = {
    ...{ size: 100, form: 'elf', architectures: ['x86-64'], members: 0, generations: 1, models: 0 },
    ...{ bytes: {}, unaccountedBytes: 0 },
  };
  return { path, facts: { summary, models: [], members: [], ...facts, verdict: decision.verdict }, decision };
}
