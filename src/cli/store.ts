import { storePlace } from '../launch/store/places.ts';
import { type Kept, listCopies, STORE_LIMITS, tidy } from '../launch/store/tidy.ts';
import { userPaths } from '../lib/paths.ts';
import { isRunning, PROC_FILES, type ProcessName } from '../lib/proc.ts';
import { formatBytes } from '../lib/units.ts';
import { type Context, EXIT } from './context.ts';
import { table, toJson } from './render.ts';

export type StoreCommand =
  | { readonly action: 'list'; readonly json?: boolean }
  | {
      readonly action: 'prune';
      readonly all?: boolean;
      /** Milliseconds. */
      readonly unused?: number;
      /** Bytes. */
      readonly size?: number;
    };

/** `paddock store list` and `prune`. */
export function run(context: Context, input: StoreCommand): number {
  const place = storePlace(userPaths(context.env, context.home).data, context.uid);
  const isAlive = (owner: ProcessName): boolean => isRunning(PROC_FILES, owner);
  if (input.action === 'list') return list(context, listCopies(place, isAlive), input.json === true);
  const { all, unused, size } = input;
  const limits = {
    ageMs: all === true ? -1 : (unused ?? STORE_LIMITS.ageMs),
    bytes: all === true ? 0 : (size ?? STORE_LIMITS.bytes),
  };
  const removed = tidy({ place, limits, nowMs: context.now().getTime(), isAlive });
  const bytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  context.stderr.write(
    `paddock: ${removed.length} ${removed.length === 1 ? 'copy' : 'copies'} removed, ${formatBytes(bytes)}\n`,
  );
  return EXIT.ok;
}

function list(context: Context, copies: readonly Kept[], json: boolean): number {
  if (json) {
    context.stdout.write(`${toJson({ schema: 'paddock/store-list/v1', copies })}\n`);
    return EXIT.ok;
  }
  if (copies.length === 0) {
    context.stderr.write('paddock: there are no private copies\n');
    return EXIT.ok;
  }
  const rows = copies.map(({ sha256, sizeBytes, usedMs, inUse }) => [
    sha256,
    formatBytes(sizeBytes),
    new Date(usedMs).toISOString().slice(0, 10),
    inUse ? 'yes' : '',
  ]);
  context.stdout.write(`${table([['SHA-256 of the file', 'size', 'last used', 'in use'], ...rows])}\n`);
  return EXIT.ok;
}
