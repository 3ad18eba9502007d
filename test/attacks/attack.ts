import type { Family } from './families.ts';
import type { Listeners } from './listeners.ts';
import type { ReferenceId } from './reference.ts';
import type { World } from './world.ts';

/** Where one run of one attempt happens. */
export interface Place {
  readonly world: World;
  readonly listeners: Listeners;
  /** The port that `serving` attempts are granted, and one that they are not. */
  readonly port: number;
  readonly other: number;
}

export interface Attack {
  /** What is tried, in words. Unique. */
  readonly name: string;
  /** What is attacked; left out: as the table or `FAMILY_OF` says. */
  readonly family?: Family;
  /** Lines of the reference that it tries; left out: as `CLOSES_OF` says. */
  readonly closes?: readonly ReferenceId[];
  /** The attempt of the program (test/attacks/programs). */
  readonly attempt: string;
  readonly parameters?: ((place: Place) => Readonly<Record<string, string | number>>) | undefined;
  /** What the session's record must show. */
  readonly seen: Expectation;
  /** The same in a process namespace of its own, where it is another. */
  readonly seenInside?: Expectation;
  /**
   * `always`: with no fence the attempt succeeds for every user on every Linux. `depends`: it may need root, a kernel
   * option or a device; where it fails without a fence too, that is printed, and the rest is still asserted. `none`: what
   * it does is allowed, and the harm would be what the launcher makes of it.
   */
  readonly control: 'always' | 'depends' | 'none';
  /** How the program ends: `refused` (its own FAILED line, exit 9; the default), or whichever way, signals too. */
  readonly ends?: 'refused' | 'either';
  /** Options of `paddock run`, further ones for a user other than root, and arguments that the user gives knowingly. */
  readonly options?: readonly string[];
  readonly userOptions?: readonly string[];
  readonly policy?: string;
  readonly arguments?: ((place: Place) => readonly string[]) | undefined;
  /** The layout of the file; ELF when left out. */
  readonly form?: 'ape';
  readonly environment?: Readonly<Record<string, string>>;
  /** With no fence the test's listeners hear of it. */
  readonly heard?: boolean;
  /** Held only where memory and processes can be limited for the session as a whole. */
  readonly needsSessionLimits?: boolean;
  /** Leave descriptors 3 and 4 open in the launcher: a secret, and a file that can be written. */
  readonly inherit?: boolean;
  readonly input?: 'readable';
  readonly terminal?: 'own' | 'behind';
  /** The harm is this text in the output: it arrives with no fence, and does not with one. */
  readonly withheld?: string;
  /** SIGKILL the launcher when this text appears. */
  readonly killLauncherAt?: string;
  /** SIGKILL the supervisor, of which the program tells the process id: `PARENT 123`. */
  readonly killSupervisor?: boolean;
}

export type Expectation =
  /** A `call` event with this label, refused: denied by the gate, or reported as outside what is granted. */
  | { readonly refused: string }
  /** A `call` event with this label; another mechanism refuses the call, and the gate only reports it. */
  | { readonly observed: string }
  /** An alert with this label. */
  | { readonly alert: string }
  /** Any event of this kind. */
  | { readonly event: string }
  /** `finished` says that processes had to be killed. */
  | { readonly swept: true }
  /** There was nothing to see, and why. */
  | { readonly nothing: string };

/** What of the host has no name in there is not asked for by any call that reaches it. */
export const NOT_THERE: Expectation = { nothing: 'inside there is no such process' };

/** A call that the gate denies under this label. */
export function call(name: string, attempt: string, label: string): Attack {
  return { name, attempt, control: 'depends', seen: { refused: label } };
}

/** Arguments that ask for a server at the granted port. */
export const serving = ({ port }: Place): string[] => [
  '--server',
  '--host',
  '127.0.0.1',
  '--port',
  String(port),
];

/** Arguments that name the prompt, which is granted for reading because the user names it. */
export const prompting = ({ world }: Place): string[] => ['-f', world.readable];
