import { dirname, join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { PolicyFiles } from './files.ts';
import type { Layer } from './layer.ts';
import type { ParsedPolicy } from './parse.ts';
import { parseLate } from './parse-late.ts';
import type { ParseHost } from './partial.ts';
import { presetLayers } from './presets.ts';

/**
 * The administrator's policy: `policy.yaml` and the `.yaml` files of `policy.d`, by name, with the preset that they rest on in
 * front. Empty when there are none.
 * @throws PaddockError `policy-invalid` for what somebody other than root could have written, or says what it must not;
 * `io` for what cannot be looked at.
 */
export async function readSystem(reader: PolicyFiles, folder: string, host: ParseHost): Promise<Layer[]> {
  const found = reader.list(folder);
  if (found === undefined) return [];
  const parsed = [
    ...(found.names.includes(MAIN) ? [await readOwned(reader, join(folder, MAIN), host)] : []),
    ...(found.names.includes(PARTS) ? await readParts(reader, join(folder, PARTS), host) : []),
  ];
  if (parsed.length === 0) return [];
  checkOwner(folder, found);
  checkAround(reader, folder);
  const base = parsed.findLast((one) => one.extends !== undefined)?.extends ?? 'default';
  return [...presetLayers(base, host), ...parsed.map(({ layer }) => layer)];
}

const MAIN = 'policy.yaml';
const PARTS = 'policy.d';

async function readParts(reader: PolicyFiles, folder: string, host: ParseHost): Promise<ParsedPolicy[]> {
  const found = reader.list(folder);
  if (found === undefined) return [];
  const names = found.names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  if (names.length > 0) checkOwner(folder, found);
  const parsed: ParsedPolicy[] = [];
  for (const name of names) parsed.push(await readOwned(reader, join(folder, name), host));
  return parsed;
}

// A name that the folder lists and that leads nowhere is a policy that is missing, not one that nobody wrote.
async function readOwned(reader: PolicyFiles, path: string, host: ParseHost): Promise<ParsedPolicy> {
  const found = reader.read(path);
  if (found === undefined) {
    throw new PaddockError('io', 'a policy of the system is not there any more', {
      where: path,
      remedy: 'ask the administrator of this machine',
    });
  }
  checkOwner(path, found);
  checkAround(reader, path);
  return parseLate(found.text, path, host);
}

// Who may write to a folder on the way puts another file there; a link leads through two ways.
function checkAround(reader: PolicyFiles, path: string): void {
  for (const end of new Set([path, reader.real(path) ?? path])) {
    for (let at = dirname(end); ; at = dirname(at)) {
      const found = reader.list(at);
      if (found !== undefined) checkOwner(at, found);
      if (at === dirname(at)) break;
    }
  }
}

const ROOT = 0;
const WRITABLE_BY_OTHERS = 0o022;

function checkOwner(path: string, { uid, mode }: { readonly uid: number; readonly mode: number }): void {
  if (uid === ROOT && (mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new PaddockError('policy-invalid', 'the system’s policy could have been written by somebody else', {
    where: path,
    expected: 'owner root, not writable by group or others',
    found: `owner ${uid}, mode ${(mode & 0o7777).toString(8)}`,
    remedy: `chown root:root ${path} && chmod go-w ${path}`,
  });
}
