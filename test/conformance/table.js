#!/usr/bin/env node
// Judges and runs real APE programs, and prints the table of docs/conformance.md.
//   node test/conformance/table.js DIR [GGUF]    DIR holds <tag>/<program>, for example from a public collection of APE programs
// With GGUF the weights and an `.args` are appended to every `make` and `cocmd` in the way of zipalign, and all is done again.
// Every program is run twice with the same arguments: bare (`sh ./program …`, as a user would) and by `paddock run`.
// "same" means: the same standard output (but for the program's own name and working directory), the same exit code. The programs themselves are never part of this repository.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const paddock = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'bin/paddock.js');

/** What to run, by the program's name without extension. Programs that need input of their own show their usage. */
const ARGUMENTS = {
  cocmd: ['-c', 'echo hi && exit 7'],
  echo: ['hi', 'there'],
  make: ['--version'],
  pwd: ['--help'],
  gzip: ['--version'],
};

async function main() {
  const root = process.argv[2];
  if (root === undefined) throw new Error('usage: table.js DIR');
  const scratch = mkdtempSync(join(tmpdir(), 'paddock-conformance-'));
  const append = process.argv[3] === undefined ? undefined : await zipalign(readFileSync(process.argv[3]));
  console.log('| tag | program | form | bytes | accounted | verdict | loader | run | exit |');
  console.log('|---|---|---|--:|--:|---|---|---|--:|');
  try {
    for (const tag of readdirSync(root).sort(byVersion)) {
      for (const program of readdirSync(join(root, tag)).sort()) {
        const file = join(root, tag, program);
        console.log(row(file, tag, program, scratch));
        if (append !== undefined && ['make', 'cocmd'].includes(basename(program, '.com'))) {
          console.log(row(append(file, scratch), tag, `${program} + GGUF`, scratch));
        }
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

// Our own writer, which the product's demo uses; bundled on the fly because it is TypeScript.
async function zipalign(gguf) {
  const { build } = await import('esbuild');
  const source = fileURLToPath(new URL('../../src/demo/zip-writer.ts', import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    platform: 'node',
    format: 'esm',
    write: false,
  });
  const writer = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
  );
  const entries = [
    { name: 'model.gguf', content: gguf },
    { name: '.args', content: Buffer.from('-m\nmodel.gguf\n...\n') },
  ];
  return (file, scratch) => {
    const path = join(mkdtempSync(join(scratch, 'appended-')), basename(file));
    writeFileSync(path, writer.zipalignAppend(readFileSync(file), entries), { mode: 0o755 });
    return path;
  };
}

function row(file, tag, program, scratch) {
  const anatomy = json(['inspect', '--json', file]);
  const verdict = json(['verify', '--json', file]);
  const result = Array.isArray(verdict.files) ? verdict.files[0] : verdict;
  const unaccounted = anatomy.regions
    .filter((region) => region.kind === 'unaccounted')
    .reduce((sum, region) => sum + region.length, 0);
  const share = (((anatomy.size - unaccounted) / anatomy.size) * 100).toFixed(unaccounted === 0 ? 0 : 1);
  const args = ARGUMENTS[basename(file, '.com')] ?? [];
  const bare = runBare(file, args, scratch);
  const guarded = spawnSync(process.execPath, [paddock, 'run', '--quiet', file, ...args], options(scratch));
  const same = plain(bare, bare.folder) === plain(guarded, scratch) && bare.status === guarded.status;
  const told = same ? 'same' : `differs (bare ${bare.status})`;
  const loader = result.verdict?.loader?.known ? 'known' : result.verdict?.loader ? 'unknown' : 'none';
  return `| ${tag} | ${program} | ${anatomy.form} | ${anatomy.size} | ${share} % | ${result.verdict?.standing ?? result.error?.code ?? '?'} | ${loader} | ${told} | ${guarded.status ?? guarded.signal} |`;
}

// What differs by design: the program's own name (it is run by descriptor) and the working directory (it is private).
function plain({ stdout }, folder) {
  return stdout
    .replaceAll(/\/proc\/self\/fd\/9|\S*\/paddock-\w+\/program/g, '$0')
    .replaceAll(/\S*\/paddock-\w+\/work/g, '$PWD')
    .replaceAll(`${folder}/home`, '$PWD')
    .replaceAll(new RegExp(`${folder}/[\\w.]+`, 'g'), '$0');
}

function runBare(file, args, scratch) {
  const folder = mkdtempSync(join(scratch, 'bare-'));
  const copy = join(folder, basename(file));
  cpSync(file, copy);
  chmodSync(copy, 0o755);
  return { ...spawnSync('sh', [copy, ...args], options(folder)), folder };
}

function options(folder) {
  const home = join(folder, 'home');
  mkdirSync(home, { recursive: true });
  return {
    cwd: home,
    env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, XDG_STATE_HOME: join(folder, 'state') },
    encoding: 'latin1',
    input: '',
    timeout: 20_000,
  };
}

function json(args) {
  const result = spawnSync(process.execPath, [paddock, ...args], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
  try {
    return JSON.parse(result.stdout);
  } catch (cause) {
    throw new Error(`paddock ${args.join(' ')}: ${result.stderr}`, { cause });
  }
}

function byVersion(a, b) {
  return a.localeCompare(b, 'en', { numeric: true });
}

await main();
