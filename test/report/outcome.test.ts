import { describe, expect, it } from 'vitest';
import { exitOf } from '../../src/cli/verify/exit.ts';
import type { Verdict } from '../../src/integrity/verdict.ts';
import { type ErrorCode, PaddockError } from '../../src/lib/errors.ts';
import { failureOf, ownReasons, wordOf } from '../../src/report/outcome.ts';
import { FINDING, outcomeOf } from './outcomes.ts';

const RELEASE: Verdict = { standing: 'release', tier: 'A', release: 'llamafile-0.9.3', findings: [] };

describe('the word and the exit code', () => {
  it.each<[string, Verdict, string, number]>([
    ['a release', RELEASE, 'PASS', 0],
    ['a warning', { ...RELEASE, findings: [{ ...FINDING, severity: 'warn' }] }, 'PASS', 0],
    ['a denial', { ...RELEASE, findings: [FINDING] }, 'REFUSED', 1],
    [
      'a bound was reached',
      { ...RELEASE, findings: [{ ...FINDING, severity: 'warn', incomplete: true }] },
      'INCOMPLETE',
      2,
    ],
    ['tampered with', { ...RELEASE, standing: 'tampered', findings: [FINDING] }, 'FAIL', 3],
  ])('%s', (_, verdict, word, exit) => {
    const outcome = outcomeOf(verdict);
    expect(wordOf(outcome)).toBe(word);
    expect(exitOf(outcome)).toBe(exit);
  });

  it.each<[ErrorCode, string, number]>([
    ['malformed', 'FAIL', 3],
    ['changed', 'FAIL', 3],
    ['too-large', 'INCOMPLETE', 2],
    ['not-found', 'NOT JUDGED', 2],
    ['not-llamafile', 'NOT JUDGED', 2],
    ['unreadable', 'NOT JUDGED', 2],
    ['internal', 'NOT JUDGED', 2],
  ])('%s', (code, word, exit) => {
    const outcome = { path: 'x', failure: failureOf(new PaddockError(code, 'it is so')) };
    expect(wordOf(outcome)).toBe(word);
    expect(exitOf(outcome)).toBe(exit);
  });
});

it('a bug of paddock is told as the outcome of the file, with its place', () => {
  const failure = failureOf(new TypeError('undefined is no function'));
  expect(failure.code).toBe('internal');
  expect(failure.detail.found).toMatch(/^TypeError: undefined is no function at /);
});

it('reasons of the policy are those that no finding tells', () => {
  const loader = { sha256: 'a'.repeat(64), encoding: 'gzip' } as const;
  const outcome = outcomeOf({ ...RELEASE, standing: 'unknown', tier: 'C', loader, findings: [FINDING] });
  expect(ownReasons(outcome).map(({ id }) => id)).toEqual(['trust.unknownLoader']);
});
