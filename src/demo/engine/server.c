#include "server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "answers.h"
#include "http.h"
#include "log.h"

enum { MAX_CONNECTIONS = 32, PEER_TIMEOUT_S = 30, STACK_SIZE = 256 * 1024, LAST_WAIT_MS = 2000 };

static struct server server;
static int listener = -1;

struct connection {
  int fd;
};

static void on_interrupt(int signal);
static void *accept_all(void *unused);
static void start_connection(int fd);
static void *serve(void *argument);
static void refuse(int fd);
static void sleep_ms(long ms);

int server_run(struct engine *engine, const struct options *options) {
  long port = options->port;
  server = (struct server){.engine = engine, .options = options};
  pthread_mutex_init(&server.generating, NULL);
  listener = http_listen(options->host, &port);
  if (listener < 0) {
    fprintf(stderr, "error: couldn't bind to %s:%ld: %s\n", options->host, options->port, strerror(errno));
    return 1;
  }
  struct sigaction interrupt = {.sa_handler = on_interrupt};
  sigaction(SIGINT, &interrupt, NULL);
  signal(SIGPIPE, SIG_IGN);
  pthread_t acceptor;
  if (pthread_create(&acceptor, NULL, accept_all, NULL) != 0) {
    fprintf(stderr, "error: no thread can be started\n");
    return 1;
  }
  const char *problem = engine_load(engine, options);
  if (problem != NULL) {
    fprintf(stderr, "error: unable to load the model: %s\n", problem);
    return 1;
  }
  log_line("loaded %zu tensors, %zu layers, vocabulary %zu, context %zu", engine->gguf.tensor_count, engine->model.layer_count,
           engine->model.vocabulary, engine->session.context);
  atomic_store(&server.ready, true);
  // Not through the log: callers wait for this line, with or without --log-disable.
  bool v6 = strchr(options->host, ':') != NULL;
  fprintf(stderr, "\nllama server listening at http://%s%s%s:%ld\n\n", v6 ? "[" : "", options->host, v6 ? "]" : "", port);
  pthread_join(acceptor, NULL);
  for (int waited = 0; atomic_load(&server.connections) > 0 && waited < LAST_WAIT_MS; waited += 10) sleep_ms(10);
  log_line("the server ends");
  return 0;
}

// shutdown() may be called in a signal handler, and makes the blocked accept return in whichever thread it is.
static void on_interrupt(int signal) {
  (void)signal;
  int reason = errno;
  atomic_store(&engine_stopping, true);
  shutdown(listener, SHUT_RDWR);
  errno = reason;
}

static void *accept_all(void *unused) {
  while (!engine_stopping) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
      start_connection(fd);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      sleep_ms(10); // out of descriptors, perhaps: the next try may succeed
    }
  }
  return unused;
}

static void start_connection(int fd) {
  struct timeval patience = {PEER_TIMEOUT_S, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  struct connection *connection = malloc(sizeof *connection);
  if (connection == NULL || atomic_load(&server.connections) >= MAX_CONNECTIONS) {
    free(connection);
    refuse(fd);
    return;
  }
  *connection = (struct connection){fd};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  pthread_t thread;
  atomic_fetch_add(&server.connections, 1);
  if (pthread_create(&thread, &attributes, serve, connection) != 0) {
    atomic_fetch_sub(&server.connections, 1);
    free(connection);
    refuse(fd);
  }
  pthread_attr_destroy(&attributes);
}

static void *serve(void *argument) {
  struct connection connection = *(struct connection *)argument;
  free(argument);
  struct http_request request;
  int status = http_read(connection.fd, &request);
  if (status > 0) answer_error(connection.fd, status, "the request is malformed");
  if (status == 0) answer_request(&server, connection.fd, &request);
  http_free(&request);
  shutdown(connection.fd, SHUT_WR);
  close(connection.fd);
  atomic_fetch_sub(&server.connections, 1);
  return NULL;
}

static void refuse(int fd) {
  answer_error(fd, 503, "too many connections");
  close(fd);
}

static void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}
