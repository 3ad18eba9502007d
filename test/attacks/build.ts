import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildApe } from '../../src/demo/ape-writer.ts';
import { writeGguf } from '../../src/demo/gguf-writer.ts';
import { appendBaseZip, type ZipEntry } from '../../src/demo/zip-writer.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const PROGRAMS = join(ROOT, 'test/attacks/programs');
/** Static, so that it needs no loader inside the fence, and not relocatable, so that i386 calls can name its memory. */
const FLAGS = [
  '-std=c11',
  '-O1',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-D_GNU_SOURCE',
  '-static',
  '-no-pie',
  '-pthread',
];

/** What makes a program a llamafile: weights in a zip. */
const WEIGHTS: readonly ZipEntry[] = [
  {
    name: 'model.gguf',
    content: writeGguf({
      metadata: [['general.architecture', 'string', 'llama']],
      tensors: [{ name: 'token_embd.weight', dims: [32], type: 'F32', data: Buffer.alloc(128) }],
    }),
    method: 'stored',
  },
];

/** What the attempts of one test file share. */
export interface Bench {
  readonly folder: string;
  /** The attack program itself, for control runs. */
  readonly program: string;
  /** The same program as a llamafile in ELF form: a zip with weights behind it. */
  readonly llamafile: string;
  /** And in APE form, with a loader of ours, which a policy must trust by its digest; on x86-64. */
  readonly ape: { readonly path: string; readonly policy: string } | undefined;
  /** Command line of the product. */
  readonly paddock: readonly string[];
  remove(): void;
}

export interface BenchOptions {
  readonly sanitized: boolean;
  /** The Landlock ABI that the host is said to have; at most the one that it has. */
  readonly landlockAbi?: number;
}

/**
 * Builds the attack program, wraps it, and lays out the product. With `sanitized` the product is a copy whose gate was
 * compiled with the address and undefined-behaviour sanitizers (`node bin/build.js --sanitize` makes it).
 */
export function buildBench(options: BenchOptions): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'paddock-attacks-'));
  chmodSync(folder, 0o755);
  const program = join(folder, 'attack');
  const sources = readdirSync(PROGRAMS).filter((name) => name.endsWith('.c'));
  compile(program, sources);
  const llamafile = join(folder, 'attack.llamafile');
  writeFileSync(llamafile, appendBaseZip(readFileSync(program), WEIGHTS), { mode: 0o755 });
  return {
    folder,
    program,
    llamafile,
    ape: buildApeForm(folder, program),
    paddock: [process.execPath, join(copyProduct(folder, options), 'bin/paddock.js')],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function compile(output: string, sources: readonly string[]): void {
  const result = spawnSync(process.env.CC || 'cc', [...FLAGS, '-o', output, ...sources], {
    cwd: PROGRAMS,
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`the attack program does not compile:\n${result.stderr}`);
}

function buildApeForm(folder: string, program: string): Bench['ape'] {
  const loaderPath = join(ROOT, 'dist/ape-loader');
  if (process.arch !== 'x64' || !existsSync(loaderPath)) return undefined;
  const loader = readFileSync(loaderPath);
  const path = join(folder, 'attack.ape.llamafile');
  const parts = { x86Elf: readFileSync(program), loaders: { x86: loader }, zipEntries: WEIGHTS };
  writeFileSync(path, buildApe(parts), { mode: 0o755 });
  const digest = createHash('sha256').update(loader).digest('hex');
  return { path, policy: `apiVersion: paddock/v1\ntrust:\n  loaders: ['${digest}']\n` };
}

// A copy, because another user must be able to read it, and because the gate in it may be another one.
function copyProduct(folder: string, { sanitized, landlockAbi }: BenchOptions): string {
  const product = join(folder, 'product');
  for (const part of ['bin', 'dist', 'policies', 'package.json', 'src/gate']) {
    if (existsSync(join(ROOT, part))) cpSync(join(ROOT, part), join(product, part), { recursive: true });
  }
  if (sanitized) cpSync(join(ROOT, 'dist/sanitized/paddock-gate'), join(product, 'dist/paddock-gate'));
  if (landlockAbi !== undefined) sayLowerAbi(join(product, 'dist/paddock-gate'), landlockAbi);
  symlinkSync(join(ROOT, 'node_modules'), join(product, 'node_modules'));
  return product;
}

// The plan comes from what the gate says of the host: its answer is changed on the way, and nothing in the product. What a
// ruleset does not handle is as open then as on a kernel that does not know it.
function sayLowerAbi(gate: string, landlockAbi: number): void {
  renameSync(gate, `${gate}-itself`);
  const lines = [
    '#!/bin/sh',
    `[ "$1" = --probe ] || exec "$0-itself" "$@"`,
    `"$0-itself" "$@" | sed 's/"landlockAbi":[0-9]*/"landlockAbi":${landlockAbi}/'`,
  ];
  writeFileSync(gate, `${lines.join('\n')}\n`, { mode: 0o755 });
}
