// A loaded model that can continue a text.
#ifndef DEMO_ENGINE_H
#define DEMO_ENGINE_H

#include <stdatomic.h>

#include "args.h"
#include "gguf.h"
#include "model.h"
#include "sampler.h"
#include "tokenizer.h"

struct engine {
  struct container own, other; // this program's file, and the one that -m names
  struct gguf gguf;
  struct tokenizer tokenizer;
  struct model model;
  struct session session;
  long pace_ms;
};

enum ending { ENDED_BY_MODEL, ENDED_BY_LIMIT, ENDED_BY_CALLER };

struct generation {
  struct bytes prompt;
  long predict; // negative: until the context is full
  struct sampling sampling;
  bool (*emit)(void *context, const char *text, size_t length); // false ends the generation
  void *context;
  // Results.
  size_t prompt_tokens, generated_tokens;
  enum ending ending;
};

// Set by a signal handler: a running generation ends at the next token.
extern atomic_bool engine_stopping;

// Finds, maps and binds the weights. `engine->own` is open already. Returns NULL or the reason.
const char *engine_load(struct engine *engine, const struct options *options);
void engine_free(struct engine *engine);

// Returns NULL or the reason. Only one generation at a time.
const char *engine_generate(struct engine *engine, struct generation *generation);

// Prints the logits after each token of a prompt, a line for each, the token first.
const char *engine_print_logits(struct engine *engine, struct bytes prompt);

#endif
