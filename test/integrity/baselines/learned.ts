import { createHash } from 'node:crypto';
import { type ApeParts, buildApe, syntheticElf } from '../../../src/demo/ape-writer.ts';
import type { ZipEntry } from '../../../src/demo/zip-writer.ts';
import { readAnatomy } from '../../../src/format/read.ts';
import { bufferSource } from '../../../src/format/source.ts';
import type { Baseline } from '../../../src/integrity/baselines/baseline.ts';
import { describeBaseline } from '../../../src/integrity/baselines/describe.ts';

export const LOADER = syntheticElf({ code: Buffer.alloc(64, 0x90) });

export const RELEASE_ENTRIES: readonly ZipEntry[] = [
  { name: '.symtab.amd64', content: Buffer.alloc(900, 'sym '), method: 'deflated' },
  { name: 'llama.cpp/ggml-cuda.cu', content: Buffer.from('__global__ void f();\n'), method: 'deflated' },
  { name: 'llama.cpp/ggml.h', content: Buffer.from('/* a header */\n') },
  { name: 'llama.cpp/server/public/index.html', content: Buffer.from('<p>hello</p>\n') },
  { name: 'llamafile/schema.sql', content: Buffer.from('create table t (a);\n') },
  { name: 'third_party/mbedtls/sslroot/a.pem', content: Buffer.from('-----BEGIN\n') },
  { name: 'usr/share/zoneinfo/UTC', content: Buffer.alloc(500, 'utc '), method: 'deflated' },
];

/** Code of several pieces of 64 KiB, no two of them alike. */
export function codeOf(seed: string, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let index = 0; index * 32 < length; index++) {
    blocks.push(createHash('sha256').update(`${seed} ${index}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** A release: fat, with code of several pieces for both processors. */
export function release(changes: Partial<ApeParts> = {}, seed = 'release'): Buffer {
  const data = codeOf(`${seed} data`, 300);
  return buildApe({
    x86Elf: syntheticElf({ code: codeOf(`${seed} x86`, 200_000), data }),
    arm: syntheticElf({ architecture: 'aarch64', code: codeOf(`${seed} arm`, 150_000), data }),
    loaders: { x86: LOADER, m1Source: Buffer.from('int main(void) { return 0; }\n') },
    zipEntries: RELEASE_ENTRIES,
    ...changes,
  });
}

/** Other code, of another length, in the same archive: what somebody else's build looks like. */
export function otherBuild(entries: readonly ZipEntry[] = RELEASE_ENTRIES): Buffer {
  return release(
    {
      x86Elf: syntheticElf({ code: codeOf('other', 210_000), data: codeOf('other data', 400) }),
      arm: syntheticElf({
        architecture: 'aarch64',
        code: codeOf('other arm', 170_000),
        data: codeOf('other arm data', 400),
      }),
      zipEntries: entries,
    },
    'other',
  );
}

export async function learn(bytes: Buffer, name = 'llamafile-9.0', version = '9.0'): Promise<Baseline> {
  const source = bufferSource(bytes);
  return describeBaseline(readAnatomy(source), source, name, version);
}
