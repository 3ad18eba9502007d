/* For bench/network.js. A server that answers each number with so many bytes, and a client that counts how long it takes.
 *   network … --port PORT                      serves, until it is ended; other arguments are left alone
 *   network client PORT BYTES COUNT ONCE       COUNT answers of BYTES each on four connections; ONCE=1: one answer a connection
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 << 10, CLIENTS = 4, POOL = 8 };

static int port, answers, once;
static uint32_t wanted;

static int transfer(int fd, char *bytes, size_t length, int out) {
  while (length > 0) {
    ssize_t done = out ? send(fd, bytes, length, MSG_NOSIGNAL) : recv(fd, bytes, length, 0);
    if (done <= 0) return -1;
    bytes += done;
    length -= (size_t)done;
  }
  return 0;
}

/* Each thread takes one connection after the other, as servers with a pool do. */
static void *answer(void *number) {
  static char zeros[CHUNK];
  const int listener = (int)(intptr_t)number;
  for (;;) {
    uint32_t bytes;
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    while (transfer(fd, (char *)&bytes, sizeof bytes, 0) == 0)
      for (uint32_t left = bytes, step; left > 0; left -= step)
        if (transfer(fd, zeros, step = left < CHUNK ? left : CHUNK, 1) < 0) break;
    close(fd);
  }
  return NULL;
}

static int reach(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) exit(3);
  return fd;
}

static void *ask(void *unused) {
  char *buffer = malloc(CHUNK);
  int fd = reach();
  for (int i = 0; i < answers / CLIENTS; i++) {
    if (once && i > 0) {
      close(fd);
      fd = reach();
    }
    if (transfer(fd, (char *)&wanted, sizeof wanted, 1) < 0) exit(4);
    for (uint32_t left = wanted, step; left > 0; left -= step)
      if (transfer(fd, buffer, step = left < CHUNK ? left : CHUNK, 0) < 0) exit(5);
  }
  close(fd);
  free(buffer);
  return unused;
}

static int serve(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0) return 2;
  for (int i = 1; i < POOL; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer, (void *)(intptr_t)fd) != 0) return 2;
  }
  answer((void *)(intptr_t)fd);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 6 && strcmp(argv[1], "client") == 0) {
    pthread_t threads[CLIENTS];
    struct timespec start, end;
    port = atoi(argv[2]);
    wanted = (uint32_t)atol(argv[3]);
    answers = atoi(argv[4]);
    once = atoi(argv[5]);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < CLIENTS; i++) pthread_create(&threads[i], NULL, ask, NULL);
    for (int i = 0; i < CLIENTS; i++) pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.6f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    return 0;
  }
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], "--port") == 0) port = atoi(argv[i + 1]);
  return port == 0 ? 1 : serve();
}
