// Just enough HTTP/1.1: one request a connection, bodies of known length.
#ifndef DEMO_HTTP_H
#define DEMO_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "json.h"

struct http_request {
  char method[8], path[256];
  char *body;
  size_t length;
};

// Reads one request. Returns 0, or the status to answer with (400, 411, 413, 431), or -1 if the peer is gone. http_free is due.
int http_read(int fd, struct http_request *request);
void http_free(struct http_request *request);

// Opens a socket that listens; -1 with errno. Port 0 becomes the port that the system chose.
int http_listen(const char *host, long *port);

// Sends a whole answer; false if the peer is gone.
bool http_answer(int fd, int status, const char *type, const struct text *body);
// Sends the head of an answer whose body ends with the connection.
bool http_begin_stream(int fd);
bool http_send(int fd, const char *data, size_t length);

#endif
