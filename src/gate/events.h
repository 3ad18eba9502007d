/* Events for the launcher: JSON lines (src/watch/events.ts) that never block and never fail the session. */
#ifndef PADDOCK_EVENTS_H
#define PADDOCK_EVENTS_H

#include "util.h"

struct events {
  int fd;
  bool dead; /* the reader is gone: everything is thrown away, and the session goes on */
  uint8_t *buffer;
  size_t start, end;
  uint64_t dropped;
  int64_t mentioned; /* when that was last said, in milliseconds */
  uint32_t burst, per_second; /* 0: no limit but the buffer */
  int64_t tokens, refilled;   /* thousandths of a token; milliseconds */
};

/* One event under construction. */
struct line {
  size_t length;
  bool overflow;
  char text[40 << 10]; /* a path of two PATH_MAX, every byte escaped sixfold, needs 48 KiB: line_text cuts before */
};

/* How much an event matters when there is no room or it comes too fast. */
enum weight { CALL, NOTICE, VITAL };

int events_open(struct events *events, int fd);
void events_rate(struct events *events, uint32_t burst, uint32_t per_second);

void line_begin(struct line *line, const char *event);
void line_number(struct line *line, const char *key, int64_t value);
void line_flag(struct line *line, const char *key, bool value);
/* Bytes outside printable ASCII become \u00XX. At most MAX_TEXT bytes are taken. */
void line_text(struct line *line, const char *key, const char *text, size_t length);
void line_raw(struct line *line, const char *key, const char *json);

/* A call is dropped, and counted, when it exceeds the rate or the buffer; a notice when it exceeds the buffer. */
void events_emit(struct events *events, struct line *line, enum weight weight);
void events_failed(struct events *events, const struct failure *why);

/* Says how many were dropped since the last time, if any were and there is room for a line of this weight. */
void events_dropped(struct events *events, enum weight weight);

/* Writes what the reader takes now. */
void events_flush(struct events *events);
bool events_pending(const struct events *events);

enum { MAX_TEXT = 6000 };

#endif
