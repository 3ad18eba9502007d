#!/usr/bin/env node
// Many sessions in a row and at once, and what they leave behind: npm run stress -- [--in-a-row N] [--at-once N]
// Ends with 1 if a session failed, or if a process, descriptor, listener, control group, file, socket, lock or lease was left.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const product = dirname(dirname(here));

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} wants a whole number`);
  process.exit(2);
};
const numbers = { inARow: option('in-a-row', 1000), atOnce: option('at-once', 50) };

const { stress } = await bundled();
const result = await stress({
  ...numbers,
  engine: join(product, 'dist/demo-engine'),
  paddock: [process.execPath, join(product, 'bin/paddock.js')],
});
const { failures, left, inARowMs, atOnceMs, residentBytes } = result;
const MIB = 2 ** 20;
const [before, after] = residentBytes.map((bytes) => Math.round(bytes / MIB));
console.log(
  `${numbers.inARow} in a row: ${(inARowMs / Math.max(1, numbers.inARow)).toFixed(1)} ms each; resident ${before} MiB before, ${after} MiB after`,
);
console.log(`${numbers.atOnce} at once: ${(atOnceMs / 1000).toFixed(1)} s`);
console.log(`failed: ${failures.length}`);
for (const line of failures.slice(0, 20)) console.log(`  ${line}`);
const kinds = Object.entries(left);
console.log(`left behind: ${kinds.length === 0 ? 'nothing' : ''}`);
for (const [kind, lines] of kinds) {
  console.log(`  ${lines.length} ${kind}`);
  for (const line of lines.slice(0, 10)) console.log(`    ${line}`);
}
process.exitCode = failures.length === 0 && kinds.length === 0 ? 0 : 1;

async function bundled() {
  const scratch = mkdtempSync(join(product, 'dist/stress-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const text = {
    name: 'text-files',
    setup: (setup) =>
      setup.onLoad({ filter: /\.(tsv|yaml)$/ }, ({ path }) => ({
        contents: `export default ${JSON.stringify(readFileSync(path, 'utf8'))};`,
      })),
  };
  const outfile = join(scratch, 'stress.mjs');
  await build({
    entryPoints: [join(here, 'stress.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile,
    plugins: [text],
    logLevel: 'error',
  });
  return import(pathToFileURL(outfile).href);
}
