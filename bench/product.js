// The product as the benches use it: a tiny llamafile, its plan, and the gate started with that plan alone.
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { start } from './rounds.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const PADDOCK = join(root, 'bin/paddock.js');
const GATE = join(root, 'dist/paddock-gate');

/** Writes the demo's engine as a llamafile in ELF form: as little as a program can do. Returns its path. */
export function writeTiny(product, scratch) {
  const file = join(scratch, 'tiny.llamafile');
  writeFileSync(file, product.llamafile());
  chmodSync(file, 0o755);
  return file;
}

/** The product's own sources, for the writer of llamafiles and the gate's wire format. */
export async function loadProduct(scratch) {
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
export function planOf(file, env, scratch, options = []) {
  const command = [PADDOCK, 'run', ...options, '--dry-run', file, '--version'];
  const result = spawnSync(process.execPath, command, {
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
export function gateRun({ encodeOperations }, file, plan, scratch) {
  for (const folder of Object.values(plan.directories)) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const operations = plan.operations.filter(({ op }) => op !== 'cgroup' && op !== 'join').map(revive);
  const order = join(mkdtempSync(join(scratch, 'order-')), 'operations');
  writeFileSync(order, encodeOperations(operations));
  const run = (told) => {
    const [given, events, judged] = [openSync(order, 'r'), openSync(told, 'w'), openSync(file, 'r')];
    try {
      start(GATE, [], { env: {}, stdio: ['ignore', 'ignore', 'ignore', given, events, 'pipe', judged] });
    } finally {
      for (const fd of [given, events, judged]) closeSync(fd);
    }
  };
  const told = join(scratch, 'events');
  run(told);
  const events = readFileSync(told, 'utf8').split('\n');
  const ended = events.some((line) => line.includes('"exited"') && line.includes('"code":0'));
  if (!ended) throw new Error(`the program did not run in the gate: ${events.join(' ')}`);
  return () => run('/dev/null');
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
