// What the server answers to each path.
#ifndef DEMO_ANSWERS_H
#define DEMO_ANSWERS_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"
#include "http.h"

struct server {
  struct engine *engine;
  const struct options *options;
  atomic_bool ready;
  atomic_int connections;
  pthread_mutex_t generating; // one generation at a time; the others wait
};

void answer_request(struct server *server, int fd, const struct http_request *request);
void answer_error(int fd, int status, const char *message);

#endif
