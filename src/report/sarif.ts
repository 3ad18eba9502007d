import { createHash } from 'node:crypto';
import type { Check, Checks } from '../integrity/catalogue/check.ts';
import { CATALOGUE } from '../integrity/catalogue.ts';
import type { Severity } from '../integrity/verdict.ts';
import { OTHER_RULES } from './other-rules.ts';
import { type Failure, type Outcome, ownReasons } from './outcome.ts';

export interface SarifInput {
  readonly outcomes: readonly Outcome[];
  /** Messages of what kept paddock from judging everything, beside the failures in `outcomes`. */
  readonly notices: readonly string[];
  /** Of the whole invocation. */
  readonly exit: number;
  readonly version: string;
  /** Path of a file → percent-encoded URI or URI reference. */
  readonly uri: (path: string) => string;
}

type Level = 'error' | 'warning' | 'note';
const LEVEL: Readonly<Record<Severity, Level>> = { deny: 'error', warn: 'warning', info: 'note' };

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** A log of SARIF 2.1.0 (OASIS Standard, 2020, errata 01): one run; a result for each finding and each refusal. Plain data for JSON. */
export function sarifLog(input: SarifInput): unknown {
  const results = input.outcomes.flatMap((outcome) => resultsOf(outcome));
  const ids = rulesFor(results);
  const index = new Map(ids.map((id, at) => [id, at]));
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: { name: 'paddock', semanticVersion: input.version, rules: ids.map((id) => rule(id)) },
        },
        invocations: [invocation(input)],
        artifacts: input.outcomes.map((outcome) => artifact(outcome, input)),
        results: results.map((result) => asSarif(result, index, input)),
      },
    ],
  };
}

interface Result {
  readonly path: string;
  readonly ruleId: string;
  readonly severity: Severity;
  readonly text: string;
  readonly offset?: number | undefined;
  readonly length?: number | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
}

function resultsOf(outcome: Outcome): Result[] {
  const { path } = outcome;
  if ('failure' in outcome) return isFault(outcome.failure) ? [faultResult(path, outcome.failure)] : [];
  const findings = outcome.facts.verdict.findings.map(
    ({ id, severity, title, evidence, remedy, incomplete }): Result => {
      const { offset, length, ...seen } = evidence;
      return {
        ...{ path, ruleId: id, severity, text: title, offset, length },
        properties: { ...seen, remedy, ...(incomplete === undefined ? {} : { incomplete }) },
      };
    },
  );
  const refused = ownReasons(outcome).map(
    ({ id, message, remedy, origin }): Result => ({
      ...{ path, ruleId: id, severity: 'deny', text: message },
      properties: { remedy, ...(origin === undefined ? {} : { origin }) },
    }),
  );
  return [...refused, ...findings];
}

/** What is wrong with the file itself is a result; what kept it from being judged is a notification. */
function isFault({ code }: Failure): boolean {
  return code === 'malformed' || code === 'changed';
}

function faultResult(path: string, { code, message, detail }: Failure): Result {
  const { check, offset, ...properties } = detail;
  return { path, ruleId: check ?? code, severity: 'deny', text: message, offset, properties };
}

function asSarif(result: Result, index: ReadonlyMap<string, number>, { uri }: SarifInput): unknown {
  const { path, ruleId, severity, text, offset, length, properties } = result;
  const region =
    offset === undefined
      ? {}
      : { region: { byteOffset: offset, ...(length === undefined ? {} : { byteLength: length }) } };
  return {
    ruleId,
    ruleIndex: index.get(ruleId),
    level: LEVEL[severity],
    message: { text: sentence(text) },
    locations: [{ physicalLocation: { artifactLocation: { uri: uri(path) }, ...region } }],
    partialFingerprints: {
      'paddockFinding/v1': createHash('sha256')
        .update(`${ruleId}|${offset ?? ''}|${text}`)
        .digest('hex'),
    },
    properties,
  };
}

// `[text](target)` in a message is a link, and a name in the file must not make one.
function sentence(text: string): string {
  return text.replaceAll('](', '] (');
}

/** All of the catalogue, so that a reader sees what was looked for, and what else the results name. */
function rulesFor(results: readonly Result[]): string[] {
  const known = Object.keys(CATALOGUE);
  const others = results.map(({ ruleId }) => ruleId).filter((id) => !known.includes(id));
  return [...known, ...new Set(others)];
}

function rule(id: string): unknown {
  const check: Check | undefined = (CATALOGUE as Checks)[id];
  const { title, why, remedy } = check ??
    OTHER_RULES[id] ?? { title: `the policy says no: ${id}`, remedy: '' };
  const page = check === undefined ? '' : ` docs/checks/${id}.md tells more.`;
  return {
    id,
    shortDescription: { text: sentence(title) },
    fullDescription: { text: sentence(why === undefined ? title : `${title}; ${why}`) },
    help: { text: sentence(`To do: ${remedy}.${page}`) },
    defaultConfiguration: { level: check === undefined ? 'error' : LEVEL[check.severity] },
  };
}

function artifact(outcome: Outcome, { uri }: SarifInput): unknown {
  const common = { location: { uri: uri(outcome.path) }, roles: ['analysisTarget'] };
  if ('failure' in outcome) return common;
  const sha256 = outcome.facts.digests?.sha256;
  return {
    ...common,
    length: outcome.facts.summary.size,
    ...(sha256 === undefined ? {} : { hashes: { 'sha-256': sha256 } }),
  };
}

function invocation({ outcomes, notices, exit, uri }: SarifInput): unknown {
  const failures = outcomes.flatMap((outcome) =>
    'failure' in outcome && !isFault(outcome.failure)
      ? [{ path: outcome.path, failure: outcome.failure }]
      : [],
  );
  const notifications = [
    ...failures.map(({ path, failure: { code, message, detail } }) => ({
      descriptor: { id: code },
      level: 'error',
      message: { text: sentence(message) },
      locations: [{ physicalLocation: { artifactLocation: { uri: uri(path) } } }],
      properties: detail,
    })),
    ...notices.map((text) => ({ level: 'error', message: { text: sentence(text) } })),
  ];
  return {
    executionSuccessful: notifications.length === 0,
    exitCode: exit,
    ...(notifications.length === 0 ? {} : { toolExecutionNotifications: notifications }),
  };
}
