// Kernels and a userland of Debian's, from the mirror that this machine's own apt is configured for.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** The compiler is for the tests, which build their programs; setpriv is in util-linux, and `ps` in procps. */
const PROGRAMS = ['gcc', 'libc6-dev', 'binutils', 'procps', 'util-linux', 'libcap2-bin', 'busybox-static'];

/** Where the kernel of a suite stands: `{ version, image, modules }`. */
export function fetchKernel(folder, suite) {
  const base = suite.replace(/-backports$/, '');
  const wanted = suite === base ? 'linux-image-cloud-amd64' : `linux-image-cloud-amd64/${suite}`;
  const sources = [base, ...(suite === base ? [] : [suite])].map((one) => `deb ${mirror()} ${one} main`);
  bootstrap(folder, ['--variant=extract', `--include=${wanted}`, base], sources);
  const places = ['usr/lib/modules', 'lib/modules'].map((place) => join(folder, place)).filter(existsSync);
  const [place] = places;
  const [version] = place === undefined ? [] : readdirSync(place);
  if (version === undefined) throw new Error(`there is no kernel in ${folder}: remove it and try again`);
  const modules = join(place, version);
  // Beside its modules since Linux 7.0's packages, in /boot before.
  const images = [join(modules, 'vmlinuz'), join(folder, 'boot', `vmlinuz-${version}`)];
  const image = images.find(existsSync);
  if (image === undefined) throw new Error(`there is no kernel at ${images.join(' or ')}`);
  return { version, image, modules };
}

/** A small root file system with a compiler; returns its folder. */
export function fetchUserland(folder, suite) {
  bootstrap(
    folder,
    ['--variant=minbase', `--include=${PROGRAMS.join(',')}`, suite],
    [`deb ${mirror()} ${suite} main`],
  );
  return folder;
}

function bootstrap(folder, [variant, include, suite], sources) {
  if (existsSync(folder)) return;
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  run('mmdebstrap', ['--quiet', '--format=directory', variant, include, suite, fresh, ...sources]);
  renameSync(fresh, folder); // whole or not at all
}

/** The first archive of Debian's in apt's own configuration. */
function mirror() {
  const format = '$(ORIGIN) $(COMPONENT) $(REPO_URI)';
  const targets = run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']).split('\n');
  const found = targets
    .map((line) => line.split(' '))
    .find(([origin, component]) => origin === 'Debian' && component === 'main');
  if (found?.[2] === undefined) throw new Error('apt knows no archive of Debian’s: run apt-get update');
  return found[2];
}

/** Runs a program to its end; what it writes, or an error with what it complains of. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    timeout: 600_000,
    ...options,
  });
  if (result.status === 0) return result.stdout;
  const reason =
    result.error?.message ??
    `${result.signal ?? `exit ${result.status}`}: ${String(result.stderr).slice(-2000)}`;
  throw new Error(`${program} ${args.join(' ')}: ${reason}`);
}
