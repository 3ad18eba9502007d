#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Calls and notices fill the first megabyte; the rest is for the few lines that must arrive. */
enum { ROOM = 1 << 20, RESERVE = 256 << 10, CAPACITY = ROOM + RESERVE };

static bool allowed(struct events *events);
static bool append(struct events *events, const char *bytes, size_t length, size_t limit);

int events_open(struct events *events, int fd) {
  memset(events, 0, sizeof *events);
  events->fd = fd;
  events->refilled = now_ms();
  events->buffer = malloc(CAPACITY);
  int flags = fcntl(fd, F_GETFL);
  if (events->buffer == NULL || flags < 0) return -1;
  return fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void events_rate(struct events *events, uint32_t burst, uint32_t per_second) {
  events->burst = burst;
  events->per_second = per_second;
  events->tokens = (int64_t)burst * 1000;
}

static void put(struct line *line, const char *bytes, size_t length) {
  if (length > sizeof line->text - line->length) {
    line->overflow = true;
    return;
  }
  memcpy(line->text + line->length, bytes, length);
  line->length += length;
}

static void key(struct line *line, const char *name) {
  put(line, ",\"", 2);
  put(line, name, strlen(name));
  put(line, "\":", 2);
}

void line_begin(struct line *line, const char *event) {
  line->length = 0;
  line->overflow = false;
  put(line, "{\"event\":\"", 10);
  put(line, event, strlen(event));
  put(line, "\"", 1);
  line_number(line, "time", wall_ms());
}

void line_number(struct line *line, const char *name, int64_t value) {
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
  key(line, name);
  put(line, digits, (size_t)length);
}

void line_flag(struct line *line, const char *name, bool value) { line_raw(line, name, value ? "true" : "false"); }

void line_raw(struct line *line, const char *name, const char *json) {
  key(line, name);
  put(line, json, strlen(json));
}

void line_text(struct line *line, const char *name, const char *text, size_t length) {
  key(line, name);
  put(line, "\"", 1);
  for (size_t i = 0; i < length && i < MAX_TEXT; i++) {
    unsigned char byte = (unsigned char)text[i];
    if (byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\') {
      put(line, text + i, 1);
      continue;
    }
    char escaped[8];
    bool special = byte == '"' || byte == '\\';
    int size = snprintf(escaped, sizeof escaped, special ? "\\%c" : "\\u%04x", byte);
    put(line, escaped, (size_t)size);
  }
  put(line, "\"", 1);
}

void events_emit(struct events *events, struct line *line, enum weight weight) {
  if (events->dead) return;
  put(line, "}\n", 2);
  if (line->overflow || (weight == CALL && !allowed(events))) {
    events->dropped++;
    return;
  }
  events_dropped(events, weight);
  if (!append(events, line->text, line->length, weight == VITAL ? CAPACITY : ROOM)) events->dropped++;
  events_flush(events);
}

void events_failed(struct events *events, const struct failure *why) {
  struct line line;
  line_begin(&line, "failed");
  line_text(&line, "operation", why->operation, strlen(why->operation));
  line_number(&line, "errno", why->error);
  line_text(&line, "detail", why->detail, strlen(why->detail));
  events_emit(events, &line, VITAL);
}

void events_dropped(struct events *events, enum weight weight) {
  if (events->dropped == 0) return;
  struct line line;
  line_begin(&line, "dropped");
  line_number(&line, "count", (int64_t)events->dropped);
  put(&line, "}\n", 2);
  if (!append(events, line.text, line.length, weight == VITAL ? CAPACITY : ROOM)) return;
  events->dropped = 0;
  events->mentioned = now_ms();
}

void events_flush(struct events *events) {
  while (events->start < events->end && !events->dead) {
    ssize_t written = write(events->fd, events->buffer + events->start, events->end - events->start);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (written <= 0) events->dead = true;
    else events->start += (size_t)written;
  }
  events->start = events->end = 0;
}

bool events_pending(const struct events *events) { return !events->dead && events->start < events->end; }

static bool append(struct events *events, const char *bytes, size_t length, size_t limit) {
  if (events->end - events->start + length > limit) return false;
  if (events->end + length > CAPACITY) {
    memmove(events->buffer, events->buffer + events->start, events->end - events->start);
    events->end -= events->start;
    events->start = 0;
  }
  memcpy(events->buffer + events->end, bytes, length);
  events->end += length;
  return true;
}

/* A token bucket: `burst` at once, `per_second` in the long run. */
static bool allowed(struct events *events) {
  if (events->burst == 0 && events->per_second == 0) return true;
  const int64_t now = now_ms(), full = (int64_t)events->burst * 1000;
  int64_t passed = now - events->refilled;
  if (passed > 1000000) passed = 1000000;
  events->refilled = now;
  events->tokens += passed * events->per_second; /* 1 s × 1/s = 1000 thousandths */
  if (events->tokens > full) events->tokens = full;
  if (events->tokens < 1000) return false;
  events->tokens -= 1000;
  return true;
}
