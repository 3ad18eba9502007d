#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t MAX_SESSION_BYTES = (size_t)1 << 30;
enum { SMALLEST_SHARE_BYTES = 64 * 1024, LANES = 8 };

struct product {
  const struct matrix *matrix;
  const float *input;
  float *output;
};

static void fill_rope(struct session *s);
static void attend(struct session *s, const struct layer *layer, size_t index, size_t position);
static void feed_forward(struct session *s, const struct layer *layer);
static void embed(const struct matrix *matrix, size_t row, float *output);
static void normalise(float *output, const float *x, const float *weight, size_t length, float epsilon);
static void rotate(const struct session *s, float *vector, size_t heads, size_t position);
static void soften(float *scores, size_t count);
static void multiply(struct session *s, const struct matrix *matrix, const float *input, float *output);
static void multiply_rows(void *context, size_t first, size_t end);
static float half_to_float(uint16_t half);

static float half_table[65536];

const char *session_start(struct session *s, const struct model *m, struct pool *pool, size_t context) {
  *s = (struct session){.model = m, .pool = pool, .context = context};
  size_t cache = m->layer_count * m->kv_width * context; // at most 2^9 * 2^16 * 2^20
  if (context == 0 || context > (size_t)1 << 20 || cache > MAX_SESSION_BYTES / sizeof(float) / 2) return "the context is too large";
  const struct {
    float **at;
    size_t count;
  } wanted[] = {
      {&s->x, m->width},          {&s->normed, m->width}, {&s->q, m->width},      {&s->attended, m->width},
      {&s->gate, m->feed_forward}, {&s->up, m->feed_forward}, {&s->scores, context}, {&s->logits, m->vocabulary},
      {&s->keys, cache},          {&s->values, cache},    {&s->rope, m->rope_width + 1},
  };
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    *wanted[i].at = calloc(wanted[i].count, sizeof(float));
    if (*wanted[i].at == NULL) return "there is not enough memory";
  }
  fill_rope(s);
  for (size_t i = 0; i < 65536; i++) half_table[i] = half_to_float((uint16_t)i);
  return NULL;
}

void session_free(struct session *s) {
  float *all[] = {s->x, s->normed, s->q, s->attended, s->gate, s->up, s->scores, s->logits, s->rope, s->keys, s->values};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
  *s = (struct session){0};
}

float *session_step(struct session *s, size_t token, size_t position) {
  const struct model *m = s->model;
  embed(&m->embedding, token, s->x);
  for (size_t i = 0; i < m->layer_count; i++) {
    attend(s, &m->layers[i], i, position);
    feed_forward(s, &m->layers[i]);
  }
  normalise(s->normed, s->x, m->output_norm, m->width, m->epsilon);
  multiply(s, &m->output, s->normed, s->logits);
  return s->logits;
}

// The angle by which each pair of a head turns from one position to the next.
static void fill_rope(struct session *s) {
  size_t width = s->model->rope_width;
  for (size_t i = 0; i < width / 2; i++) s->rope[i] = powf(s->model->rope_base, -2.0f * (float)i / (float)width);
}

static void attend(struct session *s, const struct layer *layer, size_t index, size_t position) {
  const struct model *m = s->model;
  float *keys = s->keys + index * s->context * m->kv_width, *values = s->values + index * s->context * m->kv_width;
  normalise(s->normed, s->x, layer->attention_norm, m->width, m->epsilon);
  multiply(s, &layer->q, s->normed, s->q);
  multiply(s, &layer->k, s->normed, keys + position * m->kv_width);
  multiply(s, &layer->v, s->normed, values + position * m->kv_width);
  rotate(s, s->q, m->heads, position);
  rotate(s, keys + position * m->kv_width, m->kv_heads, position);

  size_t sharing = m->heads / m->kv_heads;
  float scale = 1.0f / sqrtf((float)m->head_width);
  memset(s->attended, 0, m->width * sizeof(float));
  for (size_t head = 0; head < m->heads; head++) {
    const float *q = s->q + head * m->head_width;
    size_t column = head / sharing * m->head_width;
    for (size_t t = 0; t <= position; t++) {
      const float *k = keys + t * m->kv_width + column;
      float sum = 0;
      for (size_t i = 0; i < m->head_width; i++) sum += q[i] * k[i];
      s->scores[t] = sum * scale;
    }
    soften(s->scores, position + 1);
    float *out = s->attended + head * m->head_width;
    for (size_t t = 0; t <= position; t++) {
      const float *v = values + t * m->kv_width + column;
      for (size_t i = 0; i < m->head_width; i++) out[i] += s->scores[t] * v[i];
    }
  }
  multiply(s, &layer->attention_output, s->attended, s->q);
  for (size_t i = 0; i < m->width; i++) s->x[i] += s->q[i];
}

static void feed_forward(struct session *s, const struct layer *layer) {
  const struct model *m = s->model;
  normalise(s->normed, s->x, layer->feed_forward_norm, m->width, m->epsilon);
  multiply(s, &layer->gate, s->normed, s->gate);
  multiply(s, &layer->up, s->normed, s->up);
  for (size_t i = 0; i < m->feed_forward; i++) s->gate[i] = s->gate[i] / (1.0f + expf(-s->gate[i])) * s->up[i];
  multiply(s, &layer->down, s->gate, s->q);
  for (size_t i = 0; i < m->width; i++) s->x[i] += s->q[i];
}

static void embed(const struct matrix *matrix, size_t row, float *output) {
  size_t columns = matrix->columns;
  if (matrix->type == TENSOR_F32) {
    memcpy(output, matrix->data + row * columns * sizeof(float), columns * sizeof(float));
    return;
  }
  const uint16_t *halves = (const uint16_t *)(const void *)matrix->data + row * columns;
  for (size_t i = 0; i < columns; i++) output[i] = half_table[halves[i]];
}

static void normalise(float *output, const float *x, const float *weight, size_t length, float epsilon) {
  float squares = 0;
  for (size_t i = 0; i < length; i++) squares += x[i] * x[i];
  float scale = 1.0f / sqrtf(squares / (float)length + epsilon);
  for (size_t i = 0; i < length; i++) output[i] = x[i] * scale * weight[i];
}

// Turns neighbouring pairs: (2i, 2i+1) by position * rope[i].
static void rotate(const struct session *s, float *vector, size_t heads, size_t position) {
  size_t pairs = s->model->rope_width / 2;
  for (size_t i = 0; i < pairs; i++) {
    float angle = (float)position * s->rope[i], cosine = cosf(angle), sine = sinf(angle);
    for (size_t head = 0; head < heads; head++) {
      float *pair = vector + head * s->model->head_width + 2 * i;
      float a = pair[0], b = pair[1];
      pair[0] = a * cosine - b * sine;
      pair[1] = a * sine + b * cosine;
    }
  }
}

static void soften(float *scores, size_t count) {
  float top = scores[0], sum = 0;
  for (size_t i = 1; i < count; i++) top = scores[i] > top ? scores[i] : top;
  for (size_t i = 0; i < count; i++) sum += scores[i] = expf(scores[i] - top);
  for (size_t i = 0; i < count; i++) scores[i] /= sum;
}

static void multiply(struct session *s, const struct matrix *matrix, const float *input, float *output) {
  struct product product = {matrix, input, output};
  size_t row_bytes = matrix->columns * (matrix->type == TENSOR_F32 ? 4 : 2);
  pool_run(s->pool, matrix->rows, SMALLEST_SHARE_BYTES / row_bytes + 1, multiply_rows, &product);
}

// Several running sums a row: the compiler may not reorder a single one, and so could not use vector registers.
static void multiply_rows(void *context, size_t first, size_t end) {
  const struct product *p = context;
  size_t columns = p->matrix->columns, whole = columns - columns % LANES;
  for (size_t row = first; row < end; row++) {
    float lanes[LANES] = {0}, sum = 0;
    if (p->matrix->type == TENSOR_F32) {
      const float *w = (const float *)(const void *)p->matrix->data + row * columns;
      for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += w[i + lane] * p->input[i + lane];
      }
      for (size_t i = whole; i < columns; i++) sum += w[i] * p->input[i];
    } else {
      const uint16_t *w = (const uint16_t *)(const void *)p->matrix->data + row * columns;
      for (size_t i = 0; i < whole; i += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) lanes[lane] += half_table[w[i + lane]] * p->input[i + lane];
      }
      for (size_t i = whole; i < columns; i++) sum += half_table[w[i]] * p->input[i];
    }
    for (size_t lane = 0; lane < LANES; lane++) sum += lanes[lane];
    p->output[row] = sum;
  }
}

// IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits.
static float half_to_float(uint16_t half) {
  float sign = half & 0x8000 ? -1.0f : 1.0f;
  int exponent = half >> 10 & 0x1f, fraction = half & 0x3ff;
  if (exponent == 0x1f) return fraction != 0 ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * ldexpf((float)fraction, -24);
  return sign * ldexpf((float)(fraction + 1024), exponent - 25);
}
