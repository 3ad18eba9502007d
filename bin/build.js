#!/usr/bin/env node
// Builds what `npm install` and `npm run build` need: the C programs with `cc`, and the bundle with esbuild.
//   node bin/build.js             everything; any failure is an error
//   node bin/build.js --install   what can be built here; says plainly what is missing and goes on
//   node bin/build.js --only NAME --into FOLDER  one C program, in another folder: where install scripts are blocked
//   node bin/build.js --sanitize  C programs once more in dist/sanitized, with address and undefined-behaviour checks
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const installing = process.argv.includes('--install');
const sanitizing = process.argv.includes('--sanitize');
const only = optionValue('--only');
const into = optionValue('--into') ?? dist;

const STRICT = ['-std=c11', '-O2', '-g', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE'];
// Some distributions set _FORTIFY_SOURCE themselves, and setting it twice is a warning.
const HARDENED = ['-fstack-protector-strong', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'];
const SANITIZED = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-fno-omit-frame-pointer'];

// No C library, and far above the addresses of the programs that it loads.
const FREESTANDING = [
  ...['-ffreestanding', '-nostdlib', '-static', '-no-pie', '-fPIC', '-s', '-Wl,-Ttext-segment=0x600000000'],
  ...['-fno-stack-protector', '-fcf-protection=none', '-fno-asynchronous-unwind-tables'],
  ...['-fno-tree-loop-distribute-patterns', '-Wl,--build-id=none', '-Wl,-z,noexecstack'],
];

/** name → sources (every .c file of the folders) and flags. `only`: the one processor that the program is for. */
const PROGRAMS = [
  { name: 'paddock-gate', folders: ['src/gate'], flags: [] },
  { name: 'demo-engine', folders: ['src/demo/engine'], flags: ['-O3', '-pthread', '-lm'] },
  {
    name: 'demo-attacker',
    folders: ['src/demo/engine', 'src/demo/attacker'],
    flags: ['-O3', '-DDEMO_ATTACK', '-pthread', '-lm', `-I${join(root, 'src/demo/engine')}`],
  },
  // Libraries of drivers can only be loaded by a program that is not static.
  { name: 'gpu-probe', folders: ['src/host/gpu-probe'], flags: ['-ldl'], dynamic: true },
  // A llamafile maps it at any address, and its linker is the system's.
  {
    name: 'dlopen-helper',
    folders: ['src/host/dlopen-helper'],
    flags: ['-fPIE', '-pie', '-Wl,-z,noexecstack', '-ldl'],
    dynamic: true,
  },
  { name: 'ape-loader', folders: ['src/demo/loader'], flags: FREESTANDING, freestanding: true, only: 'x64' },
];

async function main() {
  if (only !== undefined) return buildOne(only);
  mkdirSync(dist, { recursive: true });
  const problems = [];
  if (process.platform === 'linux') {
    for (const program of PROGRAMS) {
      if (program.only !== undefined && program.only !== process.arch) continue;
      if (program.freestanding && sanitizing) continue;
      const problem = compile(program, sanitizing);
      if (problem !== undefined) problems.push(problem);
    }
  }
  if (!sanitizing) await bundle();
  if (problems.length === 0) return;
  for (const problem of problems) console.error(`paddock: ${problem}`);
  if (!installing) process.exit(1);
  console.error(
    'paddock: `paddock verify` and `paddock inspect` work without; `paddock run` needs paddock-gate.',
  );
}

function optionValue(name) {
  const index = process.argv.indexOf(name);
  return index < 0 ? undefined : process.argv[index + 1];
}

function buildOne(name) {
  const program = PROGRAMS.find((one) => one.name === name);
  const problem = program === undefined ? `there is no program ${name}` : compile(program, false);
  if (problem === undefined) return;
  console.error(problem);
  process.exit(1);
}

/** Compiles one program; returns what went wrong, or undefined. A static program starts faster and needs no loader. */
function compile({ name, folders, flags, freestanding, dynamic }, sanitize) {
  const sources = folders.flatMap(cFiles);
  if (sources.length === 0) return undefined;
  const cc = process.env.CC || 'cc';
  const outputFolder = sanitize ? join(dist, 'sanitized') : into;
  mkdirSync(outputFolder, { recursive: true });
  const libraries = flags.filter((flag) => flag.startsWith('-l'));
  const others = flags.filter((flag) => !flag.startsWith('-l'));
  const output = join(outputFolder, name);
  const attempts = sanitize
    ? [SANITIZED]
    : freestanding
      ? [[]]
      : [...(dynamic ? [] : [[...HARDENED, '-static']]), HARDENED];
  let last = '';
  for (const extra of attempts) {
    const result = spawnSync(cc, [...STRICT, ...others, ...extra, '-o', output, ...sources, ...libraries], {
      encoding: 'utf8',
    });
    if (result.status === 0) return undefined;
    if (result.error?.code === 'ENOENT') {
      return `${name} is not built: there is no C compiler (\`${cc}\`). On Debian and Ubuntu: apt-get install gcc libc6-dev; then: npm rebuild llama-paddock`;
    }
    last = result.stderr ?? String(result.error);
  }
  return `${name} is not built: \`${cc}\` failed:\n${last.split('\n').slice(0, 20).join('\n')}`;
}

function cFiles(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  const files = readdirSync(path).filter((file) => file.endsWith('.c'));
  return files.sort().map((file) => join(path, file));
}

/** One ES module for each command, loaded when it is used. In the published package the bundle is already there. */
async function bundle() {
  const entry = join(root, 'src/cli/main.ts');
  if (!existsSync(entry)) return;
  let esbuild;
  try {
    esbuild = await import('esbuild');
  } catch (cause) {
    if (installing) return;
    throw cause;
  }
  const { compiledPresets } = await import('./presets.js');
  const folder = join(dist, 'cli');
  const fresh = join(dist, `cli-${process.pid}`);
  await esbuild.build({
    // The second one is started as a thread, by its name.
    entryPoints: { main: entry, 'verify-worker': join(root, 'src/cli/verify/worker.ts') },
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifySyntax: true,
    minifyWhitespace: true,
    external: ['node-pty'],
    loader: { '.tsv': 'text', '.yaml': 'text' },
    banner: {
      js: "import{createRequire as __paddockRequire}from'node:module';const require=__paddockRequire(import.meta.url);",
    },
    plugins: [await compiledPresets(esbuild, root, dist)],
    logLevel: 'warning',
  });
  // Whole or not at all: somebody may be running the one that is there.
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
}

await main();
