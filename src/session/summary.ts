import { basename, join } from 'node:path';
import fastStringWidth from 'fast-string-width';
import { PROTECTIONS } from '../launch/protections.ts';
import { escapeText } from '../lib/text.ts';
import { formatBytes, formatDuration } from '../lib/units.ts';
import { isUsual } from '../watch/rules.ts';
import type { LabelCounts } from '../watch/watch.ts';
import { EVENTS_FILE } from './record.ts';
import type { SessionEnd, SessionRecord } from './types.ts';

export interface SummaryPlace {
  /** The directory of the record; empty when none could be kept. */
  readonly directory: string;
  /** Of the terminal. */
  readonly columns: number;
}

/**
 * What a person should know of a session when it has ended: at most 28 lines of at most 80 columns. Only the path of
 * the record, on a line of its own so that it can be copied, may be longer. No colours. Empty while the record has no
 * end.
 */
export function summarise(record: SessionRecord, place: SummaryPlace): string[] {
  const { end } = record;
  if (end === undefined) return [];
  const columns = Math.max(20, Math.min(MAX_COLUMNS, place.columns));
  const lines = [
    ...row('file', `${escapeText(basename(record.file.path), 60)}: ${judgement(record)}`),
    ...loweredRows(record),
    ...engineRow(record),
    ...keptRow(record),
    ...row('fence', fence(record)),
    ...readyRow(record, end),
    ...row('network', network(record)),
    ...row('used', used(end)),
    ...deniedRows(end),
    ...otherRows(record, end),
  ];
  return [
    // On a narrow terminal it is better broken than cut: it is what counts.
    cut(`paddock: ${howItEnded(end)}`, MAX_COLUMNS),
    ...lines.map((line) => cut(line, columns)),
    ...(place.directory === ''
      ? row('record', 'none could be kept')
      : ['  record', `    ${escapeText(join(place.directory, EVENTS_FILE), 4096)}`]),
  ];
}

const MAX_COLUMNS = 80;
const KEY_COLUMNS = 10;
const MAX_DENIED = 10;

function row(key: string, text: string): string[] {
  return [`  ${key.padEnd(KEY_COLUMNS - 2)}${text}`];
}

function loweredRows({ decision: { lowered = [] } }: SessionRecord): string[] {
  return lowered
    .slice(0, MAX_LOWERED)
    .flatMap(({ id, to, reason }) => row('lowered', `${id} to ${to}: ${oneLine(reason)}`));
}

const MAX_LOWERED = 3;

function howItEnded(end: SessionEnd): string {
  return end.limit === undefined
    ? `${ending(end)}, after ${formatDuration(end.durationMs)}`
    : oneLine(end.limit.message);
}

function ending({ result, killed }: SessionEnd): string {
  if (killed !== undefined)
    return `ended by paddock (${REASONS.get(killed.by) ?? escapeText(killed.by, 30)})`;
  switch (result.kind) {
    case 'exit':
      return `the program ended with exit code ${result.code}`;
    case 'signal':
      return `the program was ended by signal ${signalName(result.signal)}`;
    case 'failure':
      return 'the session failed';
  }
}

const REASONS = new Map([
  ['limit', 'a limit was reached'],
  ['rule', 'a rule of the policy'],
  ['record', 'its record could not be kept'],
  ['file', 'its file was being changed'],
]);

function judgement({ verdict }: SessionRecord): string {
  const { standing, tier, release } = verdict;
  if (standing === 'release') return `${escapeText(release ?? 'a known release', 40)} (tier ${tier})`;
  return standing === 'tampered' ? 'TAMPERED release' : `unknown runtime (tier ${tier})`;
}

function engineRow({ plan: { engine } }: SessionRecord): string[] {
  if (engine === undefined) return [];
  return row('engine', `${escapeText(engine.release, 40)}, which is known; no code of the file ran`);
}

// The usual way is not worth a line.
function keptRow({ plan: { still } }: SessionRecord): string[] {
  const how = { lease: undefined, ...KEPT }[still.how];
  return how === undefined ? [] : row('kept', `${how}: ${oneLine(still.why)}`);
}

const KEPT = {
  copy: 'a private copy ran',
  restat: 'looked at again and again',
  sealed: 'as it is',
} as const;

function fence({ plan }: SessionRecord): string {
  if (plan.missing.length > 0) return `DEGRADED, without ${plan.missing.join(', ')}`;
  const others = PROTECTIONS.map(({ protection }) => protection).filter(
    (one) => !plan.protections.includes(one),
  );
  return others.length === 0 ? 'up' : `up, without ${others.join(', ')} (not required by the policy)`;
}

function readyRow({ plan: { closing = [] } }: SessionRecord, { transitions }: SessionEnd): string[] {
  if (closing.length === 0) return [];
  const wasReady = transitions.some(({ from, to }) => from === 'loading' && to !== 'exiting');
  const closed = closing.map((one) => CLOSED[one]).join(', ');
  return row('ready', wasReady ? `closed then: ${closed}` : 'never, so nothing was closed');
}

const CLOSED = { exec: 'programs', write: 'writing', listen: 'ports', map: 'machine code' } as const;

function network({ plan }: SessionRecord): string {
  const { connect = [] } = plan.network;
  const places = connect.slice(0, MAX_PLACES).map((place) => escapeText(place, 50));
  const more = connect.length > places.length ? ` and ${connect.length - places.length} more` : '';
  const parts = [
    ...(plan.network.mode === 'none'
      ? []
      : [`served on ${escapeText(plan.network.address, 40)} port ${plan.network.port}`]),
    ...(places.length === 0 ? [] : [`could connect to ${places.join(', ')}${more}`]),
  ];
  return parts.join('; ') || 'none';
}

const MAX_PLACES = 3;

function used({ peaks }: SessionEnd): string {
  if (peaks.processes === 0) return 'too short to be measured';
  const parts = [
    `${formatBytes(peaks.memoryBytes)} memory`,
    count(peaks.threads, 'thread'),
    ...(peaks.processes > 1 ? [count(peaks.processes, 'process', 'processes')] : []),
    `${formatDuration(peaks.cpuMs)} CPU${peaks.cpus >= 0.05 ? `, at most ${peaks.cpus.toFixed(1)} CPUs` : ''}`,
  ];
  return parts.join(', ');
}

function deniedRows({ labels }: SessionEnd): string[] {
  const denied = Object.entries(labels)
    .filter(([label, counts]) => counts.denied > 0 && label !== 'fallback')
    .sort(([, a], [, b]) => b.denied - a.denied);
  if (denied.length === 0) return row('denied', 'nothing');
  const shown = denied.slice(0, MAX_DENIED).map(([label, counts]) => deniedText(label, counts));
  const rest = denied.slice(MAX_DENIED).reduce((sum, [, counts]) => sum + counts.denied, 0);
  if (rest > 0) shown.push(`${rest} of other kinds`);
  return shown.flatMap((text, index) => row(index === 0 ? 'denied' : '', text));
}

function deniedText(label: string, { denied, firstDenied }: LabelCounts): string {
  const usual = firstDenied !== undefined && isUsual(firstDenied) ? ' (usual at the start)' : '';
  const first =
    firstDenied === undefined ? '' : `${denied === 1 ? ':' : ', first'} ${oneLine(firstDenied)}${usual}`;
  return `${escapeText(label, 20)} ${denied === 1 ? 'once' : `${denied} times`}${first}`;
}

/** Further ones stand in the record. */
const MAX_WEAKNESSES = 3;

function refused({ policy, end }: SessionRecord): string {
  const times = end?.peaks.processRefusals ?? 0;
  return `${policy.limits.processes} processes and threads reached; ${count(times, 'more was', 'more were')} refused`;
}

function otherRows(record: SessionRecord, end: SessionEnd): string[] {
  const { killed, result } = end;
  return [
    ...(end.limit === undefined ? [] : row('after', formatDuration(end.durationMs))),
    ...(killed === undefined || end.limit !== undefined ? [] : row('reason', oneLine(killed.detail))),
    ...(result.kind === 'failure' ? row('failure', oneLine(result.message)) : []),
    ...(end.peaks.memoryKills > 0 && end.limit?.limit !== 'memory'
      ? row('memory', 'the limit was reached; the kernel ended a process')
      : []),
    ...(end.peaks.processRefusals > 0 ? row('limit', refused(record)) : []),
    ...(record.plan.weaknesses ?? []).slice(0, MAX_WEAKNESSES).flatMap((one) => row('limits', one)),
    ...(end.leftovers > 0
      ? row('left', `${count(end.leftovers, 'process', 'processes')} killed at the end`)
      : []),
    ...(end.droppedEvents > 0
      ? row('more', `${count(end.droppedEvents, 'call')} came too fast to be reported`)
      : []),
  ];
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

// Escaped when it was made, and a backslash must not be doubled; line breaks of an error message must still go.
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}

function cut(line: string, columns: number): string {
  if (fastStringWidth(line) <= columns) return line;
  const points = [...line];
  while (points.length > 0 && fastStringWidth(points.join('')) > columns - 1) points.pop();
  return `${points.join('')}…`;
}

const SIGNALS = new Map([
  [1, 'SIGHUP'],
  [2, 'SIGINT'],
  [3, 'SIGQUIT'],
  [4, 'SIGILL'],
  [6, 'SIGABRT'],
  [7, 'SIGBUS'],
  [8, 'SIGFPE'],
  [9, 'SIGKILL'],
  [11, 'SIGSEGV'],
  [13, 'SIGPIPE'],
  [14, 'SIGALRM'],
  [15, 'SIGTERM'],
  [24, 'SIGXCPU'],
  [25, 'SIGXFSZ'],
  [31, 'SIGSYS'],
]);

/** "SIGTERM" for 15; the number for those that nobody knows by name. Numbers as on x86-64 and aarch64. */
export function signalName(signal: number): string {
  return SIGNALS.get(signal) ?? String(signal);
}
