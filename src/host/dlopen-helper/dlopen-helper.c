/*
 * A llamafile is linked statically, and reaches the linker of the system through a small dynamic program: it maps that and
 * its linker into itself, and starts it with the address of a function of its own as the only argument. That function
 * gets the addresses of dlopen, dlsym, dlclose and dlerror, in this order, and does not return. The runtime would write
 * and compile such a program by itself, for which it needs a compiler; paddock puts this one where it looks
 * (src/launch/gpu-libraries.ts). It is never executed by the kernel.
 *
 * Unlike the runtime's, its stack is not executable: libraries that want that are refused by the system's linker.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef void *open_function(const char *, int);
typedef void *symbol_function(void *, const char *);
typedef int close_function(void *);
typedef char *error_function(void);

/* As an array of pointers to the other side. */
struct linker {
  open_function *open;
  symbol_function *symbol;
  close_function *close;
  error_function *error;
};

typedef int callback_function(const struct linker *);

int main(int argc, char **argv) {
  static const struct linker linker = {dlopen, dlsym, dlclose, dlerror};
  char *end = NULL;
  errno = 0;
  uintmax_t address = argc == 2 ? strtoumax(argv[1], &end, 10) : 0;
  if (address == 0 || address > UINTPTR_MAX || errno != 0 || *end != '\0') {
    fputs("dlopen-helper: expected the decimal address of a function, as a llamafile gives it\n", stderr);
    return 1;
  }
  uintptr_t place = (uintptr_t)address;
  callback_function *callback;
  /* ISO C has no cast from an integer to a function's address; POSIX demands that the bytes are the same. */
  memcpy(&callback, &place, sizeof callback);
  return callback(&linker);
}
