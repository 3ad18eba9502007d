import type { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import { PROC_FILES } from '../lib/proc.ts';
import type { Policy } from '../policy/policy.ts';
import { createSession, type SessionWriter } from '../session/record.ts';
import { pruneSessions } from '../session/retention.ts';
import { mirrored, type OpenSink, openSinks } from '../session/sinks.ts';
import type { SessionStart } from '../session/types.ts';
import { goingOn } from '../session/unrecorded.ts';
import type { Context } from './context.ts';
import type { Speaker } from './speaker.ts';

/**
 * The record of a session and the logs of the host that take it, too, as `audit` of the policy says.
 * @throws PaddockError `io`, `host-lacks` when one of them cannot be had and the policy says `onFailure: stop`.
 */
export async function openRecord(
  context: Context,
  { audit }: Policy,
  start: SessionStart,
  say: Speaker,
): Promise<{ readonly writer: SessionWriter; readonly sinks: readonly OpenSink[] }> {
  const stops = audit.onFailure === 'stop';
  const tell = (failure: PaddockError): void =>
    say('warn', `${failure.message}; the session goes on without (audit.onFailure: continue)`);
  const sinks = audit.sinks.length === 0 ? [] : await openSinks(audit.sinks, stops ? undefined : tell);
  const { state } = userPaths(context.env, context.home);
  const open = (): SessionWriter => mirrored(createSession(state, context.uid, start), start.id, sinks);
  return { writer: stops ? open() : goingOn(open, start, tell), sinks };
}

/** Old records of this user, as `retention` of the policy says. After the session: it is nothing to wait for. */
export function pruneRecords(context: Context, retention: Policy['retention']): void {
  const { state } = userPaths(context.env, context.home);
  pruneSessions(state, retention, context.now().getTime(), PROC_FILES);
}
