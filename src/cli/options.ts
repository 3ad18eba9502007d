import { InvalidArgumentError } from 'commander';
import { formatBytes, parseBytes, parseDuration } from '../lib/units.ts';

/** Less than this, and not even the gate's own child can start. */
const LEAST_MEMORY = 4 * 1024 * 1024;

/** For options that may be given several times. */
export function collect(value: string, all: readonly string[] = []): string[] {
  return [...all, value];
}

/** Numbers of graphics cards. @throws InvalidArgumentError */
export function collectCards(text: string, all: readonly number[] = []): number[] {
  if (!/^\d{1,3}$/.test(text) || Number(text) > 255)
    throw new InvalidArgumentError('A number from 0 to 255 is expected.');
  return [...all, Number(text)];
}

/** A limit of memory, bytes. @throws InvalidArgumentError */
export function memory(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined || bytes <= 0) throw new InvalidArgumentError('A size is expected: 512MiB, 8GiB.');
  if (bytes >= LEAST_MEMORY) return bytes;
  throw new InvalidArgumentError(
    `At least ${formatBytes(LEAST_MEMORY)} is expected: nothing starts with ${formatBytes(bytes)}.`,
  );
}

/** Milliseconds. @throws InvalidArgumentError */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms <= 0) throw new InvalidArgumentError('A duration is expected: 90s, 30m, 2h.');
  return ms;
}

/** A number above 0. @throws InvalidArgumentError */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('A number above 0 is expected.');
  return value;
}

/** Bytes, 0 too. @throws InvalidArgumentError */
export function size(text: string): number {
  const bytes = parseBytes(text);
  if (bytes === undefined) throw new InvalidArgumentError('A size is expected: 512MiB, 8GiB.');
  return bytes;
}

/** 1 to 10000. @throws InvalidArgumentError */
export function weight(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1 && value <= 10_000) return value;
  throw new InvalidArgumentError('A whole number from 1 to 10000 is expected; 100 is everybody’s.');
}

/** 0 to 19. @throws InvalidArgumentError */
export function niceness(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0 && value <= 19) return value;
  throw new InvalidArgumentError('A whole number from 0 to 19 is expected.');
}

/** A whole number above 0. @throws InvalidArgumentError */
export function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0)
    throw new InvalidArgumentError('A whole number above 0 is expected.');
  return value;
}

/** A day (its end, in UTC) or a moment. @throws InvalidArgumentError */
export function date(text: string): Date {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const value = new Date(day ? `${text}T23:59:59.999Z` : text);
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2}))?$/.test(text);
  if (isDate && !Number.isNaN(value.getTime())) return value;
  throw new InvalidArgumentError('A date is expected: 2027-12-31, or 2027-12-31T12:00:00Z.');
}
