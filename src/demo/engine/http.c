#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_HEAD = 16 * 1024, MAX_BODY = 1024 * 1024, BACKLOG = 5 };

static int read_head(int fd, char *head, size_t *length, size_t *head_length);
static int parse_head(char *head, struct http_request *request, bool *expects);
static const char *status_text(int status);

int http_read(int fd, struct http_request *request) {
  *request = (struct http_request){0};
  char head[MAX_HEAD + 1];
  size_t length, head_length;
  int status = read_head(fd, head, &length, &head_length);
  if (status != 0) return status;
  size_t extra = length - head_length;
  char rest[MAX_HEAD];
  memcpy(rest, head + head_length, extra);
  head[head_length] = '\0';
  bool expects = false;
  status = parse_head(head, request, &expects);
  if (status != 0) return status;
  request->body = malloc(request->length + 1);
  if (request->body == NULL) return 413;
  size_t done = extra < request->length ? extra : request->length;
  memcpy(request->body, rest, done);
  static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
  if (expects && done < request->length && !http_send(fd, go_on, sizeof go_on - 1)) return -1;
  while (done < request->length) {
    ssize_t count = recv(fd, request->body + done, request->length - done, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return -1;
    done += (size_t)count;
  }
  request->body[done] = '\0';
  return 0;
}

void http_free(struct http_request *request) {
  free(request->body);
  *request = (struct http_request){0};
}

int http_listen(const char *host, long *port) {
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)*port)};
  bool is4 = inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, &v4.sin_addr) == 1;
  bool is6 = !is4 && inet_pton(AF_INET6, host, &v6.sin6_addr) == 1;
  if ((!is4 && !is6) || *port < 0 || *port > 65535) return errno = EINVAL, -1;
  struct sockaddr *address = is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
  socklen_t size = is4 ? sizeof v4 : sizeof v6;
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return -1;
  int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, address, size) < 0 || listen(fd, BACKLOG) < 0 || getsockname(fd, address, &size) < 0) {
    int reason = errno;
    close(fd);
    return errno = reason, -1;
  }
  *port = ntohs(is4 ? v4.sin_port : v6.sin6_port);
  return fd;
}

bool http_answer(int fd, int status, const char *type, const struct text *body) {
  struct text head = {0};
  text_format(&head,
              "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nAccess-Control-Allow-Origin: *\r\n"
              "Connection: close\r\n\r\n",
              status, status_text(status), type, body->length);
  text_add(&head, body->data != NULL ? body->data : "", body->length);
  bool sent = !head.failed && http_send(fd, head.data, head.length);
  text_free(&head);
  return sent;
}

bool http_begin_stream(int fd) {
  static const char head[] =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nAccess-Control-Allow-Origin: *\r\n"
      "Connection: close\r\n\r\n";
  return http_send(fd, head, sizeof head - 1);
}

bool http_send(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t count = send(fd, data, length, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data += count;
    length -= (size_t)count;
  }
  return true;
}

// Reads until the empty line; what came after it belongs to the body.
static int read_head(int fd, char *head, size_t *length, size_t *head_length) {
  *length = 0;
  while (*length < MAX_HEAD) {
    ssize_t count = recv(fd, head + *length, MAX_HEAD - *length, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return -1;
    *length += (size_t)count;
    head[*length] = '\0';
    char *end = memmem(head, *length, "\r\n\r\n", 4);
    if (end == NULL) continue;
    *head_length = (size_t)(end - head) + 4;
    return 0;
  }
  return 431;
}

static int parse_head(char *head, struct http_request *request, bool *expects) {
  char version;
  if (strlen(head) < 16 || sscanf(head, "%7[A-Z] %255[^ \r\n?]%*[^ \r\n] HTTP/1.%c", request->method, request->path, &version) < 2) return 400;
  bool sized = false;
  for (char *line = strstr(head, "\r\n"); line != NULL && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
    line += 2;
    if (strncasecmp(line, "transfer-encoding:", 18) == 0) return 411;
    if (strncasecmp(line, "expect: 100-continue", 20) == 0) *expects = true;
    if (strncasecmp(line, "content-length:", 15) == 0) {
      char *end;
      errno = 0;
      long value = strtol(line + 15, &end, 10);
      if (sized || errno != 0 || value < 0 || *end != '\r') return 400;
      if (value > MAX_BODY) return 413;
      request->length = (size_t)value;
      sized = true;
    }
    line -= 2;
  }
  return strcmp(request->method, "POST") == 0 && !sized ? 411 : 0;
}

static const char *status_text(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
  }
}
