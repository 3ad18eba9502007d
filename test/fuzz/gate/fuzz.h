/* Random cases against parts of the gate, in one process, under the address and undefined-behaviour sanitizers. A case is
 * made from the seed and its number alone. */
#ifndef PADDOCK_FUZZ_H
#define PADDOCK_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
  uint64_t state;
};

uint64_t any(struct random *random);
/* 0 <= n < limit; 0 when limit is 0. */
uint64_t below(struct random *random, uint64_t limit);
bool chance(struct random *random, unsigned out_of);
/* A number at which something may turn: small ones, powers of two and their neighbours, the ends of each width. */
uint64_t interesting(struct random *random);

#define PICK(random, list) ((list)[below((random), sizeof(list) / sizeof *(list))])

struct target {
  const char *name;
  /* One case. Returns what became of it, in words that are counted; a static string. */
  const char *(*run)(uint64_t number, struct random *random);
  /* Around every BLOCK cases; either may be missing. */
  void (*begin)(struct random *random), (*end)(void);
};

/* What `begin` makes is shared by so many cases; a single case is run with the `begin` of its block. */
enum { BLOCK = 500 };

extern const struct target STREAM, CONTROL, NOTIFY;

/* Something that must hold does not: tells of the case and ends the process. */
_Noreturn void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
