import { describe, expect, it } from 'vitest';
import { PLAIN } from '../../src/cli/render.ts';
import { exitOf } from '../../src/cli/verify/exit.ts';
import { jsonText } from '../../src/cli/verify/json.ts';
import { fileText } from '../../src/cli/verify/text.ts';
import type { SignatureSeen } from '../../src/integrity/signatures/seen.ts';
import type { Verdict } from '../../src/integrity/verdict.ts';
import { type ErrorCode, PaddockError } from '../../src/lib/errors.ts';
import { failureOf, ownReasons, wordOf } from '../../src/report/outcome.ts';
import { expectValid, own } from '../cli/schemas.ts';
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

const signature: SignatureSeen = {
  ...{ file: 'x.minisig', method: 'minisign', state: 'untrusted', signer: 'key 1234', covers: 'the file' },
  reason: 'nobody in the trust store has this key',
};

it('signatures beside the file stand in every report that has a place for them', () => {
  const verdict: Verdict = {
    ...RELEASE,
    signatures: [signature, { ...signature, state: 'trusted', anchor: 'user', file: 'y.minisig' }],
    approvals: [{ ...signature, method: 'approval', who: 'somebody', when: '2026-01-02T03:04:05Z' }],
  };
  const outcome = outcomeOf(verdict);
  const json = JSON.parse(jsonText([outcome], [], 0));
  for (const closed of [false, true]) expectValid(own('verify-v1.schema.json', { closed }), json);
  expect(json.files[0].verdict.signatures).toHaveLength(2);
  const text = fileText(outcome, { colors: PLAIN, width: 99 });
  expect(text).toMatch(
    /^ {2}signed {3}x\.minisig: minisign by key 1234, not trusted: nobody in the trust store/m,
  );
  expect(text).not.toContain('y.minisig'); // a finding tells of that
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
