import { describe, expect, it } from 'vitest';
import { machineZone, momentFacts } from '../../../src/cli/facts/moment.ts';

const NOW = new Date('2026-11-22T23:30:59Z'); // a Sunday

describe('the moment', () => {
  it('is told in the zone of the machine, and in UTC', () => {
    expect(momentFacts(NOW, 'Europe/Berlin')).toEqual({
      'time.year': 2026,
      'time.month': 11,
      'time.day': 23,
      'time.weekday': 1,
      'time.hour': 0,
      'time.minute': 30,
      'time.unix': NOW.getTime() / 1000,
      'time.utc.year': 2026,
      'time.utc.month': 11,
      'time.utc.day': 22,
      'time.utc.weekday': 7,
      'time.utc.hour': 23,
      'time.utc.minute': 30,
    });
  });

  it('is not the caller’s to choose', () => {
    const before = process.env.TZ;
    try {
      process.env.TZ = 'Pacific/Kiritimati';
      expect(momentFacts(NOW, 'UTC')['time.hour']).toBe(23);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it('has no local time where the zone is not known', () => {
    for (const zone of [undefined, 'Nowhere/Town'])
      expect(Object.keys(momentFacts(NOW, zone)).filter((name) => !/utc|unix/.test(name))).toEqual([]);
  });
});

describe('the zone of the machine', () => {
  const fails = (code: string) => (): never => {
    throw Object.assign(new Error(code), { code });
  };
  const localtime = (path: string) => () => path;
  it.each([
    ['a link', localtime('/usr/share/zoneinfo/Europe/Berlin'), fails('ENOENT'), 'Europe/Berlin'],
    ['a link to posix', localtime('/usr/share/zoneinfo/posix/Etc/GMT+3'), fails('ENOENT'), 'Etc/GMT+3'],
    ['a copy, with its name beside', localtime('/etc/localtime'), () => 'Asia/Tokyo\n', 'Asia/Tokyo'],
    ['a copy without a name', localtime('/etc/localtime'), fails('ENOENT'), undefined],
    ['nothing at all', fails('ENOENT'), fails('ENOENT'), 'UTC'],
    ['what cannot be looked at', fails('EACCES'), () => 'Asia/Tokyo', undefined],
  ])('is told by %s', (_, local, timezone, expected) => {
    expect(machineZone({ localtime: local, timezone })).toBe(expected);
  });
});
