#!/usr/bin/env node
// What a guarded start costs, as ratios measured side by side in one run: each round starts every case once, in a
// rotating order, so that whatever else the machine does meets all of them alike. Medians and quartiles; no verdict.
//   npm run build && node bench/launch.js [rounds] [--json]
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PADDOCK = join(root, 'bin/paddock.js');
const GATE = join(root, 'dist/paddock-gate');
const WARM_UP = 3;

async function main() {
  const rounds = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 30);
  const scratch = mkdtempSync(join(tmpdir(), 'paddock-bench-'));
  try {
    const cases = await makeCases(scratch);
    const times = measure(cases, rounds);
    const rows = cases.map(({ name, peer }) => row(name, peer, times));
    console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : report(rows, rounds));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The cases: a name, the case that it is compared with, and how it is run. */
async function makeCases(scratch) {
  const product = await loadProduct(scratch);
  const file = join(scratch, 'tiny.llamafile');
  writeFileSync(file, product.llamafile());
  chmodSync(file, 0o755);
  const env = { PATH: process.env.PATH, HOME: scratch, XDG_STATE_HOME: join(scratch, 'state') };
  const run = (program, args) => () => start(program, args, { env, stdio: 'ignore' });
  const cases = [
    { name: 'true', run: run(which('true'), []) },
    { name: 'llamafile, bare', peer: 'true', run: run(file, ['--version']) },
    {
      name: 'llamafile, gate alone',
      peer: 'llamafile, bare',
      run: gateRun(product, file, planOf(file, env, scratch), scratch),
    },
    { name: 'node -e 0', peer: 'true', run: run(process.execPath, ['-e', '0']) },
    {
      name: 'paddock --version',
      peer: 'node -e 0',
      run: run(process.execPath, [PADDOCK, '--version']),
    },
    {
      name: 'paddock verify',
      peer: 'node -e 0',
      run: run(process.execPath, [PADDOCK, 'verify', file]),
    },
    {
      name: 'paddock run',
      peer: 'node -e 0',
      run: run(process.execPath, [PADDOCK, 'run', file, '--version']),
    },
  ];
  const bwrap = which('bwrap');
  if (bwrap !== undefined) {
    const fence = [
      '--ro-bind',
      '/',
      '/',
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      '--unshare-all',
      '--die-with-parent',
    ];
    cases.push({
      name: 'llamafile, bwrap',
      peer: 'llamafile, bare',
      run: run(bwrap, [...fence, file, '--version']),
    });
  }
  return cases;
}

/** The product's own sources, for the writer of llamafiles and the gate's wire format. */
async function loadProduct(scratch) {
  const outfile = join(scratch, 'product.mjs');
  await build({
    stdin: {
      contents: `
        export { buildDemoLlamafile } from './src/demo/build.ts';
        export { buildDemoModel } from './src/demo/model.ts';
        export { encodeOperations } from './src/launch/operations.ts';`,
      resolveDir: root,
    },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
    logLevel: 'warning',
  });
  const product = await import(outfile);
  const engine = readFileSync(join(root, 'dist/demo-engine'));
  const parts = { engine, model: product.buildDemoModel(), args: '-m\nmodel.gguf\n...\n', form: 'elf' };
  return { ...product, llamafile: () => product.buildDemoLlamafile(parts) };
}

/** A plan that is only printed names no folder of its own: it gets one here. */
function planOf(file, env, scratch) {
  const result = spawnSync(process.execPath, [PADDOCK, 'run', '--dry-run', file, '--version'], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status !== 0) throw new Error(`paddock run --dry-run: ${result.stderr}`);
  const { root: placeholder } = JSON.parse(result.stdout).directories;
  const folder = join(scratch, 'session');
  return JSON.parse(result.stdout.replaceAll(JSON.stringify(placeholder).slice(1, -1), folder));
}

/** The plan as \`paddock run\` would hand it over, without control groups, which are the launcher's work. */
function gateRun({ encodeOperations }, file, plan, scratch) {
  for (const folder of Object.values(plan.directories)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const operations = plan.operations.filter(({ op }) => op !== 'cgroup' && op !== 'join').map(revive);
  const order = join(scratch, 'operations');
  writeFileSync(order, encodeOperations(operations));
  return () => {
    const [given, events, judged] = [openSync(order, 'r'), openSync('/dev/null', 'w'), openSync(file, 'r')];
    try {
      start(GATE, [], { env: {}, stdio: ['ignore', 'ignore', 'ignore', given, events, 'pipe', judged] });
    } finally {
      for (const fd of [given, events, judged]) closeSync(fd);
    }
  };
}

/** JSON has neither 64-bit numbers nor bytes. */
function revive(operation) {
  const revived = { ...operation };
  for (const key of ['fs', 'net', 'scoped', 'access', 'soft', 'hard']) {
    if (key in revived) revived[key] = BigInt(revived[key]);
  }
  if (revived.instructions !== undefined) revived.program = program(revived.instructions);
  return revived;
}

function program(instructions) {
  return Buffer.concat(
    instructions.map((line) => {
      const [code, jt, jf, k] = line.split(' ');
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16LE(Number.parseInt(code, 16));
      bytes[2] = Number(jt);
      bytes[3] = Number(jf);
      bytes.writeUInt32LE(Number(k), 4);
      return bytes;
    }),
  );
}

function measure(cases, rounds) {
  const times = new Map(cases.map(({ name }) => [name, []]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (let turn = 0; turn < cases.length; turn++) {
      const { name, run } = cases[(turn + Math.abs(round)) % cases.length];
      const begin = process.hrtime.bigint();
      run();
      if (round >= 0) times.get(name).push(Number(process.hrtime.bigint() - begin) / 1e6);
    }
  }
  return times;
}

function start(program, args, options) {
  const result = spawnSync(program, args, options);
  if (result.error !== undefined) throw result.error;
  // paddock verify says 1 for an unknown runtime under a policy that refuses it.
  if (result.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: exit ${result.status ?? result.signal}`);
}

function which(name) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const paths = folders.map((folder) => join(folder, name)).filter((path) => existsSync(path));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false; // found, but not for us
    }
  });
}

function row(name, peer, times) {
  const mine = times.get(name);
  const ratio = peer === undefined ? undefined : quantile(mine, 0.5) / quantile(times.get(peer), 0.5);
  return {
    name,
    medianMs: quantile(mine, 0.5),
    lowerMs: quantile(mine, 0.25),
    upperMs: quantile(mine, 0.75),
    peer,
    ratio,
  };
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

function report(rows, rounds) {
  const cpu = cpus();
  const lines = [
    `Node ${process.versions.node}, Linux ${release()}, ${cpu.length} × ${cpu[0]?.model.trim()}; ${rounds} rounds`,
    '',
    '| start of | median ms | quartiles | compared with | ratio |',
    '| --- | ---: | ---: | --- | ---: |',
    ...rows.map(
      ({ name, medianMs, lowerMs, upperMs, peer, ratio }) =>
        `| ${name} | ${medianMs.toFixed(1)} | ${lowerMs.toFixed(1)}–${upperMs.toFixed(1)} | ${peer ?? ''} | ${ratio?.toFixed(2) ?? ''} |`,
    ),
  ];
  return lines.join('\n');
}

await main();
