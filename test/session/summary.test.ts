import fc from 'fast-check';
import fastStringWidth from 'fast-string-width';
import { describe, expect, it } from 'vitest';
import { signalName, summarise } from '../../src/session/summary.ts';
import type { SessionEnd, SessionRecord, SessionStart } from '../../src/session/types.ts';
import { end, start } from './sessions.ts';

const PLACE = { directory: '/home/u/.local/state/paddock/sessions/x', columns: 200 };

function record(ends: Partial<SessionEnd> = {}, starts: Partial<SessionStart> = {}): SessionRecord {
  return { format: 'paddock-session', version: 1, ...start(starts), end: end(ends) };
}

const denied = (count: number, firstDenied?: string) => ({
  denied: count,
  continued: 0,
  emulated: 0,
  ...(firstDenied === undefined ? {} : { firstDenied }),
});

describe('summarise', () => {
  it('a quiet session', () => {
    expect(summarise(record(), PLACE)).toEqual([
      'paddock: the program ended with exit code 0, after 12 s',
      '  file    story.llamafile: llamafile-0.9.3 (tier A)',
      '  fence   up',
      '  network none',
      '  used    331.9 MiB memory, 12 threads, 8.1 s CPU, at most 1.9 CPUs',
      '  denied  nothing',
      '  record',
      '    /home/u/.local/state/paddock/sessions/x/events.jsonl',
    ]);
  });

  it('what every engine tries is told as usual, and gives way to what is not', () => {
    const lines = (labels: ReturnType<typeof denied>) =>
      summarise(record({ labels: { write: labels } }), PLACE).filter((line) => line.includes('denied'));
    expect(lines(denied(1, '/dev/tty'))).toEqual(['  denied  write once: /dev/tty (usual at the start)']);
    expect(lines(denied(2, '/etc/passwd'))).toEqual(['  denied  write 2 times, first /etc/passwd']);
  });

  it('says how the file was kept as it was judged, where that is not the usual way', () => {
    const { plan } = start();
    const kept = (how: 'lease' | 'restat' | 'copy' | 'sealed') =>
      summarise(record({}, { plan: { ...plan, still: { how, why: 'because' } } }), PLACE).filter((line) =>
        line.startsWith('  kept'),
      );
    expect(kept('lease')).toEqual([]);
    expect(kept('copy')).toEqual(['  kept    a private copy ran: because']);
    expect(kept('restat')).toEqual(['  kept    looked at again and again: because']);
    expect(kept('sealed')).toEqual(['  kept    as it is: because']);
  });

  it('how it ended is never cut', () => {
    const [first = ''] = summarise(record(), { ...PLACE, columns: 30 });
    expect(first).toBe('paddock: the program ended with exit code 0, after 12 s');
  });

  it('a session that misbehaved', () => {
    const { plan } = start();
    const labels = {
      read: denied(3, '/etc/shadow'),
      exec: denied(1, '/bin/sh'),
      socket: denied(12),
      fallback: denied(5),
      write: { denied: 0, continued: 9, emulated: 0 },
    };
    const lines = summarise(
      record(
        {
          result: { kind: 'signal', signal: 9 },
          killed: { by: 'rule', detail: 'tried to execute /bin/sh: refused' },
          labels,
          leftovers: 1,
          droppedEvents: 40,
          peaks: { ...end().peaks, memoryKills: 1 },
        },
        {
          verdict: { standing: 'unknown', tier: 'C', findings: [] },
          plan: {
            ...plan,
            missing: ['limits-session'],
            network: { mode: 'serve', address: '127.0.0.1', port: 8080 },
          },
        },
      ),
      PLACE,
    );
    expect(lines.slice(0, -2)).toEqual([
      'paddock: ended by paddock (a rule of the policy), after 12 s',
      '  file    story.llamafile: unknown runtime (tier C)',
      '  fence   DEGRADED, without limits-session',
      '  network served on 127.0.0.1 port 8080',
      '  used    331.9 MiB memory, 12 threads, 8.1 s CPU, at most 1.9 CPUs',
      '  denied  socket 12 times',
      '          read 3 times, first /etc/shadow',
      '          exec once: /bin/sh',
      '  reason  tried to execute /bin/sh: refused',
      '  memory  the limit was reached; the kernel ended a process',
      '  left    1 process killed at the end',
      '  more    40 calls came too fast to be reported',
    ]);
  });

  it('names what is not in force and was not required', () => {
    const { plan } = start();
    const protections = plan.protections.filter((one) => one !== 'limits-session');
    expect(summarise(record({}, { plan: { ...plan, protections } }), PLACE)[2]).toBe(
      '  fence   up, without limits-session (not required by the policy)',
    );
  });

  it('says what closed when it was ready', () => {
    const { plan } = start();
    const ready = (to: 'ready' | 'inferring' | 'exiting') =>
      summarise(
        record(
          { transitions: [{ time: 1, from: 'loading', to, reason: 'first output' }] },
          { plan: { ...plan, closing: ['exec', 'write', 'listen', 'map'] } },
        ),
        PLACE,
      ).filter((line) => line.startsWith('  ready'));
    expect(ready('ready')).toEqual(['  ready   closed then: programs, writing, ports, machine code']);
    expect(ready('inferring')).toEqual(ready('ready'));
    expect(ready('exiting')).toEqual(['  ready   never, so nothing was closed']);
  });

  it('says nothing of a session that has not ended', () => {
    const { end: _, ...open } = record();
    expect(summarise(open, PLACE)).toEqual([]);
  });

  it('fits one screen, and carries nothing that a terminal would act on', () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 });
    const labels = fc.dictionary(
      text,
      fc.tuple(fc.nat(), text).map(([count, first]) => denied(count, first)),
      { maxKeys: 30 },
    );
    fc.assert(
      fc.property(text, labels, text, fc.integer({ min: 1, max: 300 }), (path, all, why, columns) => {
        const shown = summarise(
          record(
            { labels: all, killed: { by: why, detail: why }, leftovers: 3, droppedEvents: 3 },
            { file: { path: `/${path}`, sizeBytes: 1 } },
          ),
          { ...PLACE, columns },
        );
        expect(shown.length).toBeLessThanOrEqual(24);
        for (const line of shown.slice(0, -1)) {
          expect(fastStringWidth(line)).toBeLessThanOrEqual(80);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        }
      }),
    );
  });
});

it('names signals', () => {
  expect([9, 15, 60].map(signalName)).toEqual(['SIGKILL', 'SIGTERM', '60']);
});
