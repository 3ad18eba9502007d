import type { Architecture, EmbeddedLoader, RegionKind } from '../../format/anatomy.ts';

/**
 * A release, component by component: what can be compared with a file that is not byte for byte made from it. Learned
 * from a file that somebody vouches for. All digests are SHA-256 in hex.
 */
export interface Baseline {
  /** `[a-z0-9._-]{1,64}`: "llamafile-0.9.3". */
  readonly name: string;
  /** Version of the runtime, where it is known: "0.9.3". */
  readonly version?: string;
  readonly form: 'ape' | 'elf';
  /** The whole release, where the file that was learned had it as a prefix: tier A by its digest. */
  readonly file?: { readonly size: number; readonly sha256: string };
  /** The program: bytes [0, length), where length is the offset of the first local header. */
  readonly prefix: { readonly length: number; readonly sha256: string };
  /** The first 64 bytes (hex), which assimilation overwrites. */
  readonly start: string;
  /** What assimilation writes there, one for each architecture (hex of 64 bytes). */
  readonly headers: readonly { readonly architecture: Architecture; readonly bytes: string }[];
  /** What the program consists of: in order, without overlap, from byte 0 to `prefix.length`. */
  readonly parts: readonly BaselinePart[];
  /** Its APE loaders, as they are when unpacked. */
  readonly loaders: readonly Pick<EmbeddedLoader, 'kind' | 'architecture' | 'sha256'>[];
  /** Members of its archive; weights and arguments are not among them. Names may repeat. */
  readonly members: readonly BaselineMember[];
}

/** A region of the program. */
export interface BaselinePart {
  readonly kind: RegionKind;
  /** For a person: "x86-64 R-X segment". */
  readonly label: string;
  readonly offset: number;
  readonly length: number;
  readonly sha256: string;
  /** Whether a processor executes it. */
  readonly executable: boolean;
  /** Digests of its pieces of 64 KiB, one behind the other, where there is more than one piece. */
  readonly pieces?: string;
}

export interface BaselineMember {
  readonly name: string;
  readonly method: number;
  /** Of the uncompressed content, as are the digests. */
  readonly size: number;
  readonly crc32: number;
  readonly sha256: string;
  readonly class: MemberClass;
}

/**
 * What a member can do: `code` is compiled, loaded or executed, `web` runs in the user's browser, `sql` is executed by
 * the server, `trust` decides whom the program trusts, `doc` is shown, `data` is none of these.
 */
export type MemberClass = 'code' | 'web' | 'sql' | 'trust' | 'doc' | 'data';

/** The administrator's baselines: root's alone to write, and paddock never does. */
export const SYSTEM_BASELINES = '/etc/paddock/baselines';

/** Where baselines are kept. */
export interface BaselinePlaces {
  readonly system: string;
  readonly user: string;
  /** Where the administrator has written a policy: what a user learned would let him meet it with a release of his own. */
  readonly systemOnly?: true;
  /** Of the user; -1 where the system knows no users. */
  readonly uid: number;
}

/** Length of a piece of a part, in bytes. */
export const PIECE_BYTES = 64 * 1024;
/** The program's ELF header, and what assimilation overwrites. */
export const START_BYTES = 64;

const CLASSES: readonly (readonly [MemberClass, RegExp])[] = [
  ['web', /^(www|llama\.cpp\/server\/public)\/|\.(js|mjs|html?)$/i],
  ['sql', /\.sql$/i],
  ['trust', /\.pem$/i],
  ['doc', /^[^/]*(LICENSE|README)[^/]*$|\.(asc|1|md)$/i],
  [
    'code',
    /\.(so|dll|dylib|cu|cuh|c|cc|cpp|h|hpp|m|metal|sh|ps1|bat|cmd|exe)$|^(llama\.cpp|llamafile|third_party)\/|^\.(cosmo|ape)/i,
  ],
];

/** Class of a member by its name. */
export function classOf(name: string): MemberClass {
  return CLASSES.find(([, pattern]) => pattern.test(name))?.[0] ?? 'data';
}

/** Weights and arguments: what a user adds to a release, and no release has. */
export function isUserData(name: string): boolean {
  return /^\.args$|\.gguf$/i.test(name);
}
