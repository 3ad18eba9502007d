/*
 * Asks the drivers of graphics cards to initialise, as an engine does before it computes, and prints a line of JSON for each
 * kind: whether its library is there, what its init said (0 is success), and how many cards it counts. `paddock doctor --gpu`
 * runs it inside the fence. Listing cards with a vendor's tool would prove nothing: that goes another way.
 *
 * cuInit, cuDeviceGetCount: CUDA Driver API. hipInit, hipGetDeviceCount: HIP. All take and return ints.
 */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

typedef int init_function(unsigned flags);
typedef int count_function(int *count);

static const struct {
  const char *kind, *library, *init, *count;
} DRIVERS[] = {
    {"nvidia", "libcuda.so.1", "cuInit", "cuDeviceGetCount"},
    {"amd", "libamdhip64.so", "hipInit", "hipGetDeviceCount"},
};

static void *find(void *library, const char *name) { return library == NULL ? NULL : dlsym(library, name); }

int main(void) {
  bool works = false;
  for (size_t i = 0; i < sizeof DRIVERS / sizeof *DRIVERS; i++) {
    void *library = dlopen(DRIVERS[i].library, RTLD_NOW | RTLD_LOCAL);
    void *init_address = find(library, DRIVERS[i].init), *count_address = find(library, DRIVERS[i].count);
    init_function *init;
    count_function *count;
    int said = -1, cards = 0;
    /* ISO C has no cast from an object's address to a function's; POSIX demands that the bytes are the same. */
    memcpy(&init, &init_address, sizeof init);
    memcpy(&count, &count_address, sizeof count);
    if (init != NULL) said = init(0);
    if (said == 0 && count != NULL && count(&cards) != 0) cards = 0;
    if (said == 0 && cards > 0) works = true;
    printf("{\"kind\":\"%s\",\"library\":%s,\"init\":%d,\"cards\":%d}\n", DRIVERS[i].kind,
           library == NULL ? "false" : "true", said, cards);
  }
  return works ? 0 : 1;
}
