import type { Facts } from '../../policy/conditions/variables.ts';

/** The time as conditions see it, by the clock of this machine and in UTC. Pure but for the zone of the process. */
export function momentFacts(now: Date): Facts['values'] {
  return {
    'time.year': now.getFullYear(),
    'time.month': now.getMonth() + 1,
    'time.day': now.getDate(),
    'time.weekday': weekday(now.getDay()),
    'time.hour': now.getHours(),
    'time.minute': now.getMinutes(),
    'time.unix': Math.floor(now.getTime() / 1000),
    'time.utc.year': now.getUTCFullYear(),
    'time.utc.month': now.getUTCMonth() + 1,
    'time.utc.day': now.getUTCDate(),
    'time.utc.weekday': weekday(now.getUTCDay()),
    'time.utc.hour': now.getUTCHours(),
    'time.utc.minute': now.getUTCMinutes(),
  };
}

// Sunday is 0 to JavaScript and 7 in ISO 8601.
function weekday(day: number): number {
  return day === 0 ? 7 : day;
}
