#!/usr/bin/env node
// What a guarded start costs, as ratios measured side by side in one run: each round starts every case once, in a
// rotating order, so that whatever else the machine does meets all of them alike. Medians and quartiles; no verdict.
//   npm run build && node bench/launch.js [rounds] [--json]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gateRun, loadProduct, PADDOCK, planOf, writeTiny } from './product.js';
import { machine, measure, row, start, which } from './rounds.js';

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
  const file = writeTiny(product, scratch);
  const env = { PATH: process.env.PATH, HOME: scratch, XDG_STATE_HOME: join(scratch, 'state') };
  const run = (program, args) => () => start(program, args, { env, stdio: 'ignore' });
  return [
    { name: 'true', run: run(which('true'), []) },
    { name: 'llamafile, bare', peer: 'true', run: run(file, ['--version']) },
    ...gateCases(product, file, env, scratch),
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
}

/** The gate without the launcher: its start, what the fence adds, and what namespaces add where the host gives them. */
function gateCases(product, file, env, scratch) {
  const peer = 'llamafile, bare';
  const fenced = planOf(file, env, scratch, ['--namespaces', 'off']);
  const whole = planOf(file, env, scratch, ['--namespaces', 'auto']);
  const bare = { ...fenced, operations: fenced.operations.filter(({ op }) => UNFENCED.has(op)) };
  const cases = [
    { name: 'llamafile, gate, no fence', peer, run: gateRun(product, file, bare, scratch) },
    { name: 'llamafile, gate alone', peer, run: gateRun(product, file, fenced, scratch) },
  ];
  if (!whole.protections.includes('namespaces')) return cases;
  return [
    ...cases,
    { name: 'llamafile, gate, namespaces', peer, run: gateRun(product, file, whole, scratch) },
  ];
}

/** What a program needs to be started at all. */
const UNFENCED = new Set([
  ...['subreaper', 'memfd', 'fork', 'death-signal', 'place', 'close-from', 'environment', 'argument'],
  ...['signals', 'exec'],
]);

function report(rows, rounds) {
  const lines = [
    machine(rounds),
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
