#include "model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 512, MAX_WIDTH = 1 << 16 };

static const char *load_layer(struct model *model, const struct gguf *gguf, size_t index);
static bool bind_matrix(const struct gguf *gguf, const char *name, size_t rows, size_t columns, struct matrix *matrix);
static bool bind_vector(const struct gguf *gguf, const char *name, size_t length, const float **vector);
static bool plausible(const struct model *model);

const char *model_load(struct model *model, const struct gguf *gguf, size_t vocabulary) {
  *model = (struct model){0};
  const struct gguf_value *architecture = gguf_value(gguf, "general.architecture");
  bool llama = architecture != NULL && architecture->type == GGUF_STRING && architecture->data.size == 5 &&
               memcmp(architecture->data.data, "llama", 5) == 0;
  if (!llama) return "the model's architecture is not llama";
  model->vocabulary = vocabulary;
  model->width = gguf_integer(gguf, "llama.embedding_length", 0);
  model->feed_forward = gguf_integer(gguf, "llama.feed_forward_length", 0);
  model->layer_count = gguf_integer(gguf, "llama.block_count", 0);
  model->heads = gguf_integer(gguf, "llama.attention.head_count", 0);
  model->kv_heads = gguf_integer(gguf, "llama.attention.head_count_kv", model->heads);
  model->trained_context = gguf_integer(gguf, "llama.context_length", 0);
  model->epsilon = (float)gguf_real(gguf, "llama.attention.layer_norm_rms_epsilon", 1e-5);
  model->rope_base = (float)gguf_real(gguf, "llama.rope.freq_base", 10000);
  if (!plausible(model)) return "the model's dimensions contradict each other";
  model->head_width = model->width / model->heads;
  model->kv_width = model->head_width * model->kv_heads;
  model->rope_width = gguf_integer(gguf, "llama.rope.dimension_count", model->head_width);
  if (model->rope_width > model->head_width || model->rope_width % 2 != 0) return "llama.rope.dimension_count is impossible";

  if (!bind_matrix(gguf, "token_embd.weight", vocabulary, model->width, &model->embedding)) return "token_embd.weight does not fit";
  if (!bind_vector(gguf, "output_norm.weight", model->width, &model->output_norm)) return "output_norm.weight does not fit";
  if (gguf_tensor(gguf, "output.weight") == NULL) {
    model->output = model->embedding;
  } else if (!bind_matrix(gguf, "output.weight", vocabulary, model->width, &model->output)) {
    return "output.weight does not fit";
  }
  model->layers = calloc(model->layer_count + 1, sizeof *model->layers);
  if (model->layers == NULL) return "there is not enough memory";
  for (size_t i = 0; i < model->layer_count; i++) {
    const char *problem = load_layer(model, gguf, i);
    if (problem != NULL) return problem;
  }
  return NULL;
}

void model_free(struct model *model) {
  free(model->layers);
  *model = (struct model){0};
}

static bool plausible(const struct model *m) {
  return m->vocabulary > 0 && m->width > 0 && m->width <= MAX_WIDTH && m->feed_forward > 0 && m->feed_forward <= 4 * MAX_WIDTH &&
         m->layer_count > 0 && m->layer_count <= MAX_LAYERS && m->heads > 0 && m->heads <= m->width && m->kv_heads > 0 &&
         m->kv_heads <= m->heads && m->heads % m->kv_heads == 0 && m->width % m->heads == 0 && m->trained_context > 0 &&
         m->epsilon >= 0 && m->epsilon < 1 && m->rope_base > 0 && m->rope_base < 1e12f;
}

static const char *load_layer(struct model *model, const struct gguf *gguf, size_t index) {
  struct layer *layer = &model->layers[index];
  size_t width = model->width, kv = model->kv_width, ff = model->feed_forward;
  const struct {
    const char *name;
    size_t rows, columns;
    struct matrix *matrix;
    const float **vector;
  } wanted[] = {
      {"attn_norm", width, 1, NULL, &layer->attention_norm}, {"ffn_norm", width, 1, NULL, &layer->feed_forward_norm},
      {"attn_q", width, width, &layer->q, NULL},             {"attn_k", kv, width, &layer->k, NULL},
      {"attn_v", kv, width, &layer->v, NULL},                {"attn_output", width, width, &layer->attention_output, NULL},
      {"ffn_gate", ff, width, &layer->gate, NULL},           {"ffn_up", ff, width, &layer->up, NULL},
      {"ffn_down", width, ff, &layer->down, NULL},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    char name[64];
    snprintf(name, sizeof name, "blk.%zu.%s.weight", index, wanted[i].name);
    bool fits = wanted[i].vector != NULL ? bind_vector(gguf, name, wanted[i].rows, wanted[i].vector)
                                         : bind_matrix(gguf, name, wanted[i].rows, wanted[i].columns, wanted[i].matrix);
    if (!fits) return "a layer's tensor is missing or does not fit";
  }
  return NULL;
}

static bool bind_matrix(const struct gguf *gguf, const char *name, size_t rows, size_t columns, struct matrix *matrix) {
  const struct gguf_tensor *tensor = gguf_tensor(gguf, name);
  if (tensor == NULL || tensor->shape[0] != columns || tensor->shape[1] != rows) return false;
  if (tensor->shape[2] != 1 || tensor->shape[3] != 1) return false;
  *matrix = (struct matrix){tensor->data.data, tensor->type, rows, columns};
  return true;
}

static bool bind_vector(const struct gguf *gguf, const char *name, size_t length, const float **vector) {
  struct matrix matrix;
  if (!bind_matrix(gguf, name, 1, length, &matrix) || matrix.type != TENSOR_F32) return false;
  *vector = (const float *)(const void *)matrix.data;
  return true;
}
