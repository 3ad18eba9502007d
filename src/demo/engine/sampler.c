#include "sampler.h"

#include <math.h>
#include <stdlib.h>

struct candidate {
  float weight;
  int32_t token;
};

static int32_t likeliest(const float *logits, size_t count);
static int heavier_first(const void *a, const void *b);
static double uniform(uint64_t *state);

int32_t sample(struct sampling *sampling, float *logits, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!(logits[i] > -1e30f)) logits[i] = -1e30f;
    if (logits[i] > 1e30f) logits[i] = 1e30f;
  }
  int32_t best = likeliest(logits, count);
  if (!(sampling->temperature > 0)) return best;
  struct candidate *candidates = malloc(count * sizeof *candidates);
  if (candidates == NULL) return best;
  float top = logits[best];
  for (size_t i = 0; i < count; i++) {
    candidates[i] = (struct candidate){expf((logits[i] - top) / sampling->temperature), (int32_t)i};
  }
  qsort(candidates, count, sizeof *candidates, heavier_first);
  size_t kept = sampling->top_k > 0 && (size_t)sampling->top_k < count ? (size_t)sampling->top_k : count;
  double total = 0, within = 0;
  for (size_t i = 0; i < kept; i++) total += candidates[i].weight;
  size_t nucleus = 0;
  while (nucleus < kept && (nucleus == 0 || within < (double)sampling->top_p * total)) within += candidates[nucleus++].weight;
  double target = uniform(&sampling->random) * within;
  size_t chosen = 0;
  while (chosen + 1 < nucleus && (target -= candidates[chosen].weight) >= 0) chosen++;
  int32_t token = candidates[chosen].token;
  free(candidates);
  return token;
}

uint64_t sampling_seed(uint64_t seed) {
  return seed * 0x9e3779b97f4a7c15u + 0xbf58476d1ce4e5b9u;
}

static int32_t likeliest(const float *logits, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; i++) best = logits[i] > logits[best] ? i : best;
  return (int32_t)best;
}

static int heavier_first(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
  return x->token < y->token ? -1 : x->token > y->token; // the same order on every C library
}

// SplitMix64 (Steele, Lea, Flood 2014), the upper 53 bits as a number in [0, 1).
static double uniform(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}
