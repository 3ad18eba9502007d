// SentencePiece vocabularies as GGUF carries them (tokenizer.ggml.model = "llama"): pieces with scores, bytes as a fallback.
#ifndef DEMO_TOKENIZER_H
#define DEMO_TOKENIZER_H

#include "gguf.h"

enum { NO_TOKEN = -1 };

struct tokenizer {
  size_t count;
  struct bytes *pieces;
  float *scores;
  int32_t *types;     // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  int32_t *table;     // hash table: piece → token
  size_t table_size;  // a power of two
  int32_t bytes[256]; // token of each byte, or NO_TOKEN
  int32_t unknown, begin, end;
  bool add_begin, add_space;
};

// Returns NULL or the reason; tokenizer_free is due in both cases. The GGUF's bytes must outlive the tokenizer.
const char *tokenizer_load(struct tokenizer *tokenizer, const struct gguf *gguf);
void tokenizer_free(struct tokenizer *tokenizer);

// Splits a text into at most `limit` tokens. Returns their number, or -1 if there are more or memory is short.
long tokenizer_encode(const struct tokenizer *tokenizer, struct bytes text, int32_t *tokens, size_t limit);

// Writes what a token stands for (nothing for control tokens); at most `size` bytes. Returns the length.
size_t tokenizer_decode(const struct tokenizer *tokenizer, int32_t token, char *out, size_t size);

#endif
