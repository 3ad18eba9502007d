import { accessSync, constants, existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, isAbsolute, join } from 'node:path';
import { PaddockError } from '../lib/errors.ts';
import type { Environment } from '../lib/paths.ts';
import { escapeText } from '../lib/text.ts';
import type { DoctorFacts } from './doctor.ts';
import { ensureGate } from './native.ts';
import { probeHost } from './probe.ts';

export interface FactsInput {
  readonly env: Environment;
  readonly uid: number;
  readonly cache: string;
  say(line: string): void;
}

/** Looks at the machine for `diagnose`. Builds the gate if it must, since everything else depends on it. */
export async function gatherFacts({ env, uid, cache, say }: FactsInput): Promise<DoctorFacts> {
  return {
    platform: process.platform,
    nodeVersion: process.versions.node,
    ...(process.platform === 'linux' ? await gateFacts({ env, uid, cache, say }) : {}),
    compiler: findProgram('cc', env.PATH),
    nodePty: hasNodePty(),
    yama: text('/proc/sys/kernel/yama/ptrace_scope'),
    legacyTiocsti: text('/proc/sys/dev/tty/legacy_tiocsti'),
    lsm: text('/sys/kernel/security/lsm')?.trim(),
    apparmorUserns: text('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    usernsClone: text('/proc/sys/kernel/unprivileged_userns_clone'),
    maxUserNamespaces: text('/proc/sys/user/max_user_namespaces'),
    apeFormats: apeFormats(),
    systemdUser: env.XDG_RUNTIME_DIR !== undefined && existsSync(join(env.XDG_RUNTIME_DIR, 'systemd')),
    container: existsSync('/.dockerenv') || existsSync('/run/.containerenv'),
  };
}

/** First bytes, as binfmt_misc shows them: `MZqFpD` and `jartsr`. */
const APE_MAGICS = ['4d5a71467044', '6a6172747372'];
const BINFMT = '/proc/sys/fs/binfmt_misc';
const MAX_FORMATS = 1000;

async function gateFacts({
  env,
  uid,
  cache,
  say,
}: FactsInput): Promise<Pick<DoctorFacts, 'gate' | 'host' | 'gateProblem'>> {
  try {
    const gate = await ensureGate({ cache, uid, searchPath: env.PATH, say });
    return { gate, host: probeHost(gate, uid) };
  } catch (cause) {
    if (!(cause instanceof PaddockError)) throw cause;
    return { gateProblem: [cause.message, cause.detail.found].filter(Boolean).join(': ') };
  }
}

function apeFormats(): string[] {
  try {
    return readdirSync(BINFMT)
      .slice(0, MAX_FORMATS)
      .filter((name) => {
        const entry = text(join(BINFMT, name)) ?? '';
        const magic = /^magic ([0-9a-f]+)$/m.exec(entry)?.[1] ?? '';
        return entry.startsWith('enabled') && APE_MAGICS.some((prefix) => magic.startsWith(prefix));
      })
      .map((name) => escapeText(name, 40));
  } catch {
    return []; // binfmt_misc is not mounted
  }
}

// Whether its native part is there: loading it would take long, and may crash where it was built for another Node.
function hasNodePty(): boolean {
  try {
    const main = createRequire(import.meta.url).resolve('node-pty/package.json');
    const folder = main.slice(0, -'package.json'.length);
    return ['build/Release/pty.node', `prebuilds/${process.platform}-${process.arch}/pty.node`].some((path) =>
      existsSync(join(folder, path)),
    );
  } catch {
    return false; // not installed
  }
}

function findProgram(name: string, searchPath: string | undefined): string | undefined {
  for (const folder of (searchPath ?? '').split(delimiter).filter(isAbsolute)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      if (!lstatSync(path).isDirectory()) return path;
    } catch {
      // not in this folder
    }
  }
  return undefined;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // no such thing on this kernel
  }
}
