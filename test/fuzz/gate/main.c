/* gate-fuzz TARGET CASES SEED FROM: prints what became of the cases, one kind a line. */
#include <errno.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { MAX_KINDS = 512, HANG_S = 20 };

static struct {
  const char *what;
  uint64_t count;
} kinds[MAX_KINDS];
static size_t kind_count;
static uint64_t seed, current;

static void tell_case(void) {
  char text[80];
  const int length = snprintf(text, sizeof text, "case %llu of seed %llu\n", (unsigned long long)current, (unsigned long long)seed);
  if (write(2, text, (size_t)length) < 0) _exit(1);
}

static void hangs(int signal) {
  (void)signal;
  tell_case();
  _exit(1);
}

void wrong(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vfprintf(stderr, format, arguments);
  va_end(arguments);
  (void)fputc('\n', stderr);
  abort();
}

static void count(const char *what) {
  size_t i = 0;
  while (i < kind_count && strcmp(kinds[i].what, what) != 0) i++;
  if (i == MAX_KINDS) wrong("more than %d kinds of outcomes", MAX_KINDS);
  if (i == kind_count) kinds[kind_count++].what = what;
  kinds[i].count++;
}

static uint64_t mixed(uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}

/* splitmix64 */
uint64_t any(struct random *random) { return mixed(random->state += 0x9e3779b97f4a7c15u); }

uint64_t below(struct random *random, uint64_t limit) { return limit == 0 ? 0 : any(random) % limit; }

bool chance(struct random *random, unsigned out_of) { return below(random, out_of) == 0; }

uint64_t interesting(struct random *random) {
  static const uint64_t ENDS[] = {0, 1, 2, 3, 7, 8, 19, 20, 63, 64, 65, 255, 256, 4095, 4096, 65535, 65536, 0x7fffffff,
                                  0x80000000u, 0xfffffffeu, 0xffffffffu, 0x7fffffffffffffffu, 0x8000000000000000u, ~0ull};
  switch (below(random, 4)) {
    case 0:
      return PICK(random, ENDS);
    case 1:
      return (1ull << below(random, 64)) + below(random, 3) - 1;
    case 2:
      return below(random, 100);
    default:
      return any(random);
  }
}

static struct random random_for(uint64_t number) { return (struct random){mixed(seed * 0x9e3779b97f4a7c15u) ^ mixed(number + 1)}; }

static void run(const struct target *target, uint64_t from, uint64_t cases) {
  for (current = from; current < from + cases; current++) {
    const bool first = current == from || current % BLOCK == 0;
    struct random block = random_for(~(current / BLOCK)), own = random_for(current);
    alarm(HANG_S);
    if (first && target->begin != NULL) target->begin(&block);
    count(target->run(current, &own));
    if ((current + 1 == from + cases || (current + 1) % BLOCK == 0) && target->end != NULL) target->end();
  }
  alarm(0);
}

static int by_count(const void *left, const void *right) {
  const uint64_t a = ((const uint64_t *)left)[1], b = ((const uint64_t *)right)[1];
  return a < b ? 1 : a > b ? -1 : 0;
}

int main(int count_of, char **arguments) {
  const struct target *targets[] = {&STREAM, &CONTROL, &NOTIFY}, *target = NULL;
  for (size_t i = 0; count_of == 5 && i < sizeof targets / sizeof *targets; i++)
    if (strcmp(targets[i]->name, arguments[1]) == 0) target = targets[i];
  if (target == NULL) {
    (void)fputs("usage: gate-fuzz stream|control|notify CASES SEED FROM\n", stderr);
    return 2;
  }
  seed = strtoull(arguments[3], NULL, 10);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGALRM, hangs);
  __sanitizer_set_death_callback(tell_case);
  (void)signal(SIGABRT, hangs);
  run(target, strtoull(arguments[4], NULL, 10), strtoull(arguments[2], NULL, 10));
  qsort(kinds, kind_count, sizeof *kinds, by_count);
  for (size_t i = 0; i < kind_count; i++) (void)printf("%llu %s\n", (unsigned long long)kinds[i].count, kinds[i].what);
  return 0;
}
