import type { KeyObject } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { exportBaselines, importBaselines, MAX_EXPORT_BYTES } from '../../integrity/baselines/exchange.ts';
import { keptAs, refuseTaken, writeBaseline } from '../../integrity/baselines/store.ts';
import { vouch } from '../../integrity/signatures/trust.ts';
import { readTrust } from '../../integrity/signatures/trust-file.ts';
import { keyId, parseEnvelope } from '../../lib/dsse.ts';
import { PaddockError } from '../../lib/errors.ts';
import { escapeText } from '../../lib/text.ts';
import { type Context, EXIT } from '../context.ts';
import { ed25519SigningKey } from '../own-key.ts';
import { baselinePlaces, trustPlaces } from '../trust-places.ts';
import { writeOutput } from '../write-output.ts';

export interface ExportInput {
  readonly names: readonly string[];
  readonly output: string;
  readonly key?: string;
}

export interface ImportInput {
  readonly file: string;
  readonly force?: boolean;
}

/** `paddock baseline export`. */
export function runExport(context: Context, { names, output, key }: ExportInput): number {
  const places = baselinePlaces(context);
  const baselines = [...new Set(names)].map((name) => keptAs(places, name).baseline);
  const envelope = exportBaselines(baselines, ed25519SigningKey(context, key, 'baselines'));
  writeOutput(context, output, `${JSON.stringify(envelope)}\n`);
  return EXIT.ok;
}

/** `paddock baseline import`: all baselines of the file, or none. */
export function runImport(context: Context, { file, force = false }: ImportInput): number {
  const places = baselinePlaces(context);
  const now = context.now();
  const path = resolve(context.cwd, file);
  const baselines = importBaselines(parseEnvelope(readBounded(path)), trustedKeys(context, now), now, path);
  for (const { name } of baselines) refuseTaken(places, name, force);
  for (const baseline of baselines) writeBaseline(places, baseline, force);
  const [first] = baselines;
  const names = baselines.map(({ name }) => name).join(', ') || 'nothing: the file holds no baseline';
  const signer = first?.imported === undefined ? '' : `, signed by ${escapeText(first.imported.signer, 64)}`;
  context.stderr.write(`paddock: imported ${names}${signer}\n`);
  return EXIT.ok;
}

/** The keys whose baselines count, with the names of their signers. */
function trustedKeys(context: Context, now: Date): Map<KeyObject, string> {
  const store = readTrust(trustPlaces(context), now);
  const keys = new Map<KeyObject, string>();
  for (const signer of store.signers) {
    if (!('key' in signer) || signer.key.key.asymmetricKeyType !== 'ed25519') continue;
    const id = keyId(signer.key.key);
    const vouched = vouch(store, 'baseline', (one) => 'key' in one && keyId(one.key.key) === id);
    if (vouched?.state === 'trusted') keys.set(signer.key.key, vouched.signer);
  }
  return keys;
}

function readBounded(path: string): Buffer {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    throw new PaddockError(code === 'ENOENT' ? 'not-found' : 'io', 'the export cannot be read', {
      where: path,
      found: code,
      remedy: 'check the path',
      cause,
    });
  }
  try {
    const stats = fstatSync(fd);
    if (stats.isFile() && stats.size <= MAX_EXPORT_BYTES) return readFileSync(fd);
    throw new PaddockError('malformed', 'this is no export of baselines', {
      where: path,
      expected: `a regular file of at most ${MAX_EXPORT_BYTES} bytes`,
      found: stats.isFile() ? `${stats.size} bytes` : 'something else',
    });
  } finally {
    closeSync(fd);
  }
}
