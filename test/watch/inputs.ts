import { AUDIT_ARCH } from '../../src/launch/syscalls.ts';
import { asUntrusted } from '../../src/lib/text.ts';
import type { CallEvent } from '../../src/watch/rules.ts';
import type { Sample } from '../../src/watch/sampler.ts';

/** A denied execve of /bin/sh, unless said otherwise. */
export function callEvent(
  facts: Partial<Omit<CallEvent, 'target'>> & { target?: string | undefined } = {},
): CallEvent {
  const { target = '/bin/sh', ...rest } = facts;
  const shown = 'target' in facts && facts.target === undefined ? {} : { target: asUntrusted(target) };
  return {
    event: 'call',
    time: 1000,
    pid: 7,
    label: 'exec',
    nr: 59,
    arch: AUDIT_ARCH['x86-64'],
    answer: 'denied',
    errno: 13,
    args: [],
    ...rest,
    ...shown,
  };
}

export function sampleAt(time: number, facts: Partial<Sample> = {}): Sample {
  return {
    time,
    rssBytes: 1000,
    memoryBytes: 2000,
    cpuMs: 0,
    processes: 1,
    threads: 2,
    readBytes: null,
    writeBytes: null,
    memoryKills: null,
    memoryStrikes: null,
    processRefusals: null,
    ...facts,
  };
}
