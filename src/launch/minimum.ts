import type { PathGrant } from './landlock.ts';
import { RIGHT_EXECUTE, RIGHT_KEPT, RIGHT_READ, RIGHT_WRITE } from './operations.ts';

interface Minimum extends PathGrant {
  readonly why: string;
}

const read = (path: string, why: string): Minimum => ({ path, rights: RIGHT_READ, why });

/**
 * What every llamafile may touch beside itself, its private folders and what the policy grants. Observed with strace
 * on real ones; none of it says anything about the user.
 */
export const MINIMUM: readonly Minimum[] = [
  read(
    '/proc/self',
    'its own maps, status and threads; the rule is made in the child, so it is the child’s own',
  ),
  read('/proc/cpuinfo', 'instruction sets'),
  read('/proc/meminfo', 'free memory'),
  read('/proc/stat', 'number of CPUs, load'),
  read('/proc/loadavg', 'load'),
  read('/proc/uptime', 'clock base of logs'),
  read('/proc/version', 'kernel version'),
  read('/proc/sys/kernel', 'kernel version and limits'),
  read('/proc/sys/vm/overcommit_memory', 'the C library’s allocator'),
  read('/sys/devices/system/cpu', 'topology for the number of threads'),
  read('/sys/devices/system/node', 'NUMA topology'),
  { path: '/dev/null', rights: RIGHT_READ | RIGHT_WRITE | RIGHT_KEPT, why: 'where output is thrown away' },
  read('/dev/zero', 'zeroed memory'),
  read('/dev/urandom', 'random numbers'),
  read('/dev/random', 'random numbers'),
  read('/etc/localtime', 'time zone of logs'),
  read('/usr/share/zoneinfo', 'time zone of logs'),
];

const linker = (path: string): Minimum => ({
  path,
  rights: RIGHT_READ | RIGHT_EXECUTE,
  why: 'the dynamic linker, which the kernel executes for every program that is not static',
});

/**
 * What programs of the system need beside themselves, granted when the policy lists any. The linker maps whatever may
 * be read, so it runs no code that the model could not have mapped by itself.
 */
export const PROGRAM_MINIMUM: readonly Minimum[] = [
  read('/lib', 'shared libraries'),
  read('/lib64', 'shared libraries'),
  read('/usr/lib', 'shared libraries'),
  read('/usr/lib64', 'shared libraries'),
  read('/etc/ld.so.cache', 'where the libraries are'),
  linker('/lib64/ld-linux-x86-64.so.2'),
  linker('/lib/ld-linux-aarch64.so.1'),
  linker('/lib/ld-musl-x86_64.so.1'),
  linker('/lib/ld-musl-aarch64.so.1'),
];
