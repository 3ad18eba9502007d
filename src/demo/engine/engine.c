#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "attack.h"

enum { DEFAULT_THREADS = 4, MAX_PIECE_LENGTH = 4096 };

static const char *find_weights(struct engine *engine, const char *name, struct bytes *weights);
static const char *weights_of(const struct container *container, const char *member, struct bytes *weights);
static const char *make_aligned(struct bytes *weights);
static const char *encode_prompt(struct engine *engine, struct bytes prompt, int32_t **tokens, size_t *count);
static const char *continue_text(struct engine *engine, struct generation *generation, float *logits);
static long count_processors(void);
static void wait_ms(long ms);

atomic_bool engine_stopping;

const char *engine_load(struct engine *engine, const struct options *options) {
  struct bytes weights;
  const char *problem = find_weights(engine, options->model, &weights);
  if (problem == NULL) problem = make_aligned(&weights);
  if (problem == NULL) problem = gguf_read(&engine->gguf, weights);
  if (problem == NULL) problem = tokenizer_load(&engine->tokenizer, &engine->gguf);
  if (problem == NULL) problem = model_load(&engine->model, &engine->gguf, engine->tokenizer.count);
  if (problem != NULL) return problem;
  long processors = count_processors();
  long threads = options->threads > 0 ? options->threads : processors < DEFAULT_THREADS ? processors : DEFAULT_THREADS;
  size_t context = options->context > 0 ? (size_t)options->context : engine->model.trained_context;
  engine->pace_ms = options->pace_ms;
  struct pool *pool = pool_start((int)(threads < 64 ? threads : 64));
  return session_start(&engine->session, &engine->model, pool, context);
}

void engine_free(struct engine *engine) {
  pool_stop(engine->session.pool);
  session_free(&engine->session);
  model_free(&engine->model);
  tokenizer_free(&engine->tokenizer);
  gguf_free(&engine->gguf);
}

const char *engine_generate(struct engine *engine, struct generation *generation) {
  int32_t *tokens;
  size_t count;
  const char *problem = encode_prompt(engine, generation->prompt, &tokens, &count);
  if (problem != NULL) return problem;
  float *logits = NULL;
  generation->prompt_tokens = count;
  generation->generated_tokens = 0;
  for (size_t i = 0; i < count && !engine_stopping; i++) logits = session_step(&engine->session, (size_t)tokens[i], i);
  free(tokens);
  return continue_text(engine, generation, logits);
}

const char *engine_print_logits(struct engine *engine, struct bytes prompt) {
  int32_t *tokens;
  size_t count;
  const char *problem = encode_prompt(engine, prompt, &tokens, &count);
  if (problem != NULL) return problem;
  for (size_t i = 0; i < count; i++) {
    const float *logits = session_step(&engine->session, (size_t)tokens[i], i);
    printf("%d", (int)tokens[i]);
    for (size_t v = 0; v < engine->model.vocabulary; v++) printf(" %.7g", (double)logits[v]);
    putchar('\n');
  }
  free(tokens);
  return NULL;
}

static const char *continue_text(struct engine *engine, struct generation *generation, float *logits) {
  size_t position = generation->prompt_tokens;
  char piece[MAX_PIECE_LENGTH];
  for (;;) {
    generation->ending = ENDED_BY_CALLER;
    if (engine_stopping || logits == NULL) return NULL;
    generation->ending = ENDED_BY_LIMIT;
    bool enough = generation->predict >= 0 && generation->generated_tokens >= (size_t)generation->predict;
    if (enough || position >= engine->session.context) return NULL;
    int32_t token = sample(&generation->sampling, logits, engine->model.vocabulary);
    generation->ending = ENDED_BY_MODEL;
    if (token == engine->tokenizer.end) return NULL;
    if (engine->pace_ms > 0) wait_ms(engine->pace_ms);
    generation->generated_tokens++;
    size_t length = tokenizer_decode(&engine->tokenizer, token, piece, sizeof piece);
    generation->ending = ENDED_BY_CALLER;
    if (!generation->emit(generation->context, piece, length)) return NULL;
    attack_after_token(generation->generated_tokens);
    logits = session_step(&engine->session, (size_t)token, position++);
  }
}

// As the genuine runtime does: `-m x` is a file first, a zip member only if there is no such file; `a@b` is member b of a.
static const char *find_weights(struct engine *engine, const char *name, struct bytes *weights) {
  if (name == NULL) return weights_of(&engine->own, NULL, weights);
  if (strncmp(name, "/zip/", 5) == 0) return weights_of(&engine->own, name + 5, weights);
  const char *at = strchr(name, '@');
  char *path = at != NULL ? strndup(name, (size_t)(at - name)) : strdup(name);
  if (path == NULL) return "there is not enough memory";
  const char *problem = container_open(&engine->other, path);
  bool absent = problem != NULL && errno == ENOENT;
  free(path);
  if (absent && at == NULL) return weights_of(&engine->own, name, weights);
  if (problem != NULL) return problem;
  bool bare = engine->other.file.size >= 4 && memcmp(engine->other.file.data, "GGUF", 4) == 0;
  if (!bare) return weights_of(&engine->other, at != NULL ? at + 1 : NULL, weights);
  *weights = engine->other.file;
  return NULL;
}

static const char *weights_of(const struct container *container, const char *member, struct bytes *weights) {
  return container_find(container, member, weights);
}

// A zip tool that packs densely leaves the weights where numbers cannot be read in place; then they are copied once.
static const char *make_aligned(struct bytes *weights) {
  if ((uintptr_t)weights->data % 32 == 0 || weights->size == 0) return NULL;
  fprintf(stderr, "warning: the weights are not aligned in the file and are copied; use zipalign to avoid this\n");
  void *copy = mmap(NULL, weights->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return "there is not enough memory";
  memcpy(copy, weights->data, weights->size);
  weights->data = copy;
  return NULL;
}

static const char *encode_prompt(struct engine *engine, struct bytes prompt, int32_t **tokens, size_t *count) {
  size_t limit = engine->session.context;
  *tokens = calloc(limit + 1, sizeof **tokens);
  if (*tokens == NULL) return "there is not enough memory";
  long encoded = tokenizer_encode(&engine->tokenizer, prompt, *tokens, limit);
  if (encoded > 0) {
    *count = (size_t)encoded;
    return NULL;
  }
  free(*tokens);
  *tokens = NULL;
  return encoded == 0 ? "the prompt is empty" : "the prompt is longer than the context";
}

// From /proc/cpuinfo, as engines do; where that may not be read, what the C library knows.
static long count_processors(void) {
  FILE *file = fopen("/proc/cpuinfo", "re");
  char line[256];
  long count = 0;
  while (file != NULL && fgets(line, sizeof line, file) != NULL) count += strncmp(line, "processor", 9) == 0;
  if (file != NULL) fclose(file);
  return count > 0 ? count : sysconf(_SC_NPROCESSORS_ONLN);
}

static void wait_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}
