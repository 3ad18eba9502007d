// Chooses the next token from logits.
#ifndef DEMO_SAMPLER_H
#define DEMO_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

struct sampling {
  float temperature; // 0 or less: always the likeliest
  float top_p;       // the smallest set of tokens with at least this probability
  int top_k;         // 0 or less: all
  uint64_t random;   // state of the generator
};

// The token chosen; `logits` is used as scratch space. Logits that are no numbers never win over others.
int32_t sample(struct sampling *sampling, float *logits, size_t count);

// A state for `sampling.random` from a user's seed.
uint64_t sampling_seed(uint64_t seed);

#endif
