import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The caller's surroundings in one run of one attempt: what is there to be stolen or broken. */
export interface World {
  readonly root: string;
  readonly home: string;
  /** A private key in the home, with `secret` in its first line. */
  readonly canary: string;
  readonly secret: string;
  /** A folder of somebody else's, with a victim in it. */
  readonly outside: string;
  readonly victim: string;
  /** The caller's working directory: a prompt that the user grants, and weights that must not shadow the judged ones. */
  readonly caller: string;
  readonly readable: string;
  readonly tmp: string;
  readonly state: string;
  readonly llamafile: string;
  /** In every command line of this run, so that survivors are found. */
  readonly token: string;
  /** What was changed since the world was made; empty if nothing. */
  damage(): string[];
  remove(): void;
}

const LONG_AGO = new Date('2001-02-03T04:05:06Z');

/** @param uid owner of everything in it. */
export function makeWorld(llamafile: string, uid: number): World {
  const root = mkdtempSync(join(tmpdir(), 'paddock-world-'));
  const folder = (name: string): string => {
    const path = join(root, name);
    mkdirSync(path, { mode: 0o755 });
    return path;
  };
  const [home, outside, caller, tmp, state] = ['home', 'outside', 'caller', 'tmp', 'state'].map(folder) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const token = randomUUID();
  const secret = `canary-${token.slice(0, 13)}`;
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  const paths = {
    canary: join(home, '.ssh', 'id_ed25519'),
    victim: join(outside, 'victim'),
    readable: join(caller, 'prompt.txt'),
    llamafile: join(root, 'attack.llamafile'),
  };
  writeFileSync(paths.canary, `${secret}\n`, { mode: 0o600 });
  writeFileSync(paths.victim, 'precious\n');
  writeFileSync(paths.readable, 'Once upon a time\n');
  writeFileSync(join(caller, 'model.gguf'), `${secret}: other weights\n`);
  copyFileSync(llamafile, paths.llamafile);
  chmodSync(paths.llamafile, 0o755);
  for (const path of [paths.victim, paths.readable, paths.llamafile]) utimesSync(path, LONG_AGO, LONG_AGO);
  giveTo(root, uid);
  const before = photograph({ outside, caller, llamafile: paths.llamafile });
  return {
    ...paths,
    root,
    home,
    secret,
    outside,
    caller,
    tmp,
    state,
    token,
    damage: () => {
      const now = photograph({ outside, caller, llamafile: paths.llamafile });
      return [...new Set([...before, ...now])].filter(
        (line) => !before.includes(line) || !now.includes(line),
      );
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function giveTo(path: string, uid: number): void {
  if (uid === process.getuid?.()) return;
  chownSync(path, uid, uid);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(join(path, name), uid);
}

/** One line for each file: name, kind, mode, size, time and first bytes. */
function photograph(places: { outside: string; caller: string; llamafile: string }): string[] {
  const lines = [describeFile(places.llamafile)];
  for (const folder of [places.outside, places.caller]) {
    for (const name of readdirSync(folder)) lines.push(describeFile(join(folder, name)));
  }
  return lines;
}

function describeFile(path: string): string {
  const status = statSync(path, { throwIfNoEntry: false, bigint: true });
  if (status === undefined) return `${path} is missing`;
  const content = status.isFile() ? readFileSync(path).subarray(0, 64).toString('latin1') : '';
  return `${path} ${status.mode.toString(8)} ${status.uid} ${status.size} ${status.mtimeNs} ${JSON.stringify(content)}`;
}
