import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Architecture } from '../../format/anatomy.ts';
import type { FileIdentity, JudgedFile } from '../../format/open.ts';
import { identityOf } from '../../format/open.ts';
import { overlaySource } from '../../format/overlay.ts';
import { descriptorSource } from '../../format/source.ts';
import { COPY_NAME, isUsable, namesOf, type StorePlace, sourceName, within } from './places.ts';

/** What is known of a copy, beside its content. */
export interface CopyFacts {
  /** SHA-256 (hex) of what was copied, as it was. */
  readonly sha256: string;
  readonly size: number;
  /** The first 64 bytes (hex) of what was copied, where the copy has an ELF header in their place. */
  readonly start?: string;
  /** For which machine that header is. */
  readonly architecture?: Architecture;
  /** When it was made: ISO 8601, UTC. */
  readonly made: string;
}

/** An open copy. It reads as the file that was copied; what is executed is the copy as it is. */
export interface StoredCopy {
  readonly file: JudgedFile;
  readonly path: string;
  readonly place: StorePlace;
  readonly facts: CopyFacts;
}

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
const SCHEMA = 'paddock/copy/v1';
const START_DIGITS = 128;
const MAX_FACTS_BYTES = 4096;
const ANY_WRITE = 0o222;

/** Writes down what is known: the text of the facts file. */
export function factsText(facts: CopyFacts): string {
  return `${JSON.stringify({ schema: SCHEMA, ...facts })}\n`;
}

/** The copy that was made of this very file; undefined where there is none that can be relied on. */
export function findCopy(
  place: StorePlace,
  source: FileIdentity,
  architecture: Architecture,
): StoredCopy | undefined {
  if (!isUsable(place)) return undefined;
  const sha256 = readOwn(within(place, 'sources', sourceName(source)), place)?.trim();
  return sha256 === undefined || !COPY_NAME.test(sha256) ? undefined : openCopy(place, sha256, architecture);
}

/** Opens a copy by its name; undefined where it is not whole, not ours, could be written, or is for another machine. */
export function openCopy(
  place: StorePlace,
  sha256: string,
  architecture: Architecture,
): StoredCopy | undefined {
  const names = namesOf(place, sha256);
  const facts = parseFacts(readOwn(names.facts, place));
  if (facts === undefined || facts.sha256 !== sha256) return undefined;
  if (facts.architecture !== undefined && facts.architecture !== architecture) return undefined;
  let fd: number;
  try {
    fd = openSync(names.content, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined; // not there: it is made anew
  }
  const stats = fstatSync(fd, { bigint: true });
  const right = stats.isFile() && Number(stats.uid) === place.owner && (Number(stats.mode) & ANY_WRITE) === 0;
  if (!right || Number(stats.size) !== facts.size) {
    closeSync(fd);
    return undefined;
  }
  const own = descriptorSource(fd);
  const start = facts.start === undefined ? undefined : Buffer.from(facts.start, 'hex');
  const file: JudgedFile = {
    fd,
    source: start === undefined ? own : overlaySource(own, start),
    identity: identityOf(stats),
    ...(start === undefined ? {} : { start }),
  };
  return { file, path: names.content, place, facts };
}

/** The facts of a copy; undefined where there are none. */
export function readFacts(place: StorePlace, sha256: string): CopyFacts | undefined {
  return parseFacts(readOwn(namesOf(place, sha256).facts, place));
}

function readOwn(path: string, place: StorePlace): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined; // not there: what it would tell is not known
  }
  try {
    const stats = fstatSync(fd);
    const ours = stats.isFile() && stats.uid === place.owner && (stats.mode & 0o022) === 0;
    return ours && stats.size <= MAX_FACTS_BYTES ? readFileSync(fd, 'utf8') : undefined;
  } finally {
    closeSync(fd);
  }
}

function parseFacts(text: string | undefined): CopyFacts | undefined {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(text ?? '') as Readonly<Record<string, unknown>>;
  } catch {
    return undefined; // damaged: the copy is made anew
  }
  const { schema, sha256, size, start, architecture, made } = value;
  const whole =
    schema === SCHEMA &&
    typeof sha256 === 'string' &&
    COPY_NAME.test(sha256) &&
    Number.isSafeInteger(size) &&
    typeof made === 'string';
  if (!whole) return undefined;
  if (start === undefined) return { sha256, size: size as number, made };
  const right = typeof start === 'string' && start.length === START_DIGITS && /^[0-9a-f]+$/.test(start);
  if (!right || (architecture !== 'x86-64' && architecture !== 'aarch64')) return undefined;
  return { sha256, size: size as number, start, architecture, made };
}
