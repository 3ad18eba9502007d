import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratch } from '../cli/paddock.ts';

const folder = scratch();
const source = fileURLToPath(new URL('../../src/host/dlopen-helper/dlopen-helper.c', import.meta.url));
const FLAGS = ['-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-O1'];

function built(name: string, ...inputs: readonly string[]): string {
  const path = join(folder, name);
  execFileSync('cc', [...FLAGS, '-o', path, ...inputs, '-ldl']);
  return path;
}

/** The other side: a function that is told where the linker is, and finds a function of the C library with it. */
const HARNESS = `
#include <stdint.h>
#include <stdio.h>
#include <string.h>
int helper_main(int argc, char **argv);
static int callback(void **linker) {
  void *(*open)(const char *, int), *(*symbol)(void *, const char *);
  size_t (*length)(const char *);
  memcpy(&open, &linker[0], sizeof open);
  memcpy(&symbol, &linker[1], sizeof symbol);
  void *library = open("libc.so.6", 1), *found = library == NULL ? NULL : symbol(library, "strlen");
  if (found == NULL || linker[2] == NULL || linker[3] == NULL) return 3;
  memcpy(&length, &found, sizeof length);
  return length("seven..") == 7 ? 42 : 4;
}
int main(void) {
  char address[24];
  int (*there)(void **) = callback;
  uintptr_t place;
  memcpy(&place, &there, sizeof place);
  snprintf(address, sizeof address, "%ju", (uintmax_t)place);
  return helper_main(2, (char *[]){"helper", address, NULL});
}
`;

describe('the dlopen helper', () => {
  it('tells the function at the address where the linker of the system is', () => {
    const harness = join(folder, 'harness.c');
    writeFileSync(harness, HARNESS);
    const object = join(folder, 'helper.o');
    execFileSync('cc', [...FLAGS, '-Dmain=helper_main', '-c', '-o', object, source]);
    expect(spawnSync(built('harness', harness, object)).status).toBe(42);
  });

  it.each([[], ['x'], ['0'], ['12x'], ['1', '2'], ['99999999999999999999999']])(
    'does nothing without one: %j',
    (...args) => {
      const { status, stderr } = spawnSync(built('helper', source), args.flat(), { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/expected the decimal address/),
      });
    },
  );
});
