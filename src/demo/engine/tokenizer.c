#include "tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE };
enum { MAX_PIECES = 1 << 20, MAX_PIECE = 4096, MAX_TEXT = 64 * 1024 };
static const char SPACE[] = "\xe2\x96\x81"; // U+2581 stands for a space
enum { SPACE_LENGTH = 3 };

// A stretch of the text that may still grow to the right. `joined` is the token that it forms with the next one.
struct symbol {
  struct bytes text;
  long previous, next;
  int32_t joined;
  float score;
};

static const char *load_pieces(struct tokenizer *t, const struct gguf *gguf);
static const char *index_pieces(struct tokenizer *t);
static int32_t special(const struct tokenizer *t, const struct gguf *gguf, const char *key, int32_t usual);
static int byte_of(struct bytes piece);
static int32_t look_up(const struct tokenizer *t, struct bytes piece);
static size_t slot(const struct tokenizer *t, struct bytes piece);
static uint8_t *with_spaces(const struct tokenizer *t, struct bytes text, size_t *length);
static long split(const struct tokenizer *t, struct symbol *symbols, const uint8_t *text, size_t length);
static void try_join(const struct tokenizer *t, struct symbol *symbols, long at);
static void join_all(const struct tokenizer *t, struct symbol *symbols);
static bool emit(const struct tokenizer *t, struct bytes piece, int32_t *tokens, size_t limit, size_t *count);

const char *tokenizer_load(struct tokenizer *t, const struct gguf *gguf) {
  *t = (struct tokenizer){0};
  const struct gguf_value *kind = gguf_value(gguf, "tokenizer.ggml.model");
  bool known = kind != NULL && kind->type == GGUF_STRING && kind->data.size == 5 && memcmp(kind->data.data, "llama", 5) == 0;
  if (!known) return "the tokenizer is not of the kind \"llama\"";
  const char *problem = load_pieces(t, gguf);
  if (problem == NULL) problem = index_pieces(t);
  if (problem != NULL) return problem;
  t->unknown = special(t, gguf, "tokenizer.ggml.unknown_token_id", 0);
  t->begin = special(t, gguf, "tokenizer.ggml.bos_token_id", 1);
  t->end = special(t, gguf, "tokenizer.ggml.eos_token_id", 2);
  t->add_begin = t->begin != NO_TOKEN && gguf_integer(gguf, "tokenizer.ggml.add_bos_token", 1) != 0;
  t->add_space = gguf_integer(gguf, "tokenizer.ggml.add_space_prefix", 1) != 0;
  return NULL;
}

void tokenizer_free(struct tokenizer *t) {
  free(t->pieces);
  free(t->scores);
  free(t->types);
  free(t->table);
  *t = (struct tokenizer){0};
}

long tokenizer_encode(const struct tokenizer *t, struct bytes text, int32_t *tokens, size_t limit) {
  size_t count = 0, length;
  if (t->add_begin) {
    if (limit == 0) return -1;
    tokens[count++] = t->begin;
  }
  if (text.size == 0) return (long)count;
  uint8_t *spaced = text.size <= MAX_TEXT ? with_spaces(t, text, &length) : NULL;
  struct symbol *symbols = spaced != NULL ? calloc(length + 1, sizeof *symbols) : NULL;
  bool complete = symbols != NULL;
  if (complete) {
    if (split(t, symbols, spaced, length) > 0) join_all(t, symbols);
    for (long i = 0; i >= 0 && complete; i = symbols[i].next) complete = emit(t, symbols[i].text, tokens, limit, &count);
  }
  free(symbols);
  free(spaced);
  return complete ? (long)count : -1;
}

size_t tokenizer_decode(const struct tokenizer *t, int32_t token, char *out, size_t size) {
  if (token < 0 || (size_t)token >= t->count || t->types[token] == CONTROL || t->types[token] == UNKNOWN) return 0;
  struct bytes piece = t->pieces[token];
  if (t->types[token] == BYTE) {
    int byte = byte_of(piece);
    if (size == 0 || byte < 0) return 0;
    *out = (char)byte;
    return 1;
  }
  size_t length = 0;
  for (size_t i = 0; i < piece.size && length < size;) {
    bool space = piece.size - i >= SPACE_LENGTH && memcmp(piece.data + i, SPACE, SPACE_LENGTH) == 0;
    out[length++] = space ? ' ' : (char)piece.data[i];
    i += space ? SPACE_LENGTH : 1;
  }
  return length;
}

static const char *load_pieces(struct tokenizer *t, const struct gguf *gguf) {
  const struct gguf_value *tokens = gguf_value(gguf, "tokenizer.ggml.tokens");
  const struct gguf_value *scores = gguf_value(gguf, "tokenizer.ggml.scores");
  const struct gguf_value *types = gguf_value(gguf, "tokenizer.ggml.token_type");
  bool strings = tokens != NULL && tokens->type == GGUF_ARRAY && tokens->element_type == GGUF_STRING;
  if (!strings || tokens->count == 0 || tokens->count > MAX_PIECES) return "tokenizer.ggml.tokens is missing or malformed";
  bool floats = scores != NULL && scores->type == GGUF_ARRAY && scores->element_type == GGUF_F32;
  if (!floats || scores->count != tokens->count) return "tokenizer.ggml.scores does not fit the tokens";
  bool integers = types != NULL && types->type == GGUF_ARRAY && types->element_type == GGUF_I32;
  if (!integers || types->count != tokens->count) return "tokenizer.ggml.token_type does not fit the tokens";
  t->count = tokens->count;
  t->pieces = calloc(t->count, sizeof *t->pieces);
  t->scores = calloc(t->count, sizeof *t->scores);
  t->types = calloc(t->count, sizeof *t->types);
  if (t->pieces == NULL || t->scores == NULL || t->types == NULL) return "there is not enough memory";
  memcpy(t->scores, scores->data.data, t->count * sizeof *t->scores);
  memcpy(t->types, types->data.data, t->count * sizeof *t->types);
  const uint8_t *cursor = tokens->data.data;
  for (size_t i = 0; i < t->count; i++) {
    t->pieces[i] = gguf_next_string(&cursor);
    if (t->pieces[i].size > MAX_PIECE) return "a token is too long";
  }
  return NULL;
}

static const char *index_pieces(struct tokenizer *t) {
  t->table_size = 1024;
  while (t->table_size < t->count * 2) t->table_size *= 2;
  t->table = malloc(t->table_size * sizeof *t->table);
  if (t->table == NULL) return "there is not enough memory";
  for (size_t i = 0; i < t->table_size; i++) t->table[i] = NO_TOKEN;
  for (int i = 0; i < 256; i++) t->bytes[i] = NO_TOKEN;
  for (size_t i = 0; i < t->count; i++) {
    struct bytes piece = t->pieces[i];
    int byte = t->types[i] == BYTE ? byte_of(piece) : -1;
    if (byte >= 0) t->bytes[byte] = (int32_t)i;
    bool usable = t->types[i] == NORMAL || t->types[i] == USER_DEFINED;
    if (!usable) continue;
    size_t at = slot(t, piece);
    if (t->table[at] == NO_TOKEN) t->table[at] = (int32_t)i; // of equal pieces the first counts
  }
  return NULL;
}

static int32_t special(const struct tokenizer *t, const struct gguf *gguf, const char *key, int32_t usual) {
  uint64_t token = gguf_integer(gguf, key, (uint64_t)usual);
  return token < t->count ? (int32_t)token : NO_TOKEN;
}

// The byte that a piece like <0x0A> stands for, or -1.
static int byte_of(struct bytes piece) {
  static const char digits[] = "0123456789ABCDEF";
  if (piece.size != 6 || memcmp(piece.data, "<0x", 3) != 0 || piece.data[5] != '>') return -1;
  const char *high = memchr(digits, piece.data[3], 16), *low = memchr(digits, piece.data[4], 16);
  return high == NULL || low == NULL ? -1 : (int)((high - digits) << 4 | (low - digits));
}

static int32_t look_up(const struct tokenizer *t, struct bytes piece) {
  return piece.size > MAX_PIECE ? NO_TOKEN : t->table[slot(t, piece)];
}

// The slot that holds the piece, or the free one where it would go. The table is at most half full.
static size_t slot(const struct tokenizer *t, struct bytes piece) {
  uint64_t hash = 14695981039346656037u; // FNV-1a
  for (size_t i = 0; i < piece.size; i++) hash = (hash ^ piece.data[i]) * 1099511628211u;
  size_t at = (hash ^ hash >> 32) & (t->table_size - 1);
  for (; t->table[at] != NO_TOKEN; at = (at + 1) & (t->table_size - 1)) {
    struct bytes other = t->pieces[t->table[at]];
    if (other.size == piece.size && memcmp(other.data, piece.data, piece.size) == 0) break;
  }
  return at;
}

static uint8_t *with_spaces(const struct tokenizer *t, struct bytes text, size_t *length) {
  uint8_t *out = malloc((text.size + 1) * SPACE_LENGTH);
  if (out == NULL) return NULL;
  size_t n = 0;
  if (t->add_space) n += (size_t)(stpcpy((char *)out, SPACE) - (char *)out);
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == ' ') {
      memcpy(out + n, SPACE, SPACE_LENGTH);
      n += SPACE_LENGTH;
    } else {
      out[n++] = text.data[i];
    }
  }
  *length = n;
  return out;
}

// One symbol for each UTF-8 character; a broken sequence becomes shorter symbols, which end as single bytes.
static long split(const struct tokenizer *t, struct symbol *symbols, const uint8_t *text, size_t length) {
  long count = 0;
  for (size_t i = 0; i < length;) {
    size_t size = text[i] >= 0xf0 ? 4 : text[i] >= 0xe0 ? 3 : text[i] >= 0xc0 ? 2 : 1;
    if (size > length - i) size = length - i;
    symbols[count] = (struct symbol){{text + i, size}, count - 1, count + 1, NO_TOKEN, 0};
    count++;
    i += size;
  }
  if (count > 0) symbols[count - 1].next = -1;
  for (long i = 0; i < count; i++) try_join(t, symbols, i);
  return count;
}

static void try_join(const struct tokenizer *t, struct symbol *symbols, long at) {
  struct symbol *left = &symbols[at];
  left->joined = NO_TOKEN;
  if (left->next < 0) return;
  struct bytes both = {left->text.data, left->text.size + symbols[left->next].text.size};
  left->joined = look_up(t, both);
  if (left->joined != NO_TOKEN) left->score = t->scores[left->joined];
}

// Joins the pair with the best score, the leftmost of equals, until no pair is a piece.
static void join_all(const struct tokenizer *t, struct symbol *symbols) {
  for (;;) {
    long best = -1;
    for (long i = 0; i >= 0; i = symbols[i].next) {
      if (symbols[i].joined != NO_TOKEN && (best < 0 || symbols[i].score > symbols[best].score)) best = i;
    }
    if (best < 0) return;
    struct symbol *left = &symbols[best], *right = &symbols[left->next];
    left->text.size += right->text.size;
    left->next = right->next;
    if (left->next >= 0) symbols[left->next].previous = best;
    try_join(t, symbols, best);
    if (left->previous >= 0) try_join(t, symbols, left->previous);
  }
}

static bool emit(const struct tokenizer *t, struct bytes piece, int32_t *tokens, size_t limit, size_t *count) {
  int32_t token = look_up(t, piece);
  if (token != NO_TOKEN) {
    if (*count >= limit) return false;
    tokens[(*count)++] = token;
    return true;
  }
  for (size_t i = 0; i < piece.size; i++) {
    int32_t byte = t->bytes[piece.data[i]] != NO_TOKEN ? t->bytes[piece.data[i]] : t->unknown;
    if (byte == NO_TOKEN) continue;
    if (*count >= limit) return false;
    tokens[(*count)++] = byte;
  }
  return true;
}
