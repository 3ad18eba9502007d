#!/usr/bin/env node
// What a fence itself costs: the same tiny program with no fence, in paddock's, and in those of its peers that are installed.
// The cost of a round is the fenced start less the bare one of that round; medians and quartiles; no verdict.
//   npm run build && node bench/fence.js [rounds] [--json] [--peers FOLDER]
// FOLDER is one in which `npm install @anthropic-ai/sandbox-runtime` was run.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gateRun, loadProduct, planOf, writeTiny } from './product.js';
import { machine, measure, quantile, start, which } from './rounds.js';

const BARE = 'no fence';
const PEER = 'bubblewrap, all namespaces';

async function main() {
  const rounds = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 40);
  const scratch = mkdtempSync(join(tmpdir(), 'paddock-bench-'));
  try {
    const times = measure(await makeCases(scratch), rounds);
    const rows = [...times.keys()].map((name) => costOf(name, times));
    console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : report(rows, rounds));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function makeCases(scratch) {
  const product = await loadProduct(scratch);
  const file = writeTiny(product, scratch);
  const env = { PATH: process.env.PATH, HOME: scratch, XDG_STATE_HOME: join(scratch, 'state') };
  const run = (program, args) => () => start(program, args, { env, stdio: 'ignore' });
  const plan = (namespaces) => planOf(file, env, scratch, ['--namespaces', namespaces]);
  const gate = (namespaces) => gateRun(product, file, plan(namespaces), scratch);
  const givesNamespaces = plan('auto').protections.includes('namespaces');
  return [
    { name: BARE, run: run(file, ['--version']) },
    { name: 'paddock-gate', run: gate('off') },
    ...(givesNamespaces ? [{ name: 'paddock-gate, namespaces', run: gate('require') }] : []),
    ...peers(scratch, file).map(({ name, command: [program, ...args] }) => ({
      name,
      run: run(program, args),
    })),
  ];
}

/** Each with everything that it can close for a program that only computes, as far as one command line says it. */
function peers(scratch, file) {
  const found = [
    { name: PEER, program: which('bwrap'), args: [...BUBBLEWRAP, file, '--version'] },
    { name: 'firejail', program: which('firejail'), args: [...FIREJAIL, file, '--version'] },
  ].filter(({ program }) => program !== undefined);
  const commands = found.map(({ name, program, args }) => ({ name, command: [program, ...args] }));
  const runtime = sandboxRuntime();
  if (runtime === undefined) return commands;
  const settings = join(scratch, 'srt.json');
  writeFileSync(settings, JSON.stringify(SANDBOX_RUNTIME));
  const command = [process.execPath, runtime, '--settings', settings, '-c', `${file} --version`];
  return [...commands, { name: 'sandbox-runtime', command }];
}

const BUBBLEWRAP = [
  ...['--ro-bind', '/', '/', '--proc', '/proc', '--dev', '/dev'],
  ...['--unshare-all', '--new-session', '--die-with-parent'],
];
const FIREJAIL = ['--quiet', '--noprofile', '--net=none', '--caps.drop=all', '--nonewprivs', '--seccomp'];
const SANDBOX_RUNTIME = {
  network: { allowedDomains: [], deniedDomains: [] },
  filesystem: { denyRead: [], allowWrite: [], denyWrite: [] },
};

function sandboxRuntime() {
  const at = process.argv.indexOf('--peers');
  const folder = at < 0 ? undefined : process.argv[at + 1];
  if (folder === undefined) return undefined;
  const path = resolve(folder, 'node_modules/@anthropic-ai/sandbox-runtime/dist/cli.js');
  if (!existsSync(path))
    throw new Error(`${path} is not there: npm install @anthropic-ai/sandbox-runtime in ${folder}`);
  return path;
}

function costOf(name, times) {
  const [mine, bare] = [times.get(name), times.get(BARE)];
  const costs = costsOver(mine, bare);
  const peer = times.get(PEER);
  const ratio =
    name === BARE || peer === undefined
      ? undefined
      : quantile(costs, 0.5) / quantile(costsOver(peer, bare), 0.5);
  const quartiles = { lowerMs: quantile(costs, 0.25), upperMs: quantile(costs, 0.75) };
  return { name, medianMs: quantile(mine, 0.5), costMs: quantile(costs, 0.5), ...quartiles, ratio };
}

function costsOver(mine, bare) {
  return mine.map((one, round) => one - bare[round]);
}

function report(rows, rounds) {
  const lines = rows.map(({ name, medianMs, costMs, lowerMs, upperMs, ratio }) => {
    const own = name === BARE ? ['', ''] : [costMs.toFixed(1), `${lowerMs.toFixed(1)}–${upperMs.toFixed(1)}`];
    return `| ${[name, medianMs.toFixed(1), ...own, ratio?.toFixed(2) ?? ''].join(' | ')} |`;
  });
  return [
    machine(rounds),
    '',
    '| fence | start, median ms | its own cost, ms | quartiles | beside bubblewrap’s |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...lines,
  ].join('\n');
}

await main();
