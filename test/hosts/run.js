#!/usr/bin/env node
// The gate's tests and a part of the attacks on other kernels: Debian's, each booted in QEMU without KVM, with unified
// control groups. As root, with qemu-system-x86_64, mmdebstrap, mke2fs and xz, and a built product:
//   npm run build && node test/hosts/run.js [SUITE...] [--parts gate,root,user] [--attacks PATTERN] [--minutes N] [--memory 2G] [--cpus 1]
// Results: .hosts/SUITE.json, the guest's screen .hosts/SUITE.log; a table of all that are there on standard output.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { boot } from './boot.js';
import { makeInitramfs, makeRoot } from './image.js';
import { fetchKernel, fetchUserland } from './packages.js';
import { collect, table } from './results.js';

const product = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const work = join(product, '.hosts');

/** A kernel without Landlock, and three with what came since: files; networks and scopes; audit and later. */
const SUITES = ['bullseye', 'bookworm', 'trixie', 'trixie-backports'];
/** What every userland runs: what is measured is the kernel. */
const USERLAND = 'bookworm';
/** One or two of each kind: the whole suite takes hours there. */
const ATTACKS = [
  'read a private key in the home$',
  'truncate a file$',
  'reach out by TCP over IPv4 .no network',
  'reach out by an abstract unix socket .serving',
  'connect through io_uring$',
  'listen at another port$',
  'signal the launcher with kill$',
  'signal the supervisor with kill$',
  'execute a shell$',
  'a mount namespace$',
  'a thousand processes$',
  'half a gibibyte in eight processes$',
  'outlive the session: a daemon$',
  'outlive the session: a program whose launcher is killed$',
].join('|');
const PARTS = 'gate,root,user';

async function main() {
  const options = readOptions(process.argv.slice(2));
  mkdirSync(work, { recursive: true });
  const userland = fetchUserland(join(work, 'userland'), USERLAND);
  for (const suite of options.suites) {
    const kernel = fetchKernel(join(work, `kernel-${suite}`), suite);
    console.log(`${suite}: Linux ${kernel.version}`);
    const files = {
      kernel: kernel.image,
      initramfs: makeInitramfs(join(work, `${suite}.cpio`), kernel, userland),
      root: makeRoot(join(work, `${suite}.ext4`), {
        userland,
        product,
        attacks: options.attacks,
        parts: options.parts,
      }),
      screen: join(work, `${suite}.log`),
      results: join(work, `${suite}.lines`),
    };
    const end = await boot(files, options);
    const results = collect(readFileSync(files.results, 'utf8'), { suite, version: kernel.version, end });
    writeFileSync(join(work, `${suite}.json`), `${JSON.stringify(results, null, 2)}\n`);
    if (!results.complete) {
      console.error(`${suite}: not complete, ${end}: see ${files.screen}`);
      process.exitCode = 1;
    }
  }
  const all = readdirSync(work).filter((name) => name.endsWith('.json'));
  console.log(table(all.map((name) => JSON.parse(readFileSync(join(work, name), 'utf8')))));
}

function readOptions(words) {
  const options = { attacks: ATTACKS, parts: PARTS, minutes: '60', memory: '2G', cpus: '1' };
  const suites = [];
  for (let at = 0; at < words.length; at++) {
    const name = words[at].replace(/^--/, '');
    if (name === words[at]) suites.push(name);
    else if (name in options && words[at + 1] !== undefined) options[name] = words[++at];
    else
      throw new Error(
        `${words[at]}: expected a suite, or one of --${Object.keys(options).join(', --')} with a value`,
      );
  }
  return { ...options, minutes: Number(options.minutes), suites: suites.length > 0 ? suites : SUITES };
}

await main();
