// JSON (RFC 8259): a small reader with fixed bounds, and text that is built up.
#ifndef DEMO_JSON_H
#define DEMO_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
  enum json_type type;
  double number;
  const char *text; // of a string: UTF-8, NUL-terminated as well
  size_t length;
  const char *key; // inside an object
  struct json *first, *next;
};

struct json_document {
  struct json *nodes, *root;
  size_t node_count, node_limit;
  char *text;
  size_t text_used;
};

// Reads one value that fills `input`. Memory use is a small multiple of the input. False if it is not JSON, nests deeper than 32, or
// holds more than 65,536 values; json_free is due in both cases.
bool json_read(struct json_document *document, const char *input, size_t length);
void json_free(struct json_document *document);

// The member of an object, of that type; NULL otherwise. A later duplicate wins.
const struct json *json_member(const struct json *object, const char *key, enum json_type type);
double json_number(const struct json *object, const char *key, double missing);

// Growing text. After a failed allocation everything is ignored and `failed` stays set.
struct text {
  char *data;
  size_t length, capacity;
  bool failed;
};

void text_add(struct text *text, const char *data, size_t length);
__attribute__((format(printf, 2, 3))) void text_format(struct text *text, const char *format, ...);
// Adds a quoted JSON string. Bytes that are not UTF-8 become U+FFFD.
void text_add_string(struct text *text, const char *data, size_t length);
void text_free(struct text *text);

// The length of the UTF-8 sequence at the start of `data`: 1 to 4; 0 if it may still become one with more bytes; -1 if it is none.
int utf8_sequence(const char *data, size_t length);

#endif
