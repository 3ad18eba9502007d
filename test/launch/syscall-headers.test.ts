import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Architecture } from '../../src/format/anatomy.ts';
import { SYSCALL_NAMES, syscallNumber } from '../../src/launch/syscalls.ts';

/** A compiler for the machine, with its headers. */
const COMPILERS: readonly (readonly [Architecture, string])[] = [
  ['x86-64', process.arch === 'x64' ? 'cc' : 'x86_64-linux-gnu-gcc'],
  ['aarch64', process.arch === 'arm64' ? 'cc' : 'aarch64-linux-gnu-gcc'],
];

/** Name → number, as `asm/unistd.h` of that machine has it; undefined without such a compiler. */
function headerNumbers(compiler: string): Map<string, number> | undefined {
  const source = '#include <asm/unistd.h>\n';
  const run = spawnSync(compiler, ['-E', '-dM', '-x', 'c', '-'], { input: source, encoding: 'utf8' });
  if (run.status !== 0) return undefined;
  const defines = new Map<string, string>();
  for (const [, name = '', value = ''] of run.stdout.matchAll(/^#define (__NR(?:3264)?_\w+) (\w+)$/gm))
    defines.set(name, value);
  const numbers = new Map<string, number>();
  for (const [name, value] of defines) {
    const number = Number(defines.get(value) ?? value); // __NR_fcntl is __NR3264_fcntl, which is a number
    if (Number.isInteger(number)) numbers.set(name.replace(/^__NR(3264)?_/, ''), number);
  }
  return numbers;
}

describe.each(COMPILERS)('the numbers of %s', (arch, compiler) => {
  const numbers = process.platform === 'linux' ? headerNumbers(compiler) : undefined;
  const newest = Math.max(0, ...(numbers?.values() ?? []));

  it.skipIf(numbers === undefined)(`are those of the headers of ${compiler}`, () => {
    expect(newest).toBeGreaterThan(400);
    for (const name of SYSCALL_NAMES) {
      const ours = syscallNumber(arch, name);
      const theirs = numbers?.get(name);
      if (theirs !== undefined) expect([name, ours]).toEqual([name, theirs]);
      // What headers lack is newer than they are, or not on this machine.
      else expect(ours === undefined || ours > newest || HEADERLESS.has(name), `${name} ${ours}`).toBe(true);
    }
  });
});

/** In the tables of the kernel, and never in the headers of a machine that came later. */
const HEADERLESS: ReadonlySet<string> = new Set([]);
