import { PaddockError } from '../lib/errors.ts';
import { userPaths } from '../lib/paths.ts';
import { checkCeilings, demandOf } from '../session/ceilings.ts';
import { chooseRegister, HOST_REGISTER, type Registration, registerSession } from '../session/register.ts';
import type { Context } from './context.ts';
import type { Prepared } from './prepare.ts';
import type { Speaker } from './speaker.ts';

/**
 * Enters the session where sessions are counted, if no ceiling of the policy is against it. Undefined where it cannot be
 * counted and no ceiling asks for it.
 * @throws PaddockError `refused`, `host-lacks`, `io`
 */
export function enterRegister(
  context: Context,
  { plan, host, gate, decision }: Prepared,
  say: Speaker,
  hostFolder = HOST_REGISTER,
): Registration | undefined {
  const { policy, hasCeiling } = decision.effective;
  const isAsked = Object.values(policy.sessions).some((ceiling) => ceiling !== null);
  try {
    const register = chooseRegister(hostFolder, userPaths(context.env, context.home).state);
    // A register of their own is in a folder that users choose: what holds for them cannot rest on it.
    if (register.scope === 'user' && (policy.sessions.perHost !== null || (hasCeiling && isAsked))) {
      throw withoutHost(hostFolder);
    }
    const machine = { memoryBytes: host.memoryBytes, cpus: host.cpus };
    const demand = demandOf(policy.limits, machine);
    return registerSession({
      gate,
      register,
      id: plan.id,
      uid: context.uid,
      pid: process.pid,
      demand,
      unknown: machine,
      check: (running) => checkCeilings(decision.effective, demand, running, context.uid),
    });
  } catch (cause) {
    if (isAsked || !(cause instanceof PaddockError)) throw cause;
    say('warn', `this session does not count among those that run: ${cause.message}`);
    return undefined;
  }
}

function withoutHost(folder: string): PaddockError {
  return new PaddockError('host-lacks', 'the sessions of this host are not counted; nothing was started', {
    expected: `${folder}, a folder of root in which every user can enter a session`,
    found: 'no such folder',
    remedy: `as root: install -d -m 1777 ${folder}; for every boot: echo 'd ${folder} 1777 root root -' > /etc/tmpfiles.d/paddock.conf`,
  });
}
