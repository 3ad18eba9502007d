import { constants, fstatSync, readFileSync } from 'node:fs';

/**
 * Standard streams that are files or devices: Landlock takes a rule for these, and `/dev/stdin` can open them again. Only
 * in the way in which they are open: a file that is read from may not become one that is written.
 */
export function reopenable(outputCounted: boolean): (0 | 1 | 2)[] {
  const inherited = outputCounted ? ([0] as const) : ([0, 1, 2] as const);
  return inherited.filter((fd) => {
    try {
      const stats = fstatSync(fd);
      if (accessMode(fd) === (fd === 0 ? O_WRONLY : O_RDONLY)) return false;
      return stats.isFile() || (stats.isCharacterDevice() && stats.rdev === NULL_DEVICE);
    } catch {
      return false; // closed: there is nothing to open again
    }
  });
}

// Linux's flags of open descriptors are octal in proc(5); Node has no fcntl.
function accessMode(fd: number): number {
  const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1];
  if (flags === undefined) throw new Error('no flags');
  return Number.parseInt(flags, 8) & (O_RDONLY | O_WRONLY | O_RDWR);
}

const { O_RDONLY, O_WRONLY, O_RDWR } = constants;

/** /dev/null: 1,3 of the memory devices. */
const NULL_DEVICE = 0x103;
