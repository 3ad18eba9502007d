#!/usr/bin/env node
// What a guarded server's connections cost, as ratios against the same server bare, in one run: each round asks both, in
// turns, for many small answers, many connections, and many bytes. Medians and quartiles; no verdict.
//   npm run build && node bench/network.js [rounds] [--json]
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { cpus, release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const PADDOCK = join(root, 'bin/paddock.js');
/** What is asked for in one round: bytes of an answer, answers, whether each has a connection of its own. */
const WORKS = [
  { name: 'requests', bytes: 64, count: 20_000, once: 0, unit: 'a second', amount: 20_000 },
  { name: 'connections', bytes: 64, count: 2000, once: 1, unit: 'a second', amount: 2000 },
  { name: 'bytes', bytes: 16 << 20, count: 64, once: 0, unit: 'MiB a second', amount: 64 * 16 },
];

async function main() {
  const rounds = Number(process.argv.find((word) => /^\d+$/.test(word)) ?? 10);
  const scratch = mkdtempSync(join(tmpdir(), 'paddock-bench-'));
  const servers = [];
  try {
    const { program, file } = await makeServer(scratch);
    for (const name of ['bare', 'guarded']) servers.push(await start(name, program, file, scratch));
    const rows = report(measure(program, servers, rounds));
    console.log(process.argv.includes('--json') ? JSON.stringify(rows, null, 2) : table(rows, rounds));
  } finally {
    for (const { child } of servers) child.kill('SIGTERM');
    await Promise.all(servers.map(({ ended }) => ended));
    if (existsSync(GROUP)) rmdirSync(GROUP);
    else console.error('the bare server had no control group of its own');
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The server as a program, and the same as a llamafile. */
async function makeServer(scratch) {
  const program = join(scratch, 'network');
  const source = join(root, 'bench/network.c');
  const cc = spawnSync('cc', ['-O2', '-static', '-pthread', '-D_GNU_SOURCE', '-o', program, source], {
    encoding: 'utf8',
  });
  if (cc.status !== 0) throw new Error(cc.stderr);
  const outfile = join(scratch, 'product.mjs');
  const contents = `
    export { buildDemoLlamafile } from './src/demo/build.ts';
    export { buildDemoModel } from './src/demo/model.ts';`;
  await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    format: 'esm',
    platform: 'node',
    outfile,
    logLevel: 'warning',
  });
  const product = await import(outfile);
  const file = join(scratch, 'network.llamafile');
  const model = product.buildDemoModel();
  const engine = readFileSync(program);
  writeFileSync(
    file,
    product.buildDemoLlamafile({ engine, model, args: '-m\nmodel.gguf\n...\n', form: 'elf' }),
  );
  chmodSync(file, 0o755);
  return { program, file };
}

// A session has a control group, and the scheduler gives each group its share: on a machine with other work that says more
// than the fence does. So the bare server gets one beside it where that is possible.
const HIERARCHY = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup'].find((path) =>
  existsSync(join(path, 'cgroup.procs')),
);
const GROUP = join(HIERARCHY ?? '/nonexistent', `paddock-bench-${process.pid}`);
const ENTER = 'if [ -n "$0" ]; then echo $$ >"$0/cgroup.procs" || exit 1; fi; exec "$@"';

function groupOf() {
  try {
    mkdirSync(GROUP);
    return GROUP;
  } catch {
    return ''; // no control groups, or no right to them: it is told at the end
  }
}

async function start(name, program, file, scratch) {
  const port = await freePort();
  const asked = ['--server', '--host', '127.0.0.1', '--port', String(port)];
  const env = { PATH: process.env.PATH, HOME: scratch, XDG_STATE_HOME: join(scratch, 'state') };
  const command =
    name === 'bare'
      ? ['sh', '-c', ENTER, groupOf(), program, ...asked]
      : [process.execPath, PADDOCK, 'run', file, ...asked];
  const child = spawn(command[0], command.slice(1), { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  for (let tries = 0; !(await listens(port)); tries++) {
    if (tries > 300 || child.exitCode !== null)
      throw new Error(`the ${name} server does not listen: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { name, port, child, ended };
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Seconds by work and server. */
function measure(program, servers, rounds) {
  const times = new Map();
  for (let round = -1; round < rounds; round++) {
    for (const work of WORKS) {
      for (const { name, port } of round % 2 === 0 ? servers : servers.toReversed()) {
        const args = ['client', port, work.bytes, work.count, work.once].map(String);
        const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 60_000 });
        if (status !== 0) throw new Error(`the client of the ${name} server ended with ${status}: ${stderr}`);
        const key = `${work.name} ${name}`;
        if (round >= 0) times.set(key, [...(times.get(key) ?? []), Number(stdout)]); // the first is to warm up
      }
    }
  }
  return times;
}

function report(times) {
  return WORKS.flatMap(({ name, amount, unit }) => {
    const speed = (server) => quartiles(times.get(`${name} ${server}`).map((seconds) => amount / seconds));
    const [bare, guarded] = [speed('bare'), speed('guarded')];
    return { name, unit, bare, guarded, ratio: guarded.median / bare.median };
  });
}

function quartiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return { median: at(0.5), lower: at(0.25), upper: at(0.75) };
}

function table(rows, rounds) {
  const show = ({ median, lower, upper }) =>
    `${Math.round(median)} (${Math.round(lower)}–${Math.round(upper)})`;
  return [
    `Node ${process.versions.node}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model ?? 'CPU'}; ${rounds} rounds`,
    '',
    '| what | bare (quartiles) | guarded (quartiles) | guarded / bare |',
    '| --- | ---: | ---: | ---: |',
    ...rows.map(
      ({ name, unit, bare, guarded, ratio }) =>
        `| ${name}, ${unit} | ${show(bare)} | ${show(guarded)} | ${ratio.toFixed(2)} |`,
    ),
  ].join('\n');
}

await main();
