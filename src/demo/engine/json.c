#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32, MAX_NODES = 65536, MAX_NUMBER = 64 };

struct reader {
  struct json_document *document;
  const char *at, *end;
};

static struct json *read_value(struct reader *r, int depth);
static bool read_members(struct reader *r, struct json *parent, int depth);
static bool read_string(struct reader *r, const char **text, size_t *length);
static bool read_escape(struct reader *r, char **out);
static bool read_number(struct reader *r, double *number);
static bool read_word(struct reader *r, const char *word);
static bool read_hex(struct reader *r, unsigned *code);
static void skip_space(struct reader *r);
static char *put_utf8(char *out, unsigned point);

bool json_read(struct json_document *document, const char *input, size_t length) {
  *document = (struct json_document){0};
  document->node_limit = length < MAX_NODES ? length + 1 : MAX_NODES;
  document->nodes = calloc(document->node_limit, sizeof *document->nodes);
  document->text = malloc(length + 1); // each string with its terminator is shorter than its quoted form
  if (document->nodes == NULL || document->text == NULL) return false;
  struct reader r = {document, input, input + length};
  document->root = read_value(&r, 0);
  skip_space(&r);
  return document->root != NULL && r.at == r.end;
}

void json_free(struct json_document *document) {
  free(document->nodes);
  free(document->text);
  *document = (struct json_document){0};
}

const struct json *json_member(const struct json *object, const char *key, enum json_type type) {
  const struct json *found = NULL;
  if (object == NULL || object->type != JSON_OBJECT) return NULL;
  for (const struct json *item = object->first; item != NULL; item = item->next) {
    if (strcmp(item->key, key) == 0) found = item;
  }
  return found != NULL && found->type == type ? found : NULL;
}

double json_number(const struct json *object, const char *key, double missing) {
  const struct json *member = json_member(object, key, JSON_NUMBER);
  return member != NULL ? member->number : missing;
}

static struct json *read_value(struct reader *r, int depth) {
  struct json_document *document = r->document;
  skip_space(r);
  if (r->at == r->end || depth > MAX_DEPTH || document->node_count == document->node_limit) return NULL;
  struct json *node = &document->nodes[document->node_count++];
  char start = *r->at;
  bool good;
  if (start == '{' || start == '[') {
    node->type = start == '{' ? JSON_OBJECT : JSON_ARRAY;
    good = read_members(r, node, depth);
  } else if (start == '"') {
    node->type = JSON_STRING;
    good = read_string(r, &node->text, &node->length);
  } else if (start == 't' || start == 'f') {
    node->type = start == 't' ? JSON_TRUE : JSON_FALSE;
    good = read_word(r, start == 't' ? "true" : "false");
  } else if (start == 'n') {
    good = read_word(r, "null");
  } else {
    node->type = JSON_NUMBER;
    good = read_number(r, &node->number);
  }
  return good ? node : NULL;
}

static bool read_members(struct reader *r, struct json *parent, int depth) {
  char close = parent->type == JSON_OBJECT ? '}' : ']';
  struct json **link = &parent->first;
  r->at++;
  skip_space(r);
  if (r->at < r->end && *r->at == close) return r->at++, true;
  for (;;) {
    const char *key = NULL;
    size_t length;
    if (parent->type == JSON_OBJECT) {
      skip_space(r);
      if (!read_string(r, &key, &length)) return false;
      skip_space(r);
      if (r->at == r->end || *r->at++ != ':') return false;
    }
    struct json *item = read_value(r, depth + 1);
    if (item == NULL) return false;
    item->key = key;
    *link = item;
    link = &item->next;
    skip_space(r);
    if (r->at == r->end) return false;
    char next = *r->at++;
    if (next == close) return true;
    if (next != ',') return false;
  }
}

static bool read_string(struct reader *r, const char **text, size_t *length) {
  struct json_document *document = r->document;
  if (r->at == r->end || *r->at++ != '"') return false;
  char *start = document->text + document->text_used, *out = start;
  while (r->at < r->end && *r->at != '"') {
    if ((unsigned char)*r->at < 0x20) return false;
    if (*r->at != '\\') {
      *out++ = *r->at++;
    } else if (!read_escape(r, &out)) {
      return false;
    }
  }
  if (r->at == r->end) return false;
  r->at++;
  *out = '\0';
  *text = start;
  *length = (size_t)(out - start);
  document->text_used += *length + 1;
  return true;
}

static bool read_escape(struct reader *r, char **out) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  if (r->end - r->at < 2) return false;
  char name = r->at[1];
  r->at += 2;
  if (name != 'u') {
    const char *found = memchr(names, name, sizeof names - 1);
    if (found == NULL) return false;
    *(*out)++ = values[found - names];
    return true;
  }
  unsigned code, low;
  if (!read_hex(r, &code)) return false;
  if (code >= 0xd800 && code < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
    const char *before = r->at;
    r->at += 2;
    if (!read_hex(r, &low)) return false;
    if (low >= 0xdc00 && low < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else {
      r->at = before;
    }
  }
  if (code >= 0xd800 && code < 0xe000) code = 0xfffd; // half of a pair
  *out = put_utf8(*out, code);
  return true;
}

static bool read_hex(struct reader *r, unsigned *code) {
  if (r->end - r->at < 4) return false;
  *code = 0;
  for (int i = 0; i < 4; i++) {
    char c = *r->at++;
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return false;
    *code = *code << 4 | (unsigned)digit;
  }
  return true;
}

static bool read_number(struct reader *r, double *number) {
  char digits[MAX_NUMBER + 1];
  size_t length = 0;
  while (r->at < r->end && length < MAX_NUMBER && *r->at != '\0' && strchr("+-.eE0123456789", *r->at) != NULL) {
    digits[length++] = *r->at++;
  }
  digits[length] = '\0';
  char *end;
  *number = strtod(digits, &end);
  return length > 0 && end == digits + length && digits[0] != '+' && digits[0] != '.';
}

static bool read_word(struct reader *r, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0) return false;
  r->at += length;
  return true;
}

static void skip_space(struct reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) r->at++;
}

static char *put_utf8(char *out, unsigned point) {
  if (point < 0x80) {
    *out++ = (char)point;
    return out;
  }
  int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  *out++ = (char)(0xff80 >> more | point >> 6 * more);
  while (more-- > 0) *out++ = (char)(0x80 | (point >> 6 * more & 0x3f));
  return out;
}
