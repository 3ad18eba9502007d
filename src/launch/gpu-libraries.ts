import type { CardKind } from './devices.ts';

/** A release's way to a GPU library on Linux: where it looks, and what must lie there before it does. */
export interface LibraryLayout {
  /** The first and the last release of the row, as [major, minor, patch]. */
  readonly first: Triple;
  readonly last: Triple;
  /** Which of the private folders: the release takes it from HOME, or from TMPDIR. */
  readonly base: 'home' | 'tmp';
  /** Its app folder below that; `{version}` is the release's own, with three numbers. */
  readonly folder: string;
  /**
   * Members that it wants in the app folder beside the library, under their last name. Where one is missing or another, it
   * writes it anew, and where it cannot, it gives the GPU up. Nothing compiles them.
   */
  readonly sources: readonly string[];
}

type Triple = readonly [number, number, number];

const SOURCES_OF_0_4 = [
  'llama.cpp/ggml.h',
  'llamafile/compcap.cu',
  'llamafile/llamafile.h',
  'llamafile/tinyblas.h',
  'llamafile/tinyblas.cu',
  'llama.cpp/ggml-impl.h',
  'llama.cpp/ggml-cuda.h',
  'llama.cpp/ggml-alloc.h',
  'llama.cpp/ggml-backend.h',
  'llama.cpp/ggml-backend-impl.h',
  'llama.cpp/ggml-cuda.cu',
];
const SOURCES_OF_0_7 = [...SOURCES_OF_0_4, 'llama.cpp/ggml-common.h'];

/**
 * Read in llamafile/{cuda,extract,get_app_dir,is_file_newer_than}.c of each tag from 0.1 to 0.9.3, and in single files of
 * 0.10. Up to 0.6.2 a file that lies there is taken when it is not older than the member, from 0.7 on when its bytes
 * are the member's; the library when it is not older than the sources. Before 0.4 a release has only
 * sources to compile, and what comes after 0.10.6 nobody has looked at: neither has a row, and their app folder stays empty.
 */
const LAYOUTS: readonly LibraryLayout[] = [
  { first: [0, 4, 0], last: [0, 6, 2], base: 'tmp', folder: '.llamafile', sources: SOURCES_OF_0_4 },
  { first: [0, 7, 0], last: [0, 8, 1], base: 'tmp', folder: '.llamafile', sources: SOURCES_OF_0_7 },
  { first: [0, 8, 2], last: [0, 8, 4], base: 'home', folder: '.llamafile', sources: SOURCES_OF_0_7 },
  {
    ...{ first: [0, 8, 5], last: [0, 9, 3], base: 'home', folder: '.llamafile/v/{version}' },
    sources: SOURCES_OF_0_7,
  },
  // It reads no sources; it also looks for $HOME/ggml-cuda.so, where nothing can be made.
  { first: [0, 10, 0], last: [0, 10, 6], base: 'home', folder: '.llamafile/v/{version}', sources: [] },
];

/** The member that each kind of card needs; the Vulkan library of 0.10 is not extracted. */
export const LIBRARIES: Readonly<Record<CardKind, string>> = {
  nvidia: 'ggml-cuda.so',
  amd: 'ggml-rocm.so',
};

/**
 * How a release looks for its GPU libraries; undefined for one of which that is not known.
 * @param version as a verdict has it: "0.8.17", or "0.7" for 0.7.0
 */
export function libraryLayout(version: string): LibraryLayout | undefined {
  const triple = parse(version);
  if (triple === undefined) return undefined;
  const row = LAYOUTS.find(({ first, last }) => compare(first, triple) <= 0 && compare(triple, last) <= 0);
  return row && { ...row, folder: row.folder.replace('{version}', triple.join('.')) };
}

/**
 * What a runtime of these releases loads first, to reach the system's linker. It compiles it with the system's `cc` where
 * it does not lie in TMPDIR, or is older than the llamafile: so paddock's own is put there (src/host/dlopen-helper).
 */
export const DLOPEN_HELPER = '.cosmo/dlopen-helper';

function parse(version: string): Triple | undefined {
  const found = /^(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?$/.exec(version);
  return found === null ? undefined : [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
}

function compare(a: Triple, b: Triple): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
