#!/usr/bin/env node
// Many mutated files through every reader and check: npm run fuzz -- [--cases N] [--seed S] [--jobs J] [--from F]
// Ends with 1 if a case threw anything but a PaddockError, took longer than 2 seconds, or a process took more than 200 MB.
// One case again, with its file written for a look: npm run fuzz -- --case N [--seed S]
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const HANG_MS = 2000;

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} wants a whole number`);
  process.exit(2);
};
const cases = option('cases', 20_000);
const seed = option('seed', 1);
const from = option('from', 0);
const jobs = Math.max(1, option('jobs', Math.min(4, availableParallelism())));

const scratch = mkdtempSync(join(here, '../../dist/fuzz-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const text = {
  name: 'text-files',
  setup: (setup) =>
    setup.onLoad({ filter: /\.(tsv|yaml)$/ }, ({ path }) => ({
      contents: `export default ${JSON.stringify(readFileSync(path, 'utf8'))};`,
    })),
};
for (const name of ['worker', 'targets']) {
  await build({
    entryPoints: [join(here, `${name}.ts`)],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile: join(scratch, `${name}.mjs`),
    plugins: [text],
    logLevel: 'error',
  });
}

process.exitCode = process.argv.includes('--case') ? await once(option('case', 0)) : await campaign();

async function once(number) {
  const { caseBytes, runCase } = await import(pathToFileURL(join(scratch, 'targets.mjs')).href);
  const bytes = caseBytes(seed, number);
  const path = join(tmpdir(), `paddock-fuzz-${seed}-${number}`);
  writeFileSync(path, bytes);
  console.log(`case ${number} of seed ${seed}: ${bytes.length} bytes, written to ${path}`);
  console.log(await runCase(bytes));
  return 0;
}

async function campaign() {
  const started = Date.now();
  const shards = await Promise.all(Array.from({ length: jobs }, (_, index) => shard(from + index)));
  const results = {};
  for (const [name, count] of shards.flatMap((one) => Object.entries(one.results))) {
    results[name] = (results[name] ?? 0) + count;
  }
  const failures = shards.flatMap((one) => one.failures);
  const peak = Math.max(...shards.map((one) => one.peakBytes));
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `${cases} cases, seed ${seed}, ${jobs} processes, ${seconds} s, at most ${Math.round(peak / 1e6)} MB in one process`,
  );
  for (const [name, count] of Object.entries(results).sort(([, a], [, b]) => b - a))
    console.log(`  ${name}: ${count}`);
  for (const failure of failures.slice(0, 20)) console.log(failure);
  const counted = Object.values(results).reduce((sum, count) => sum + count, 0);
  if (counted + failures.length < cases) failures.push('some cases did not run');
  console.log(failures.length === 0 ? 'nothing went wrong' : `${failures.length} went wrong`);
  return failures.length === 0 ? 0 : 1;
}

// A hanging case ends its process; the shard goes on behind it in a new one.
async function shard(first) {
  const total = { results: {}, failures: [], peakBytes: 0 };
  for (let next = first; next < from + cases; ) next = await attempt(next, total);
  return total;
}

function attempt(first, total) {
  return new Promise((resolve) => {
    const args = [seed, first, from + cases, jobs].map(String);
    const child = fork(join(scratch, 'worker.mjs'), args, { env: { PATH: process.env.PATH } });
    let current = first;
    let ended = false;
    let watchdog;
    const arm = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        total.failures.push(`case ${current}: more than ${HANG_MS} ms`);
        child.kill('SIGKILL');
      }, HANG_MS);
    };
    child.on('message', (message) => {
      if ('started' in message) {
        current = message.started;
        arm();
      } else if ('failed' in message) {
        total.failures.push(`case ${message.failed}: ${message.error}`);
      } else {
        ended = true;
        for (const [name, count] of Object.entries(message.results)) {
          total.results[name] = (total.results[name] ?? 0) + count;
        }
        total.peakBytes = Math.max(total.peakBytes, message.peakBytes);
        if (message.tooLarge) total.failures.push(`a process took ${Math.round(message.peakBytes / 1e6)} MB`);
      }
    });
    child.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      if (ended) return resolve(from + cases);
      if (signal !== 'SIGKILL')
        total.failures.push(`case ${current}: the process ended with ${code ?? signal}`);
      resolve(current + jobs);
    });
  });
}
