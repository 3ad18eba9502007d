// What a guest boots from: an initramfs that loads the disk's driver, and a disk with userland, Node and the product.
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './packages.js';

const GUEST = join(dirname(fileURLToPath(import.meta.url)), 'guest');

/** The disk, and what it hangs on. What a kernel has built in, it has no file for. */
const MODULES = ['drivers/virtio/virtio_pci', 'drivers/block/virtio_blk'];

/** Writes an initramfs: busybox, the modules in the order in which they are wanted, and `init`. */
export function makeInitramfs(path, { modules }, userland) {
  const wanted = MODULES.flatMap((name) => withNeeds(modules, name));
  const names = [...new Set(wanted)];
  const files = [
    { name: 'bin', mode: 0o40755 },
    { name: 'root', mode: 0o40755 },
    { name: 'bin/busybox', mode: 0o100755, content: readFileSync(join(userland, 'bin/busybox')) },
    { name: 'init', mode: 0o100755, content: readFileSync(join(GUEST, 'init.sh')) },
    ...names.map((name, index) => ({
      name: `${index}.ko`,
      mode: 0o100644,
      content: readModule(modules, name),
    })),
  ];
  writeFileSync(path, cpio(files));
  return path;
}

/** A module after all that it needs, as its own list of them says. */
function withNeeds(modules, name) {
  const content = readModule(modules, name);
  if (content === undefined) return [];
  const needs = /\0depends=([^\0]*)/.exec(`\0${content.toString('latin1')}`)?.[1] ?? '';
  const below = needs.split(',').filter((need) => need !== '');
  return [...below.flatMap((need) => withNeeds(modules, `${dirname(name)}/${need}`)), name];
}

function readModule(modules, name) {
  const path = join(modules, 'kernel', `${name}.ko`);
  if (existsSync(path)) return readFileSync(path);
  if (existsSync(`${path}.xz`))
    return run('xz', ['--decompress', '--stdout', `${path}.xz`], { encoding: 'buffer' });
  return undefined;
}

/** The "newc" form of cpio: Documentation/driver-api/early-userspace/buffer-format.rst in Linux. */
function cpio(files) {
  const entries = [...files, { name: 'TRAILER!!!', mode: 0 }];
  return Buffer.concat(
    entries.flatMap(({ name, mode, content = Buffer.alloc(0) }, index) => {
      const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
      const head = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
      return [padded(Buffer.from(head)), padded(content)];
    }),
  );
}

function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

/** What the guest needs of this checkout. */
const PARTS = [
  'bin',
  'dist/cli',
  'dist/paddock-gate',
  'dist/demo-engine',
  'dist/demo-attacker',
  'dist/ape-loader',
];
const SOURCES = ['policies', 'src', 'test', 'docs', 'package.json', 'vitest.config.ts', 'tsconfig.json'];

/** Builds the disk afresh: `userland` with /product, /usr/bin/node and the list of what is to be run. */
export function makeRoot(path, { userland, product, attacks, parts }) {
  const root = `${path}.tree`;
  rmSync(root, { recursive: true, force: true });
  run('cp', ['--archive', userland, root]);
  const place = join(root, 'product');
  mkdirSync(place);
  for (const part of [...PARTS, ...SOURCES]) {
    if (!existsSync(join(product, part))) continue;
    mkdirSync(dirname(join(place, part)), { recursive: true });
    cpSync(join(product, part), join(place, part), { recursive: true, preserveTimestamps: true });
  }
  run('cp', ['--archive', realpathSync(join(product, 'node_modules')), join(place, 'node_modules')]);
  cpSync(realpathSync(process.execPath), join(root, 'usr/bin/node'));
  run('cp', [join(GUEST, 'boot.sh'), join(GUEST, 'tests.js'), root]);
  writeFileSync(join(root, 'attacks'), attacks);
  writeFileSync(join(root, 'parts'), parts);
  rmSync(path, { force: true });
  run('mke2fs', ['-q', '-t', 'ext4', '-E', 'lazy_itable_init=1', '-d', root, path, '2G']);
  rmSync(root, { recursive: true, force: true });
  if (lstatSync(path).size === 0) throw new Error(`${path} is empty`);
  return path;
}
