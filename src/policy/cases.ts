import * as v from 'valibot';
import { CATALOGUE, type CheckId } from '../integrity/catalogue.ts';
import type { Verdict } from '../integrity/verdict.ts';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';
import { givenFacts } from './conditions/given.ts';
import type { Facts } from './conditions/variables.ts';
import { offsetOf, placeAt, pointAt } from './positions.ts';
import { readYaml, toPlain } from './yaml.ts';

/** One row of a policy's test table. */
export interface PolicyCase {
  readonly name: string;
  /** Where it stands, from 1. */
  readonly line: number;
  readonly given: {
    readonly verdict: Verdict;
    /** The user's arguments. */
    readonly args: readonly string[];
    /** Text of the `.args` member. */
    readonly dotArgs?: string;
    /** For conditions; undefined where the table gives none. */
    readonly facts?: Facts;
    /** A policy of the user's, below the tested one as the administrator's. */
    readonly user?: string;
  };
  readonly expect: {
    readonly outcome: 'allow' | 'refuse';
    /** Each must be among the reasons: ids of checks, dotted paths of the policy, `rules`. */
    readonly by: readonly string[];
    /** Names of rules that hold, all of them; undefined where the table does not ask. */
    readonly rules?: readonly string[];
    /** Dotted path → value, as `paddock policy show` prints it. */
    readonly values: Readonly<Record<string, string>>;
    /** Paths of the widenings that the tested policy rejects, all of them; undefined where the table does not ask. */
    readonly rejected?: readonly string[];
  };
}

export interface PolicyCases {
  /** The policy file, relative to the table; a preset's name without `.yaml`. */
  readonly policy?: string;
  /** Whose policy it is. */
  readonly as: 'system' | 'user';
  readonly cases: readonly PolicyCase[];
}

const texts = v.pipe(v.array(v.string()), v.maxLength(1000));
const known = v.pipe(
  v.string(),
  v.check((id) => Object.hasOwn(CATALOGUE, id), 'the id of a check, such as ZIP-052'),
);
const voucher = v.picklist(['trusted', 'trusted by the user', 'untrusted']);

const Case = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  given: v.optional(
    v.strictObject({
      standing: v.optional(v.picklist(['release', 'unknown', 'tampered']), 'release'),
      tier: v.optional(v.picklist(['A', 'B', 'C'])),
      loader: v.optional(v.picklist(['none', 'known', 'unknown']), 'none'),
      findings: v.optional(v.pipe(v.array(known), v.maxLength(100)), []),
      signature: v.optional(voucher),
      approval: v.optional(voucher),
      args: v.optional(texts, []),
      dotArgs: v.optional(v.string()),
      facts: v.optional(v.record(v.string(), v.unknown())),
      user: v.optional(v.record(v.string(), v.unknown())),
    }),
    {},
  ),
  expect: v.strictObject({
    outcome: v.picklist(['allow', 'refuse']),
    by: v.optional(texts, []),
    rules: v.optional(texts),
    values: v.optional(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()])), {}),
    rejected: v.optional(texts),
  }),
});
type Case = v.InferOutput<typeof Case>;

const Table = v.strictObject({
  apiVersion: v.literal('paddock/policy-test/v1'),
  policy: v.optional(v.pipe(v.string(), v.minLength(1))),
  as: v.optional(v.picklist(['system', 'user']), 'user'),
  cases: v.pipe(v.array(Case), v.minLength(1), v.maxLength(1000)),
});

/**
 * A table of cases for a policy. `name` is what messages call the file.
 * @throws PaddockError `policy-invalid` with file, line and column.
 */
export function parseCases(text: string, name: string): PolicyCases {
  const file = readYaml(text, name);
  if (file instanceof PaddockError) throw file;
  const [syntax] = file.document.errors;
  const wrong = (keys: readonly unknown[], message: string, expected: string, found?: string): PaddockError =>
    new PaddockError('policy-invalid', message, {
      ...pointAt(file, offsetOf(file, keys)),
      expected,
      ...(found === undefined ? {} : { found }),
      remedy: 'policies/default.test.yaml shows every key',
    });
  if (syntax !== undefined)
    throw wrong([], 'the table is not valid YAML', 'YAML', escapeText(syntax.message.split('\n')[0] ?? ''));
  const plain = toPlain(file);
  if (plain instanceof PaddockError) throw plain;
  const result = v.safeParse(Table, plain.value);
  if (!result.success) {
    const [issue] = result.issues;
    const keys = issue.path?.map(({ key }) => key) ?? [];
    throw wrong(
      keys,
      `the table says something impossible${keys.length === 0 ? '' : ` for ${escapeText(keys.join('.'), 80)}`}`,
      escapeText(issue.expected ?? issue.message, 200),
      escapeText(issue.received, 80),
    );
  }
  const { policy, as, cases } = result.output;
  return {
    ...(policy === undefined ? {} : { policy }),
    as,
    cases: cases.map((one, index) => {
      const keys = ['cases', index];
      if (one.given.user !== undefined && as !== 'system')
        throw wrong(
          [...keys, 'given', 'user'],
          'a user’s policy stands below the system’s only',
          '`as: system`',
        );
      const facts = factsOf(one, (more, message, expected) =>
        wrong([...keys, 'given', 'facts', ...more], message, expected),
      );
      return { ...caseOf(one), line: placeAt(file, offsetOf(file, keys)).line, given: givenOf(one, facts) };
    }),
  };
}

function factsOf(
  { given: { facts } }: Case,
  wrong: (keys: readonly string[], message: string, expected: string) => PaddockError,
): Facts | undefined {
  if (facts === undefined) return undefined;
  const given = givenFacts(facts);
  if ('facts' in given) return given.facts;
  const [first] = given.problems;
  throw wrong(first?.keys ?? [], first?.message ?? 'the facts are wrong', first?.expected ?? '');
}

function caseOf({ name, expect }: Case): Pick<PolicyCase, 'name' | 'expect'> {
  const { outcome, by, rules, rejected } = expect;
  const values = Object.fromEntries(
    Object.entries(expect.values).map(([path, value]) => [path, String(value)]),
  );
  return {
    name,
    expect: {
      outcome,
      by,
      values,
      ...(rules === undefined ? {} : { rules }),
      ...(rejected === undefined ? {} : { rejected }),
    },
  };
}

function givenOf({ given }: Case, facts: Facts | undefined): PolicyCase['given'] {
  const { args, dotArgs, user } = given;
  return {
    verdict: verdictOf(given),
    args,
    ...(dotArgs === undefined ? {} : { dotArgs }),
    ...(facts === undefined ? {} : { facts }),
    ...(user === undefined ? {} : { user: JSON.stringify({ apiVersion: 'paddock/v1', ...user }) }),
  };
}

// What is not given is as in a published release in good order.
function verdictOf(given: Case['given']): Verdict {
  const { standing, loader } = given;
  const isRelease = standing === 'release';
  const sha256 = '0'.repeat(64);
  const origin = 'given';
  return {
    standing,
    tier: given.tier ?? (isRelease ? 'A' : 'C'),
    ...(isRelease
      ? { release: 'llamafile-0.9.3', version: '0.9.3', releaseKnownBy: 'published digest' }
      : {}),
    ...(loader === 'none'
      ? {}
      : {
          loader: {
            sha256,
            encoding: 'gzip',
            ...(loader === 'known' ? { known: { sha256, architecture: 'any', origin, version: '' } } : {}),
          },
        }),
    signatures: vouched(given.signature),
    approvals: vouched(given.approval),
    findings: given.findings.map((id) => {
      const { severity, title } = CATALOGUE[id as CheckId];
      return { id, severity, title, evidence: {}, remedy: '' };
    }),
  } as Verdict;
}

function vouched(by: v.InferOutput<typeof voucher> | undefined): readonly object[] {
  if (by === undefined) return [];
  const trusted = by !== 'untrusted';
  return [
    {
      file: 'given',
      state: trusted ? 'trusted' : 'untrusted',
      ...(trusted ? { anchor: by === 'trusted' ? 'system' : 'user' } : {}),
    },
  ];
}
