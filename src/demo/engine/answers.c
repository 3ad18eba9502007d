#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "log.h"

enum { MAX_STOPS = 8, MAX_STOP = 256, MAX_MESSAGES = 256 };

// One answer that is being generated.
struct answer {
  int fd;
  bool chat, streaming, stopped_by_word, gone;
  struct text pending; // generated, and not sent: it may be the start of a stop word or of a character
  struct text whole;   // all that was accepted, when it is sent at once
  const struct json *stops[MAX_STOPS];
  size_t stop_count;
};

static void answer_models(int fd);
static void answer_generation(struct server *server, int fd, const struct http_request *request, bool chat);
static const char *read_prompt(const struct json *body, bool chat, struct text *prompt);
static void read_stops(const struct json *body, struct answer *answer);
static struct sampling read_sampling(const struct server *server, const struct json *body);
static bool take_piece(void *context, const char *text, size_t length);
static size_t safe_length(const struct answer *answer);
static void release(struct answer *answer, size_t length);
static void send_event(struct answer *answer, const char *content, size_t length);
static void finish(struct answer *answer, const struct generation *generation);
static void add_statistics(struct text *out, const struct answer *answer, const struct generation *generation);

void answer_request(struct server *server, int fd, const struct http_request *request) {
  bool get = strcmp(request->method, "GET") == 0, post = strcmp(request->method, "POST") == 0;
  const char *path = request->path;
  struct text body = {0};
  if (get && strcmp(path, "/health") == 0) {
    if (!atomic_load(&server->ready)) {
      text_format(&body, "{\"status\":\"loading model\"}");
      http_answer(fd, 503, "application/json", &body);
    } else {
      text_format(&body, "{\"status\":\"ok\"}");
      http_answer(fd, 200, "application/json", &body);
    }
  } else if (get && strcmp(path, "/v1/models") == 0) {
    answer_models(fd);
  } else if (get && strcmp(path, "/") == 0) {
    text_format(&body, "A small language model answers at POST /completion and POST /v1/chat/completions.\n");
    http_answer(fd, 200, "text/plain; charset=utf-8", &body);
  } else if (strcmp(request->method, "OPTIONS") == 0) {
    http_answer(fd, 204, "text/plain", &body);
  } else if (post && strcmp(path, "/completion") == 0) {
    answer_generation(server, fd, request, false);
  } else if (post && strcmp(path, "/v1/chat/completions") == 0) {
    answer_generation(server, fd, request, true);
  } else {
    answer_error(fd, 404, "there is nothing at this path");
  }
  text_free(&body);
}

void answer_error(int fd, int status, const char *message) {
  struct text body = {0};
  text_format(&body, "{\"error\":{\"code\":%d,\"message\":", status);
  text_add_string(&body, message, strlen(message));
  text_format(&body, "}}");
  http_answer(fd, status, "application/json", &body);
  text_free(&body);
}

static void answer_models(int fd) {
  struct text body = {0};
  text_format(&body, "{\"object\":\"list\",\"data\":[{\"id\":\"model.gguf\",\"object\":\"model\",\"created\":%ld,\"owned_by\":\"paddock\"}]}",
              (long)time(NULL));
  http_answer(fd, 200, "application/json", &body);
  text_free(&body);
}

static void answer_generation(struct server *server, int fd, const struct http_request *request, bool chat) {
  if (!atomic_load(&server->ready)) {
    answer_error(fd, 503, "the model is loading");
    return;
  }
  struct json_document document;
  struct text prompt = {0};
  bool parsed = json_read(&document, request->body, request->length);
  const char *problem = parsed ? read_prompt(document.root, chat, &prompt) : "the body is not JSON";
  if (problem == NULL && prompt.failed) problem = "the prompt is too long";
  if (problem != NULL) {
    answer_error(fd, 400, problem);
  } else {
    struct answer answer = {.fd = fd, .chat = chat};
    answer.streaming = json_member(document.root, "stream", JSON_TRUE) != NULL;
    read_stops(document.root, &answer);
    struct generation generation = {.prompt = {(const uint8_t *)prompt.data, prompt.length}, .emit = take_piece, .context = &answer};
    double predict = json_number(document.root, chat ? "max_tokens" : "n_predict", (double)server->options->predict);
    generation.predict = predict < 0 ? -1 : predict > 1e6 ? 1000000 : (long)predict;
    generation.sampling = read_sampling(server, document.root);
    pthread_mutex_lock(&server->generating);
    problem = engine_generate(server->engine, &generation);
    pthread_mutex_unlock(&server->generating);
    if (problem != NULL) {
      answer_error(fd, 400, problem);
    } else {
      finish(&answer, &generation);
      log_line("prompt %zu tokens, generated %zu tokens", generation.prompt_tokens, generation.generated_tokens);
    }
    text_free(&answer.pending);
    text_free(&answer.whole);
  }
  text_free(&prompt);
  json_free(&document);
}

// A base model has no roles: the messages are put one below the other.
static const char *read_prompt(const struct json *body, bool chat, struct text *prompt) {
  if (!chat) {
    const struct json *text = json_member(body, "prompt", JSON_STRING);
    if (text == NULL) return "\"prompt\" must be a string";
    text_add(prompt, text->text, text->length);
    return NULL;
  }
  const struct json *messages = json_member(body, "messages", JSON_ARRAY);
  if (messages == NULL) return "\"messages\" must be an array";
  int count = 0;
  for (const struct json *message = messages->first; message != NULL; message = message->next) {
    const struct json *content = json_member(message, "content", JSON_STRING);
    if (content == NULL || ++count > MAX_MESSAGES) return "each message must have \"content\", a string";
    if (prompt->length > 0) text_add(prompt, "\n", 1);
    text_add(prompt, content->text, content->length);
  }
  return NULL;
}

static void read_stops(const struct json *body, struct answer *answer) {
  const struct json *stops = json_member(body, "stop", JSON_ARRAY);
  const struct json *single = json_member(body, "stop", JSON_STRING);
  for (const struct json *stop = stops != NULL ? stops->first : single; stop != NULL && answer->stop_count < MAX_STOPS; stop = stop->next) {
    bool usable = stop->type == JSON_STRING && stop->length > 0 && stop->length <= MAX_STOP;
    if (usable) answer->stops[answer->stop_count++] = stop;
    if (stop == single) break;
  }
}

static struct sampling read_sampling(const struct server *server, const struct json *body) {
  const struct options *options = server->options;
  double seed = json_number(body, "seed", (double)options->seed), top_k = json_number(body, "top_k", (double)options->top_k);
  uint64_t random = seed >= 0 && seed < 1e15 ? (uint64_t)seed : 0;
  if (seed < 0 && getrandom(&random, sizeof random, 0) < 0) random = (uint64_t)time(NULL);
  return (struct sampling){
      .temperature = (float)json_number(body, "temperature", options->temperature),
      .top_p = (float)json_number(body, "top_p", options->top_p),
      .top_k = top_k > 0 && top_k < 1e6 ? (int)top_k : 0,
      .random = sampling_seed(random),
  };
}

static bool take_piece(void *context, const char *text, size_t length) {
  struct answer *answer = context;
  text_add(&answer->pending, text, length);
  char *first = NULL;
  for (size_t i = 0; i < answer->stop_count && answer->pending.length > 0; i++) {
    char *found = memmem(answer->pending.data, answer->pending.length, answer->stops[i]->text, answer->stops[i]->length);
    if (found != NULL && (first == NULL || found < first)) first = found;
  }
  if (first != NULL) {
    answer->stopped_by_word = true;
    answer->pending.length = (size_t)(first - answer->pending.data);
  }
  release(answer, first != NULL ? answer->pending.length : safe_length(answer));
  return first == NULL && !answer->gone && !answer->pending.failed && !answer->whole.failed;
}

// How much of the pending text can neither be the start of a stop word nor a character that is still incomplete.
static size_t safe_length(const struct answer *answer) {
  size_t length = answer->pending.length;
  const char *data = answer->pending.data;
  for (size_t back = 1; back <= 3 && back <= length; back++) {
    if (utf8_sequence(data + length - back, back) != 0) continue;
    length -= back;
    break;
  }
  for (size_t at = length > MAX_STOP ? length - MAX_STOP : 0; at < length; at++) {
    for (size_t i = 0; i < answer->stop_count; i++) {
      size_t tail = length - at;
      if (tail < answer->stops[i]->length && memcmp(data + at, answer->stops[i]->text, tail) == 0) return at;
    }
  }
  return length;
}

static void release(struct answer *answer, size_t length) {
  if (length == 0) return;
  if (answer->streaming) {
    send_event(answer, answer->pending.data, length);
  } else {
    text_add(&answer->whole, answer->pending.data, length);
  }
  memmove(answer->pending.data, answer->pending.data + length, answer->pending.length - length);
  answer->pending.length -= length;
}

// The head goes out with the first event: until then an error can still be answered with its own status.
static void send_event(struct answer *answer, const char *content, size_t length) {
  struct text event = {0};
  if (answer->whole.length == 0) {
    answer->gone = !http_begin_stream(answer->fd);
    text_add(&answer->whole, "x", 1);
  }
  text_format(&event, answer->chat ? "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"finish_reason\":null,\"delta\":{\"content\":"
                                   : "data: {\"content\":");
  text_add_string(&event, content, length);
  text_format(&event, answer->chat ? "}}]}\n\n" : ",\"stop\":false}\n\n");
  if (event.failed || answer->gone || !http_send(answer->fd, event.data, event.length)) answer->gone = true;
  text_free(&event);
}

static void finish(struct answer *answer, const struct generation *generation) {
  release(answer, answer->pending.length);
  struct text out = {0};
  const char *reason = generation->ending == ENDED_BY_LIMIT ? "length" : "stop";
  if (answer->streaming) {
    if (answer->whole.length == 0) send_event(answer, "", 0);
    text_format(&out, "data: ");
  }
  if (answer->chat) {
    text_format(&out, "{\"id\":\"chatcmpl-demo\",\"object\":\"chat.completion%s\",\"created\":%ld,\"model\":\"model.gguf\",", answer->streaming ? ".chunk" : "",
                (long)time(NULL));
    text_format(&out, "\"choices\":[{\"index\":0,\"finish_reason\":\"%s\",\"%s\":{", reason, answer->streaming ? "delta" : "message");
    if (!answer->streaming) {
      text_format(&out, "\"role\":\"assistant\",\"content\":");
      text_add_string(&out, answer->whole.data, answer->whole.length);
    }
    text_format(&out, "}}],\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu}}", generation->prompt_tokens,
                generation->generated_tokens, generation->prompt_tokens + generation->generated_tokens);
  } else {
    text_format(&out, "{\"content\":");
    text_add_string(&out, answer->streaming ? "" : answer->whole.data, answer->streaming ? 0 : answer->whole.length);
    add_statistics(&out, answer, generation);
    text_format(&out, "}");
  }
  if (answer->streaming) {
    text_format(&out, "\n\n%s", answer->chat ? "data: [DONE]\n\n" : "");
    if (!out.failed && !answer->gone) http_send(answer->fd, out.data, out.length);
  } else if (out.failed) {
    answer_error(answer->fd, 500, "there is not enough memory");
  } else {
    http_answer(answer->fd, 200, "application/json", &out);
  }
  text_free(&out);
}

static void add_statistics(struct text *out, const struct answer *answer, const struct generation *generation) {
  text_format(out, ",\"stop\":true,\"stopped_eos\":%s,\"stopped_limit\":%s,\"stopped_word\":%s",
              generation->ending == ENDED_BY_MODEL ? "true" : "false", generation->ending == ENDED_BY_LIMIT ? "true" : "false",
              answer->stopped_by_word ? "true" : "false");
  text_format(out, ",\"tokens_predicted\":%zu,\"tokens_evaluated\":%zu", generation->generated_tokens, generation->prompt_tokens);
}
