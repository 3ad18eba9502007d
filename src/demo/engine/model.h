// The llama architecture: RMSNorm, rotary positions, grouped-query attention with a key-value cache, SwiGLU.
#ifndef DEMO_MODEL_H
#define DEMO_MODEL_H

#include "gguf.h"
#include "pool.h"

struct matrix {
  const uint8_t *data;
  uint32_t type; // enum tensor_type
  size_t rows, columns;
};

struct layer {
  struct matrix q, k, v, attention_output, gate, up, down;
  const float *attention_norm, *feed_forward_norm;
};

struct model {
  size_t vocabulary, width, heads, kv_heads, head_width, kv_width, feed_forward, layer_count, rope_width, trained_context;
  float epsilon, rope_base;
  struct matrix embedding, output;
  const float *output_norm;
  struct layer *layers;
};

// Everything that one sequence needs: activations and the cache of keys and values.
struct session {
  const struct model *model;
  struct pool *pool;
  size_t context;
  float *x, *normed, *q, *attended, *gate, *up, *scores, *logits, *rope;
  float *keys, *values; // [layer][position][kv_width]
};

// Binds the tensors of a GGUF; the GGUF's bytes must outlive the model. Returns NULL or the reason.
const char *model_load(struct model *model, const struct gguf *gguf, size_t vocabulary);
void model_free(struct model *model);

// Reserves memory for `context` positions. Returns NULL or the reason; session_free is due in both cases.
const char *session_start(struct session *session, const struct model *model, struct pool *pool, size_t context);
void session_free(struct session *session);

// Runs one token at one position (below the context; tokens below the vocabulary). Returns `vocabulary` logits, valid until the next call.
float *session_step(struct session *session, size_t token, size_t position);

#endif
