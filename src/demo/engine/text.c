#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum { MAX_TEXT = 16 * 1024 * 1024 };

static bool reserve(struct text *text, size_t more);

void text_add(struct text *text, const char *data, size_t length) {
  if (!reserve(text, length)) return;
  memcpy(text->data + text->length, data, length);
  text->length += length;
}

void text_format(struct text *text, const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= sizeof line) {
    text->failed = true;
    return;
  }
  text_add(text, line, (size_t)length);
}

void text_add_string(struct text *text, const char *data, size_t length) {
  text_add(text, "\"", 1);
  for (size_t i = 0; i < length;) {
    unsigned char c = (unsigned char)data[i];
    int sequence = utf8_sequence(data + i, length - i);
    if (c == '"' || c == '\\') {
      text_format(text, "\\%c", c);
    } else if (c < 0x20 || c == 0x7f) {
      text_format(text, "\\u%04x", c);
    } else if (sequence > 0) {
      text_add(text, data + i, (size_t)sequence);
    } else {
      text_format(text, "\\ufffd");
    }
    i += sequence > 0 ? (size_t)sequence : 1;
  }
  text_add(text, "\"", 1);
}

void text_free(struct text *text) {
  free(text->data);
  *text = (struct text){0};
}

// Unicode 15, table 3-7: well-formed UTF-8 byte sequences.
int utf8_sequence(const char *data, size_t length) {
  if (length == 0) return 0;
  const unsigned char *p = (const unsigned char *)data;
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xc2 || p[0] > 0xf4) return -1;
  size_t size = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
  unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
  for (size_t i = 1; i < size; i++) {
    if (i >= length) return 0;
    if (p[i] < (i == 1 ? low : 0x80) || p[i] > (i == 1 ? high : 0xbf)) return -1;
  }
  return (int)size;
}

static bool reserve(struct text *text, size_t more) {
  if (text->failed || more > MAX_TEXT - text->length) return text->failed = true, false;
  if (text->length + more <= text->capacity) return true;
  size_t capacity = text->capacity < 256 ? 256 : text->capacity;
  while (capacity < text->length + more) capacity *= 2;
  char *data = realloc(text->data, capacity);
  if (data == NULL) return text->failed = true, false;
  text->data = data;
  text->capacity = capacity;
  return true;
}
