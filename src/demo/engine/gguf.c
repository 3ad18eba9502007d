#include "gguf.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 65536, MAX_TENSORS = 65536, MAX_KEY = 65535, MAX_TENSOR_NAME = 63, HEADER_SIZE = 24 };

// Bytes of one value of each type; 0 where the length varies.
static const uint8_t TYPE_SIZE[GGUF_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct cursor {
  const uint8_t *at, *end;
  bool broken;
};

static const char *read_values(struct gguf *gguf, struct cursor *c);
static const char *read_value(struct gguf_value *value, struct cursor *c);
static const char *read_tensors(struct gguf *gguf, struct cursor *c);
static const char *place_tensors(struct gguf *gguf, struct bytes file, size_t header);
static struct bytes take(struct cursor *c, uint64_t length);
static uint32_t take32(struct cursor *c);
static uint64_t take64(struct cursor *c);
static struct bytes take_string(struct cursor *c);
static bool equals(struct bytes text, const char *other);

const char *gguf_read(struct gguf *gguf, struct bytes file) {
  *gguf = (struct gguf){0};
  struct cursor c = {file.data, file.data + file.size, false};
  if (file.size < HEADER_SIZE || memcmp(file.data, "GGUF", 4) != 0) return "this is not a GGUF file";
  take(&c, 4);
  gguf->version = take32(&c);
  if (gguf->version != 2 && gguf->version != 3) return "the GGUF version is not 2 or 3";
  uint64_t tensors = take64(&c), values = take64(&c);
  if (tensors > MAX_TENSORS || values > MAX_VALUES) return "the GGUF tables are too long";
  // The smallest entry of either table takes more than 12 bytes: what does not fit into the file is not allocated.
  if ((tensors + values) * 12 > file.size) return "the GGUF tables do not fit into the file";
  gguf->values = calloc(values + 1, sizeof *gguf->values);
  gguf->tensors = calloc(tensors + 1, sizeof *gguf->tensors);
  if (gguf->values == NULL || gguf->tensors == NULL) return "there is not enough memory";
  gguf->value_count = values;
  gguf->tensor_count = tensors;
  const char *problem = read_values(gguf, &c);
  if (problem == NULL) problem = read_tensors(gguf, &c);
  if (problem == NULL) problem = place_tensors(gguf, file, (size_t)(c.at - file.data));
  return problem;
}

void gguf_free(struct gguf *gguf) {
  free(gguf->values);
  free(gguf->tensors);
  *gguf = (struct gguf){0};
}

const struct gguf_value *gguf_value(const struct gguf *gguf, const char *key) {
  for (size_t i = 0; i < gguf->value_count; i++) {
    if (equals(gguf->values[i].key, key)) return &gguf->values[i];
  }
  return NULL;
}

const struct gguf_tensor *gguf_tensor(const struct gguf *gguf, const char *name) {
  for (size_t i = 0; i < gguf->tensor_count; i++) {
    if (equals(gguf->tensors[i].name, name)) return &gguf->tensors[i];
  }
  return NULL;
}

uint64_t gguf_integer(const struct gguf *gguf, const char *key, uint64_t missing) {
  const struct gguf_value *value = gguf_value(gguf, key);
  if (value == NULL || value->data.size > 8) return missing;
  uint64_t number = 0;
  switch (value->type) {
    case GGUF_I8: case GGUF_I16: case GGUF_I32: case GGUF_I64:
      if (value->data.data[value->data.size - 1] >= 0x80) return missing;
      break;
    case GGUF_U8: case GGUF_U16: case GGUF_U32: case GGUF_U64: case GGUF_BOOL:
      break;
    default:
      return missing;
  }
  memcpy(&number, value->data.data, value->data.size);
  return number;
}

double gguf_real(const struct gguf *gguf, const char *key, double missing) {
  const struct gguf_value *value = gguf_value(gguf, key);
  if (value == NULL) return missing;
  float single;
  double number;
  if (value->type == GGUF_F32) {
    memcpy(&single, value->data.data, sizeof single);
    return single;
  }
  if (value->type != GGUF_F64) return missing;
  memcpy(&number, value->data.data, sizeof number);
  return number;
}

struct bytes gguf_next_string(const uint8_t **cursor) {
  uint64_t length;
  memcpy(&length, *cursor, sizeof length);
  struct bytes text = {*cursor + sizeof length, (size_t)length};
  *cursor = text.data + text.size;
  return text;
}

static const char *read_values(struct gguf *gguf, struct cursor *c) {
  for (size_t i = 0; i < gguf->value_count; i++) {
    const char *problem = read_value(&gguf->values[i], c);
    if (problem != NULL) return problem;
  }
  return NULL;
}

static const char *read_value(struct gguf_value *value, struct cursor *c) {
  value->key = take_string(c);
  value->type = take32(c);
  value->count = 1;
  if (c->broken || value->key.size == 0 || value->key.size > MAX_KEY) return "a metadata key is malformed";
  if (value->type >= GGUF_TYPES) return "a metadata value has an unknown type";
  if (value->type == GGUF_STRING) {
    value->data = take_string(c);
  } else if (value->type != GGUF_ARRAY) {
    value->data = take(c, TYPE_SIZE[value->type]);
  } else {
    value->element_type = take32(c);
    value->count = take64(c);
    const uint8_t *start = c->at;
    if (c->broken || value->element_type >= GGUF_TYPES || value->element_type == GGUF_ARRAY) {
      return "a metadata array is malformed";
    }
    if (value->element_type == GGUF_STRING) {
      // Each string takes at least its length field, so the file's size bounds this loop.
      for (uint64_t i = 0; i < value->count && !c->broken; i++) take_string(c);
    } else {
      uint64_t size = TYPE_SIZE[value->element_type];
      if (value->count > (uint64_t)(c->end - c->at) / size) return "a metadata array leaves the file";
      take(c, value->count * size);
    }
    value->data = (struct bytes){start, (size_t)(c->at - start)};
  }
  return c->broken ? "a metadata value leaves the file" : NULL;
}

static const char *read_tensors(struct gguf *gguf, struct cursor *c) {
  for (size_t i = 0; i < gguf->tensor_count; i++) {
    struct gguf_tensor *tensor = &gguf->tensors[i];
    tensor->name = take_string(c);
    tensor->dimensions = take32(c);
    if (c->broken || tensor->name.size == 0 || tensor->name.size > MAX_TENSOR_NAME) return "a tensor name is malformed";
    if (tensor->dimensions < 1 || tensor->dimensions > 4) return "a tensor has an impossible number of dimensions";
    for (uint32_t d = 0; d < 4; d++) tensor->shape[d] = d < tensor->dimensions ? take64(c) : 1;
    tensor->type = take32(c);
    tensor->data.size = (size_t)take64(c); // the offset, until the data's place is known
    if (c->broken) return "a tensor entry leaves the file";
  }
  return NULL;
}

static const char *place_tensors(struct gguf *gguf, struct bytes file, size_t header) {
  uint64_t alignment = gguf_integer(gguf, "general.alignment", 32);
  if (alignment < 8 || alignment > 65536 || (alignment & (alignment - 1)) != 0) return "general.alignment is impossible";
  uint64_t start = (header + alignment - 1) & ~(alignment - 1);
  if (gguf->tensor_count > 0 && start > file.size) return "the tensor data leaves the file";
  for (size_t i = 0; i < gguf->tensor_count; i++) {
    struct gguf_tensor *tensor = &gguf->tensors[i];
    if (tensor->type != TENSOR_F32 && tensor->type != TENSOR_F16) return "only F32 and F16 tensors can be used";
    uint64_t offset = tensor->data.size, size = tensor->type == TENSOR_F32 ? 4 : 2;
    for (uint32_t d = 0; d < 4; d++) {
      if (tensor->shape[d] == 0 || __builtin_mul_overflow(size, tensor->shape[d], &size)) return "a tensor has an impossible size";
    }
    if (offset % alignment != 0) return "a tensor is not aligned";
    if (offset > file.size - start || size > file.size - start - offset) return "a tensor leaves the file";
    tensor->data = (struct bytes){file.data + start + offset, (size_t)size};
  }
  return NULL;
}

static struct bytes take(struct cursor *c, uint64_t length) {
  if (c->broken || length > (uint64_t)(c->end - c->at)) {
    c->broken = true;
    return (struct bytes){0};
  }
  struct bytes taken = {c->at, (size_t)length};
  c->at += length;
  return taken;
}

static uint32_t take32(struct cursor *c) {
  struct bytes raw = take(c, 4);
  uint32_t number = 0;
  if (raw.size == 4) memcpy(&number, raw.data, 4);
  return number;
}

static uint64_t take64(struct cursor *c) {
  struct bytes raw = take(c, 8);
  uint64_t number = 0;
  if (raw.size == 8) memcpy(&number, raw.data, 8);
  return number;
}

static struct bytes take_string(struct cursor *c) {
  return take(c, take64(c));
}

static bool equals(struct bytes text, const char *other) {
  return strlen(other) == text.size && memcmp(other, text.data, text.size) == 0;
}
