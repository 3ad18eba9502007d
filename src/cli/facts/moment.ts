import { readFileSync, realpathSync } from 'node:fs';
import type { Facts } from '../../policy/conditions/variables.ts';

/** What says which time is local on this machine. Tests put files of their own in its place. */
export interface ZoneFiles {
  /** Where /etc/localtime leads to. @throws as `realpathSync` */
  readonly localtime: () => string;
  /** Text of /etc/timezone. @throws as `readFileSync` */
  readonly timezone: () => string;
}

const MACHINE: ZoneFiles = {
  localtime: () => realpathSync('/etc/localtime'),
  timezone: () => readFileSync('/etc/timezone', 'utf8'),
};

/**
 * The time as conditions see it, by the clock of this machine: local, where its zone is known, and in UTC. The zone is the
 * machine's and not `TZ` of the caller, who could choose the hour by it.
 */
export function momentFacts(now: Date, zone: string | undefined): Facts['values'] {
  const local = zone === undefined ? undefined : partsIn(now, zone);
  const utc = partsIn(now, 'UTC');
  return {
    ...(local === undefined
      ? {}
      : {
          'time.year': local.year,
          'time.month': local.month,
          'time.day': local.day,
          'time.weekday': local.weekday,
          'time.hour': local.hour,
          'time.minute': local.minute,
        }),
    'time.unix': Math.floor(now.getTime() / 1000),
    ...(utc === undefined
      ? {}
      : {
          'time.utc.year': utc.year,
          'time.utc.month': utc.month,
          'time.utc.day': utc.day,
          'time.utc.weekday': utc.weekday,
          'time.utc.hour': utc.hour,
          'time.utc.minute': utc.minute,
        }),
  };
}

/**
 * The name of the machine's time zone: where /etc/localtime leads to, else what /etc/timezone says. As for libc, UTC
 * where there is no /etc/localtime. Undefined where the zone has no name.
 */
export function machineZone(files: ZoneFiles = MACHINE): string | undefined {
  try {
    const named = ZONE_FILE.exec(files.localtime())?.[1];
    return named ?? files.timezone().trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') return undefined; // not known, and so told
    return isAbsent(files.localtime) ? 'UTC' : undefined;
  }
}

const ZONE_FILE = /\/zoneinfo\/(?:posix\/)?([A-Za-z0-9_+\-/]+)$/;

function isAbsent(look: () => string): boolean {
  try {
    look();
    return false;
  } catch {
    return true; // the caller has seen why
  }
}

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
}

function partsIn(now: Date, timeZone: string): Parts | undefined {
  const format = formatOf(timeZone);
  if (format === undefined) return undefined;
  const found = new Map(format.formatToParts(now).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => found.get(type) ?? Number.NaN;
  const [year, month, day] = [part('year'), part('month'), part('day')];
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  // Sunday is 0 to JavaScript and 7 in ISO 8601.
  return { year, month, day, weekday: weekday || 7, hour: part('hour'), minute: part('minute') };
}

function formatOf(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-u-ca-gregory-nu-latn', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  } catch {
    return undefined; // a zone that nobody knows
  }
}
