/* Says its word again and again, each time out of the file that it is mapped from. Argument: how long to wait between, ms. */
#include <stdlib.h>
#include <unistd.h>

/* Alone in its page: one that the program has written to is its own copy, and no longer the file's. */
static const volatile char marked[8192] __attribute__((aligned(4096))) = "the-word:good\n";

int main(int argc, char **argv) {
  const int pause_ms = argc > 1 ? atoi(argv[1]) : 0;
  for (int round = 0; round < 4; round++) {
    char line[5];
    for (int i = 0; i < 5; i++) line[i] = marked[9 + i];
    if (write(1, line, sizeof line) < 0) return 1;
    usleep((useconds_t)pause_ms * 1000);
  }
  return 0;
}
