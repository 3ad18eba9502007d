import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PaddockError } from '../lib/errors.ts';
import { escapeText } from '../lib/text.ts';

/** A file that is held still by a process of ours, or of which is known why it cannot be. */
export interface Held {
  /** 0: nobody can open it for writing. Else the errno of F_SETLEASE. */
  readonly leaseErrno: number;
  /** The kernel's own digest where the file has one: "sha256:…". */
  readonly verity?: string;
  /** Whether somebody has wanted to write since; then it is held no longer. */
  disturbed(): boolean;
  /** Lets it go. */
  release(): void;
}

/**
 * Holds an open file still from now on: to be called before its first byte is judged. It is held by `paddock-gate --hold`,
 * because Node cannot, until `release` or the end of this process.
 * @throws PaddockError `gate-missing`, `gate-failed`
 */
export async function holdStill(program: string, fd: number): Promise<Held> {
  const child = spawn(program, ['--hold'], {
    stdio: ['pipe', 'pipe', 'ignore', fd],
    env: {},
    windowsHide: true,
  });
  child.stdin?.on('error', () => {}); // it has ended: nothing is held any more, and `disturbed` says so
  let disturbed = false;
  const first = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    let isFirst = true;
    lines.on('line', (line) => {
      if (isFirst) resolve(line);
      else disturbed = true; // the only other line
      isFirst = false;
    });
    child.once('error', (cause) => reject(missing(program, cause)));
    child.once('close', (code) => {
      disturbed = true; // whatever the reason: nobody holds the file now
      reject(failed(`it ended with code ${code ?? 'of a signal'}`));
    });
  });
  const { lease, verity } = parse(first);
  detach(child);
  return {
    leaseErrno: lease,
    ...(verity === undefined ? {} : { verity }),
    disturbed: () => lease === 0 && disturbed,
    release: () => void child.stdin?.end(),
  };
}

// It must not keep this process from ending; its standard input closes with this process.
function detach(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout])
    (stream as unknown as { unref?(): void } | null)?.unref?.();
}

function parse(line: string): { readonly lease: number; readonly verity?: string } {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    throw failed(`it said ${escapeText(line, 120)}`);
  }
  const { event, lease, verity } = value;
  if (event !== 'hold' || typeof lease !== 'number' || !Number.isSafeInteger(lease) || lease < 0) {
    throw failed(`it said ${escapeText(line, 120)}`);
  }
  const digest =
    typeof verity === 'string' && /^sha(256|512):[0-9a-f]{64,128}$/.test(verity) ? verity : undefined;
  return { lease, ...(digest === undefined ? {} : { verity: digest }) };
}

function missing(program: string, cause: Error): PaddockError {
  return new PaddockError('gate-missing', 'paddock-gate could not be started', {
    where: program,
    found: cause.message,
    remedy: 'run `paddock doctor`; `npm rebuild llama-paddock` builds the gate again',
    cause,
  });
}

function failed(found: string): PaddockError {
  return new PaddockError('gate-failed', 'paddock-gate could not look after the file', {
    expected: 'one line of JSON, as src/gate/hold.h describes',
    found,
    remedy: 'build paddock-gate and paddock from the same release: npm rebuild llama-paddock',
  });
}
