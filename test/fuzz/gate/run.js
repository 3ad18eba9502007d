#!/usr/bin/env node
// Random cases against the gate's own code under the sanitizers: npm run fuzz:gate -- [stream|control|notify] [--cases N] [--seed S] [--from F]
// Without a name: each of them. Ends with 1 at the first thing that does not hold; the case is named, and found again with
// --from F --cases 1 (for `notify`, whose second thread races in some blocks: with the whole block of 500).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const GATE = join(here, '../../../src/gate');
const TARGETS = ['stream', 'control', 'notify'];
const FLAGS = [
  ...['-std=c11', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-fno-omit-frame-pointer'],
  ...['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-Wl,--wrap=ioctl'],
];

const scratch = mkdtempSync(join(tmpdir(), 'gate-fuzz-build-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
const program = join(scratch, 'gate-fuzz');
const named = process.argv.slice(2).filter((word) => TARGETS.includes(word));
const [cases, seed, from] = [option('cases', 100_000), option('seed', 1), option('from', 0)];

build();
for (const target of named.length > 0 ? named : TARGETS) run(target);

function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} wants a whole number`);
  process.exit(2);
}

function build() {
  const sources = (folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(folder, name));
  const gate = sources(GATE).filter((path) => path !== join(GATE, 'main.c'));
  const result = spawnSync(process.env.CC || 'cc', [...FLAGS, '-o', program, ...sources(here), ...gate], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (result.status === 0) return;
  console.error(
    'it is not built: a C compiler with the address and undefined-behaviour sanitizers is needed',
  );
  process.exit(2);
}

function run(target) {
  const started = Date.now();
  const result = spawnSync(program, [target, cases, seed, from].map(String), {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }, // the gate keeps what it reads until it ends
  });
  if (result.status !== 0) {
    console.error(`${target}: ended with ${result.status ?? result.signal}`);
    process.exit(1);
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  console.log(`${target}: ${cases} cases of seed ${seed} from ${from}, nothing went wrong, ${seconds} s\n`);
}
