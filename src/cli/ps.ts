import { userPaths } from '../lib/paths.ts';
import { PROC_FILES, parseAuxv } from '../lib/proc.ts';
import { escapeText } from '../lib/text.ts';
import { formatBytes, formatDuration } from '../lib/units.ts';
import { listSessions, type SessionEntry } from '../session/read.ts';
import { signalName } from '../session/summary.ts';
import type { SessionRecord } from '../session/types.ts';
import { createSampler } from '../watch/sampler.ts';
import { type Context, EXIT } from './context.ts';
import { paint, table, toJson } from './render.ts';

export interface PsInput {
  /** Ended sessions too. */
  readonly all?: boolean;
  readonly json?: boolean;
}

/** `paddock ps`: the user's sessions, newest first. */
export async function run(context: Context, input: PsInput): Promise<number> {
  const { state } = userPaths(context.env, context.home);
  const entries = listSessions(state, PROC_FILES);
  const shown = input.all === true ? entries : entries.filter((entry) => entry.state === 'live');
  if (input.json === true) {
    context.stdout.write(`${toJson({ schema: 'paddock/ps/v1', sessions: shown })}\n`);
  } else if (shown.length > 0) {
    context.stdout.write(`${describe(context, shown)}\n`);
  } else {
    context.stdout.write(`${nothing(entries.length, input.all === true)}\n`);
  }
  return EXIT.ok;
}

const HEADER = ['SESSION', 'STATE', 'AGE', 'MEMORY', 'NETWORK', 'DENIED', 'FILE'];
const RIGHT = [2, 3, 5];

function nothing(others: number, all: boolean): string {
  if (all || others === 0) return 'No sessions.';
  return `No session is running; ${others} ended (\`paddock ps --all\` lists them).`;
}

function describe(context: Context, entries: readonly SessionEntry[]): string {
  const { bold, dim } = paint(context, 'stdout');
  const now = context.now().getTime();
  const lines = table([HEADER, ...entries.map((entry) => row(entry, now))], RIGHT).split('\n');
  return lines
    .map((line, index) => {
      if (index === 0) return bold(line);
      return entries[index - 1]?.state === 'live' ? line : dim(line);
    })
    .join('\n');
}

function row({ id, state, record, fault }: SessionEntry, now: number): string[] {
  if (record === undefined) return [id, state, '', '', '', '', fault ?? ''];
  return [
    id,
    stateText(state, record),
    age(record, now),
    memory(state, record, now),
    network(record),
    denied(record),
    file(record),
  ];
}

function stateText(state: SessionEntry['state'], { end }: SessionRecord): string {
  if (state !== 'ended' || end === undefined) return state;
  const { result, killed } = end;
  if (killed !== undefined) return 'killed';
  if (result.kind === 'exit') return `exit ${result.code}`;
  return result.kind === 'signal' ? signalName(result.signal) : 'failed';
}

/** How long it has run, or ran. */
function age({ started, end }: SessionRecord, now: number): string {
  const ms = end === undefined ? now - Date.parse(started) : end.durationMs;
  return Number.isFinite(ms) && ms >= 0 ? formatDuration(ms) : '?';
}

/** Now for a live session, at most for an ended one. */
function memory(state: SessionEntry['state'], { end, running, plan }: SessionRecord, now: number): string {
  if (end !== undefined) return end.peaks.memoryBytes === 0 ? '' : formatBytes(end.peaks.memoryBytes);
  if (state !== 'live' || running?.gate === undefined) return '';
  const sampler = createSampler({
    files: PROC_FILES,
    units: parseAuxv(PROC_FILES.readText('/proc/self/auxv')),
    leaves: plan.cgroups.map((path) => ({ path })),
    gate: running.gate.pid,
  });
  const sample = sampler.sample(now);
  return sample === undefined ? '' : formatBytes(sample.memoryBytes);
}

function network({ plan }: SessionRecord): string {
  const { connect = [] } = plan.network;
  const out = connect.length > 0 ? [`to ${connect[0]}${connect.length > 1 ? '…' : ''}`] : [];
  const own = plan.network.mode === 'none' ? [] : [`${plan.network.address}:${plan.network.port}`];
  return escapeText([...own, ...out].join(' ') || 'none', 50);
}

function denied({ end }: SessionRecord): string {
  if (end === undefined) return '';
  const refused = Object.entries(end.labels).filter(([label]) => label !== 'fallback');
  return String(refused.reduce((sum, [, counts]) => sum + counts.denied, 0));
}

function file({ file, plan }: SessionRecord): string {
  return `${escapeText(file.path, 120)}${plan.missing.length > 0 ? ' (degraded)' : ''}`;
}
