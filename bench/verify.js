#!/usr/bin/env node
// What judging costs, as ratios measured side by side in one run. Medians and quartiles; no verdict.
//   npm run build && node bench/verify.js [rounds] [--json]
// A file of 16 GiB (a hole, no room on the disk) with 4,000 members, judged without its whole digest, against SHA-256 of
// its first megabytes and against `node -e 0`; and the digest of a whole file against `openssl dgst -sha256`.
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PADDOCK = join(root, 'bin/paddock.js');
const WARM_UP = 2;
const GIB = 2 ** 30;
const DIGESTED_BYTES = GIB;

async function main() {
  const rounds = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 10);
  const scratch = mkdtempSync(join(tmpdir(), 'paddock-bench-'));
  try {
    const cases = await makeCases(scratch);
    const times = await measure(cases, rounds);
    const rows = cases.map(({ name, peer }) => row(name, peer, times));
    console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : report(rows, rounds));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function makeCases(scratch) {
  const { writeSparse, openJudged, digestFile, treeDigest } = await loadProduct(scratch);
  const small = join(scratch, 'small.llamafile');
  const large = join(scratch, 'large.llamafile');
  writeSparse(small, 32 * 2 ** 20, 4000);
  writeSparse(large, 16 * GIB, 4000);
  const prefix = copyStart(large, join(scratch, 'prefix'), statSync(small).size - 32 * 2 ** 20);
  const whole = join(scratch, 'whole');
  writeRandom(whole, DIGESTED_BYTES);
  const env = { PATH: process.env.PATH, HOME: scratch };
  const run = (program, args) => () => start(program, args, env);
  const digest = (work) => async () => {
    const file = openJudged(whole);
    await work(file);
    closeSync(file.fd);
  };
  return [
    { name: 'node -e 0', run: run(process.execPath, ['-e', '0']) },
    { name: 'sha256sum of the same prefix', peer: 'node -e 0', run: run('sha256sum', [prefix]) },
    {
      name: 'paddock verify --quick, 32 MiB of weights',
      peer: 'node -e 0',
      run: run(process.execPath, [PADDOCK, 'verify', '--quick', small]),
    },
    {
      name: 'paddock verify --quick, 16 GiB of weights',
      peer: 'paddock verify --quick, 32 MiB of weights',
      run: run(process.execPath, [PADDOCK, 'verify', '--quick', large]),
    },
    { name: 'openssl dgst -sha256 of 1 GiB', run: run('openssl', ['dgst', '-sha256', whole]) },
    {
      name: 'SHA-256 of 1 GiB',
      peer: 'openssl dgst -sha256 of 1 GiB',
      run: digest((file) => digestFile(file)),
    },
    {
      name: 'tree digest of 1 GiB',
      peer: 'openssl dgst -sha256 of 1 GiB',
      run: digest((file) => treeDigest(file)),
    },
  ];
}

/** The product's own sources, for the writer of large files and the digests. */
async function loadProduct(scratch) {
  const outfile = join(scratch, 'product.mjs');
  await build({
    stdin: {
      contents: `
        export { writeSparse } from './test/fixtures/sparse.ts';
        export { openJudged } from './src/format/open.ts';
        export { digestFile, treeDigest } from './src/integrity/digests/digest.ts';`,
      resolveDir: root,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
    logLevel: 'warning',
  });
  return import(outfile);
}

function copyStart(from, to, length) {
  const bytes = Buffer.alloc(length);
  const fd = openSync(from, 'r');
  readSync(fd, bytes, 0, length, 0);
  closeSync(fd);
  writeFileSync(to, bytes);
  return to;
}

function writeRandom(path, length) {
  const block = randomFillSync(Buffer.alloc(16 * 2 ** 20));
  const fd = openSync(path, 'w');
  for (let done = 0; done < length; done += block.length) writeSync(fd, block);
  closeSync(fd);
}

async function measure(cases, rounds) {
  const times = new Map(cases.map(({ name }) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (let turn = 0; turn < cases.length; turn++) {
      const { name, run } = cases[(turn + Math.abs(round)) % cases.length];
      const begin = process.hrtime.bigint();
      await run();
      if (round >= 0) times.get(name).push(Number(process.hrtime.bigint() - begin) / 1e6);
    }
  }
  return times;
}

function start(program, args, env) {
  const result = spawnSync(program, args, { env, stdio: 'ignore' });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit ${result.status ?? result.signal}`);
}

function row(name, peer, times) {
  const median = (of) => quantile(times.get(of), 0.5);
  return {
    name,
    medianMs: median(name),
    lowerMs: quantile(times.get(name), 0.25),
    upperMs: quantile(times.get(name), 0.75),
    peer,
    ratio: peer === undefined ? undefined : median(name) / median(peer),
  };
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function report(rows, rounds) {
  const cpu = cpus();
  return [
    `Node ${process.versions.node}, Linux ${release()}, ${cpu.length} × ${cpu[0]?.model.trim()}; ${rounds} rounds`,
    '',
    '| case | median ms | quartiles | compared with | time ratio |',
    '| --- | ---: | ---: | --- | ---: |',
    ...rows.map(
      ({ name, medianMs, lowerMs, upperMs, peer, ratio }) =>
        `| ${name} | ${medianMs.toFixed(1)} | ${lowerMs.toFixed(1)}–${upperMs.toFixed(1)} | ${peer ?? ''} | ${ratio?.toFixed(2) ?? ''} |`,
    ),
  ].join('\n');
}

await main();
