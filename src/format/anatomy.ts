import type { Untrusted } from '../lib/text.ts';
import type { MachoFacts, PeFacts, ScriptFacts, Unreadable } from './ape-facts.ts';

/**
 * What is in the file. `regions` is sorted, does not overlap, and covers every byte from 0 to `size`: what no reader
 * can explain is a region of kind `unaccounted`.
 */
export interface Anatomy {
  readonly size: number;
  /** `ape`: begins with an APE magic. `elf`: begins with `\x7fELF` (assimilated, or linked so). */
  readonly form: 'ape' | 'elf';
  readonly ape?: ApeFacts;
  /** The shell script that an APE begins with, and that an assimilated one keeps without use. */
  readonly script?: ScriptFacts;
  /** The header for Windows that the first bytes point to; absent if they point nowhere. */
  readonly pe?: PeFacts | Unreadable;
  /** The header for macOS that the script would copy to the start of the file. */
  readonly macho?: MachoFacts | Unreadable;
  /** One for each architecture: decoded from `printf` for APE, the file's own for ELF. */
  readonly programs: readonly ElfProgram[];
  readonly loaders: readonly EmbeddedLoader[];
  /** The last zip generation as cosmopolitan's zipos reads it; absent if the file carries no zip. */
  readonly zip?: ZipView;
  /** Earlier generations whose directories are still in the file, oldest first. */
  readonly generations: readonly ZipGeneration[];
  readonly models: readonly GgufFacts[];
  readonly regions: readonly Region[];
}

export type RegionKind =
  | 'ape-header' // MZ words, heredoc, boot stub: bytes 0 to the script
  | 'shell-script'
  | 'elf-header'
  | 'elf-notes'
  | 'program-headers'
  | 'macho-header'
  | 'pe-header' // where no segment maps it: PE headers and section table
  | 'segment'
  | 'section-headers' // of a plain ELF: section contents that no segment maps, and the table
  | 'loader' // a gzip-compressed or raw APE loader
  | 'loader-source' // ape-m1.c
  | 'zip-local-header'
  | 'zip-content'
  | 'gguf-header' // magic, metadata and tensor infos of a stored member
  | 'gguf-tensors'
  | 'zip-directory'
  | 'zip-eocd64'
  | 'zip-eocd64-locator'
  | 'zip-eocd'
  | 'padding' // all zero
  | 'unaccounted';

export interface Region {
  readonly kind: RegionKind;
  readonly offset: number;
  readonly length: number;
  /** A few words for a person; escaped already. */
  readonly label: string;
  /** Raw name of the zip member that the region belongs to. */
  readonly member?: Untrusted;
  /** Index into `generations`; absent for the current generation and for what is not zip. */
  readonly generation?: number;
}

export type Architecture = 'x86-64' | 'aarch64';

export interface ApeFacts {
  readonly magic: 'MZqFpD' | 'jartsr' | 'APEDBG';
  /** Linked in one piece (APE up to 1.7): raw loaders, and the archive may lie inside the mapped image. */
  readonly monolithic: boolean;
  /** From the script's `.ape-X.Y` or the APE note: "1.9", "1.10"; undefined for generations that do not say. */
  readonly version?: string;
  /** From the APE note alone. */
  readonly noteVersion?: string;
  /** File offset of the first byte after the shell script. */
  readonly scriptEnd: number;
  /**
   * Positions of every `printf '` in the first 8192 bytes: of those that the loader tries, and of those that it skips, unless
   * they are code of an uncompressed loader.
   */
  readonly printfOffsets: readonly number[];
  /** e_lfanew: where the PE header should be, 0 for nowhere. Not checked. */
  readonly peOffset: number;
}

/** An ELF executable as the loader or the kernel would map it. */
export interface ElfProgram {
  readonly architecture: Architecture;
  /** Where the 64-byte header was found: the offset of `printf '`, or 0 for a plain ELF. */
  readonly headerOffset: number;
  readonly type: 'executable' | 'shared';
  readonly entry: bigint;
  readonly programHeaderOffset: number;
  readonly segments: readonly ElfSegment[];
}

export interface ElfSegment {
  /** p_type: 1 LOAD, 4 NOTE, 7 TLS, 0x6474e551 GNU_STACK … */
  readonly type: number;
  /** p_flags: 1 X, 2 W, 4 R. */
  readonly flags: number;
  readonly offset: number;
  readonly fileSize: number;
  readonly virtualAddress: bigint;
  readonly memorySize: bigint;
}

export interface EmbeddedLoader {
  readonly kind: 'elf' | 'source';
  readonly architecture: Architecture | 'any';
  readonly encoding: 'gzip' | 'raw';
  /** Of the bytes in the file. */
  readonly offset: number;
  readonly length: number;
  /** SHA-256 (hex) and size of the decompressed loader. At most 1 MiB is ever decompressed. */
  readonly sha256: string;
  readonly size: number;
}

export interface ZipView {
  /** Which record ended the search: 64-bit or 32-bit end of central directory. */
  readonly eocd: 'eocd32' | 'eocd64';
  /** Offset of that record. */
  readonly eocdOffset: number;
  readonly directoryOffset: number;
  readonly directoryLength: number;
  /** In the order of the central directory. Names may repeat: that is for the checks to judge. */
  readonly members: readonly ZipMember[];
}

export interface ZipMember {
  readonly name: Untrusted;
  /** SHA-256 (hex) of the whole central record with its name, extra and comment: the "reappears unchanged" rule. */
  readonly recordSha256: string;
  readonly recordOffset: number;
  readonly recordLength: number;
  readonly localOffset: number;
  readonly contentOffset: number;
  /** 0 stored, 8 deflated; anything else is unreadable to the runtime. From the local header, as zipos reads it. */
  readonly method: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc32: number;
  /** Upper 16 bits of the external attributes: the Unix mode. */
  readonly mode: number;
  /** Lower 16 bits of the external attributes: those of DOS (8 volume label, 16 folder). The runtime reads them where `madeBy` is not Unix. */
  readonly dosAttributes: number;
  /** The name's bytes are UTF-8; else each of them became one character of `name`. */
  readonly isUtf8: boolean;
  /** "Version made by": host system in the upper byte (3: Unix), version in the lower one (45: apelink, zipobj, zipalign). */
  readonly madeBy: number;
  /** Numbers of the extra fields of both headers, each once, ascending. */
  readonly extras: readonly number[];
  /** Bytes of comment in the central record. */
  readonly commentLength: number;
  /** The disk that the central record names. */
  readonly disk: number;
}

/** An earlier end-of-central-directory that still parses: the file ended at `end` once. */
export interface ZipGeneration {
  /** First byte after that generation's end record: the length of the file at that time. */
  readonly end: number;
  readonly view: ZipView;
}

export type GgufValue = number | bigint | boolean | Untrusted | GgufArray;
/** Arrays are not kept whole: their type, length, and at most the first eight elements. */
export interface GgufArray {
  readonly elementType: number;
  readonly length: number;
  readonly head: readonly (number | bigint | boolean | Untrusted)[];
}

/** How the tensors lie, as far as it is not what a writer of GGUF makes. Offsets are of the file. */
export interface GgufTensorLayout {
  /** Type ids that occur → the first tensor info with it. */
  readonly types: ReadonlyMap<number, number>;
  /** The first tensor info without dimensions. */
  readonly scalarAt?: number;
  /** The first tensor info with a dimension of zero. */
  readonly emptyAt?: number;
  /** Bytes before a tensor that alignment does not explain: the first such place, and how many in all. */
  readonly gap?: { readonly offset: number; readonly length: number; readonly totalBytes: number };
  /** First byte after the last tensor; without tensors, after the header. */
  readonly end: number;
}

/** A token by its number, with its first bytes as text. */
export interface GgufToken {
  readonly index: number;
  readonly text: Untrusted;
}

/** What the whole token list shows: the list itself is not kept. */
export interface GgufVocabulary {
  /** Tokens of type BYTE that begin with `<0x` and go on otherwise than with two hex digits and `>`: how many, and the first. */
  readonly brokenBytes?: { readonly count: number; readonly first: GgufToken };
  /** Tokens of type BYTE that are spelled in some other way. */
  readonly otherBytes?: { readonly count: number; readonly first: GgufToken };
}

export interface GgufFacts {
  readonly member?: Untrusted;
  /** Offset of the magic in the file. */
  readonly offset: number;
  /** Bytes of the GGUF, its tensor data and all that follows in the member included. */
  readonly length: number;
  readonly version: number;
  /** Of each metadata entry: its file offset, and its value's type by GGUF's numbering (9 for arrays). */
  readonly entries: ReadonlyMap<string, { readonly at: number; readonly type: number }>;
  /** The alignment of tensor data in bytes: `general.alignment`, or 32. */
  readonly alignment: number;
  readonly layout: GgufTensorLayout;
  readonly vocabulary: GgufVocabulary;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensorCount: number;
  readonly parameterCount: bigint;
  /** Length of magic, metadata and tensor infos, without the alignment padding. */
  readonly headerLength: number;
  /** general.architecture, general.name, and the name of the commonest tensor type, when given. */
  readonly architecture?: Untrusted;
  readonly name?: Untrusted;
  readonly quantisation?: string;
}
