import type { Untrusted } from '../lib/text.ts';
import type { Architecture } from './anatomy.ts';

/** What the script says. It is either a known script (`template`), or differs from all of them (`difference`). */
export interface ScriptFacts {
  readonly offset: number;
  readonly length: number;
  readonly template?: string;
  readonly difference?: ScriptDifference;
  /** From the name of the unpacked loader: "1.10". */
  readonly version?: string;
  /** The `printf` lines, in their order. */
  readonly headers: readonly ScriptHeader[];
  readonly ranges: readonly ScriptRange[];
}

/** What a `printf` line of the script writes: of an ELF header, what differs between programs. */
export interface ScriptHeader {
  readonly architecture: Architecture;
  /** Of `printf '`. */
  readonly offset: number;
  readonly entry: bigint;
  readonly programHeaderOffset: bigint;
  readonly programHeaderCount: number;
}

/** The first place where a script is not the known one that it follows longest. Texts are escaped. */
export interface ScriptDifference {
  /** Counted from the comment line, which is 1. */
  readonly line: number;
  readonly offset: number;
  readonly nearest: string;
  readonly expected: string;
  readonly found: string;
}

/** Bytes that the script copies with `dd`. */
export interface ScriptRange {
  /**
   * `x86-64`, `aarch64`: the loader; `apple`: the source of the one for Apple silicon; `macho`: the header for macOS;
   * `loader-macho`: the header for macOS inside the unpacked loader.
   */
  readonly role: Architecture | 'apple' | 'macho' | 'loader-macho';
  /** Where in the file the numbers are. */
  readonly at: number;
  /** Bytes in the file; of `loader-macho`, in the unpacked loader. */
  readonly offset: number;
  readonly length: number;
}

/** A structure that is not what the reference to it says. */
export interface Unreadable {
  readonly kind: 'unreadable';
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

/** A PE32+ header as Windows reads it (winnt.h). Addresses are relative to the image's base. */
export interface PeFacts {
  readonly kind: 'pe';
  /** Of the signature. */
  readonly offset: number;
  /** From the signature to the end of the section table. */
  readonly length: number;
  readonly machine: number;
  /** IMAGE_FILE_*: 2 executable, 0x2000 library. */
  readonly characteristics: number;
  readonly entry: number;
  readonly imageBase: bigint;
  readonly sectionAlignment: number;
  readonly fileAlignment: number;
  readonly imageSize: number;
  readonly headersSize: number;
  /** Those that are not empty. */
  readonly directories: readonly {
    readonly index: number;
    readonly address: number;
    readonly size: number;
  }[];
  readonly sections: readonly PeSection[];
}

export interface PeSection {
  readonly name: Untrusted;
  readonly virtualAddress: number;
  readonly virtualSize: number;
  readonly offset: number;
  readonly fileSize: number;
  /** IMAGE_SCN_*: 0x20000000 execute, 0x40000000 read, 0x80000000 write. */
  readonly characteristics: number;
}

/** A 64-bit Mach-O header as XNU reads it (mach-o/loader.h). */
export interface MachoFacts {
  readonly kind: 'macho';
  readonly offset: number;
  readonly length: number;
  readonly cpuType: number;
  readonly fileType: number;
  readonly commands: readonly { readonly type: number; readonly offset: number; readonly length: number }[];
  readonly segments: readonly MachoSegment[];
  /** From LC_UNIXTHREAD. */
  readonly entry?: bigint;
}

export interface MachoSegment {
  readonly name: Untrusted;
  readonly virtualAddress: bigint;
  readonly memorySize: bigint;
  readonly offset: bigint;
  readonly fileSize: bigint;
  /** VM_PROT_*: 1 read, 2 write, 4 execute. */
  readonly protection: number;
}
