// GGUF version 2 and 3, little-endian: metadata and tensor table over bytes in memory. Every length is checked before it is used.
#ifndef DEMO_GGUF_H
#define DEMO_GGUF_H

#include "container.h"

enum gguf_type {
  GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY, GGUF_U64, GGUF_I64, GGUF_F64,
  GGUF_TYPES
};

enum tensor_type { TENSOR_F32 = 0, TENSOR_F16 = 1 };

struct gguf_value {
  struct bytes key;
  uint32_t type;
  uint32_t element_type; // of an array
  uint64_t count;        // of an array; otherwise 1
  struct bytes data;     // the value, or the array's elements
};

struct gguf_tensor {
  struct bytes name;
  uint32_t type;
  uint32_t dimensions;
  uint64_t shape[4]; // shape[0] runs fastest
  struct bytes data;
};

struct gguf {
  uint32_t version;
  size_t value_count, tensor_count;
  struct gguf_value *values;
  struct gguf_tensor *tensors;
};

// Reads the tables of a GGUF. `file` must stay mapped. Returns NULL or the reason; gguf_free is due in both cases.
const char *gguf_read(struct gguf *gguf, struct bytes file);
void gguf_free(struct gguf *gguf);

// Look-ups by name; NULL if there is none.
const struct gguf_value *gguf_value(const struct gguf *gguf, const char *key);
const struct gguf_tensor *gguf_tensor(const struct gguf *gguf, const char *name);

// A number of the metadata; the default if the key is missing or no number. Negative integers count as missing.
uint64_t gguf_integer(const struct gguf *gguf, const char *key, uint64_t missing);
double gguf_real(const struct gguf *gguf, const char *key, double missing);

// Reads the string at *cursor (8-byte length, then bytes) and advances. Only for arrays that gguf_read accepted.
struct bytes gguf_next_string(const uint8_t **cursor);

#endif
