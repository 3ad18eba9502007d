#include "args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"

enum { MAX_ARGUMENTS = 4096 };
enum kind { FLAG, INTEGER, REAL, TEXT, IGNORED_FLAG, IGNORED_VALUE };

#define AT(field) offsetof(struct options, field)

// Ignored options are those that callers of llamafiles pass as a matter of course and that mean nothing here.
static const struct option {
  const char *name;
  enum kind kind;
  size_t field;
  const char *help;
} OPTIONS[] = {
    {"--version", FLAG, AT(version), "print the version and leave"},
    {"--help", FLAG, AT(help), "print this and leave"},
    {"-h", FLAG, AT(help), NULL},
    {"-m", TEXT, AT(model), "weights: a file, or a member of this program's zip"},
    {"--model", TEXT, AT(model), NULL},
    {"-p", TEXT, AT(prompt), "the prompt"},
    {"--prompt", TEXT, AT(prompt), NULL},
    {"-f", TEXT, AT(prompt_file), "a file with the prompt"},
    {"--file", TEXT, AT(prompt_file), NULL},
    {"-n", INTEGER, AT(predict), "how many tokens to generate; negative: until the context is full"},
    {"--n-predict", INTEGER, AT(predict), NULL},
    {"-c", INTEGER, AT(context), "tokens of context; 0: as many as the model was made for"},
    {"--ctx-size", INTEGER, AT(context), NULL},
    {"-t", INTEGER, AT(threads), "threads"},
    {"--threads", INTEGER, AT(threads), NULL},
    {"--temp", REAL, AT(temperature), "temperature; 0: always the likeliest token"},
    {"--top-p", REAL, AT(top_p), "sample among the likeliest tokens that have this probability together"},
    {"--top-k", INTEGER, AT(top_k), "sample among this many tokens"},
    {"--seed", INTEGER, AT(seed), "seed of the random numbers; negative: a new one each time"},
    {"-s", INTEGER, AT(seed), NULL},
    {"--server", FLAG, AT(server), "serve HTTP (also without this when there is no prompt)"},
    {"--cli", FLAG, AT(cli), "generate to standard output"},
    {"--host", TEXT, AT(host), "address to listen on (127.0.0.1)"},
    {"--port", INTEGER, AT(port), "port to listen on (8080)"},
    {"--silent-prompt", FLAG, AT(silent_prompt), "do not repeat the prompt"},
    {"--no-display-prompt", FLAG, AT(silent_prompt), NULL},
    {"--log-disable", FLAG, AT(log_disable), "no log file and no progress on standard error"},
    {"--print-logits", FLAG, AT(print_logits), "print the logits after each token of the prompt and leave"},
    {"--pace", INTEGER, AT(pace_ms), "milliseconds to wait before each token, for people who read along"},
    {"--nobrowser", IGNORED_FLAG, 0, NULL},
    {"--no-mmap", IGNORED_FLAG, 0, NULL},
    {"--mlock", IGNORED_FLAG, 0, NULL},
    {"--nocompile", IGNORED_FLAG, 0, NULL},
    {"--embedding", IGNORED_FLAG, 0, NULL},
    {"-cb", IGNORED_FLAG, 0, NULL},
    {"--gpu", IGNORED_VALUE, 0, NULL},
    {"-ngl", IGNORED_VALUE, 0, NULL},
    {"--n-gpu-layers", IGNORED_VALUE, 0, NULL},
    {"--repeat-penalty", IGNORED_VALUE, 0, NULL},
    {"--repeat_penalty", IGNORED_VALUE, 0, NULL},
    {"-b", IGNORED_VALUE, 0, NULL},
    {"--batch-size", IGNORED_VALUE, 0, NULL},
};

static const struct options DEFAULTS = {
    .host = "127.0.0.1", .predict = 256, .context = 512, .threads = 0, .port = 8080, .top_k = 40, .seed = -1, .temperature = 0.8, .top_p = 0.95};

static const struct option *find_option(const char *name);
static const char *store(struct options *options, const struct option *option, const char *value);
static const char *complain(const char *what, const char *about);
static char *next_line(const uint8_t **cursor, const uint8_t *end);

struct argument_list args_expand(struct bytes dot_args, int argc, char **argv) {
  struct argument_list list = {0, calloc((size_t)argc + MAX_ARGUMENTS + 1, sizeof(char *))};
  if (list.values == NULL) return (struct argument_list){argc, argv};
  if (argc > 0) list.values[list.count++] = argv[0];
  const uint8_t *cursor = dot_args.data, *end = cursor + dot_args.size;
  bool placed = false;
  for (int i = 0; i < MAX_ARGUMENTS; i++) {
    char *line = next_line(&cursor, end);
    if (line == NULL) break;
    if (strcmp(line, "...") != 0 || placed) {
      list.values[list.count++] = line;
      continue;
    }
    placed = true;
    for (int k = 1; k < argc; k++) list.values[list.count++] = argv[k];
  }
  for (int k = 1; k < argc && !placed; k++) list.values[list.count++] = argv[k];
  return list;
}

const char *args_parse(struct options *options, struct argument_list arguments) {
  *options = DEFAULTS;
  for (int i = 1; i < arguments.count; i++) {
    const char *name = arguments.values[i];
    const struct option *option = find_option(name);
    bool hostile = option == NULL && attack_takes(name);
    if (option == NULL && !hostile) return complain("unknown argument: ", name);
    if (!hostile && (option->kind == FLAG || option->kind == IGNORED_FLAG)) {
      if (option->kind == FLAG) *(int *)((char *)options + option->field) = 1;
      continue;
    }
    if (i + 1 >= arguments.count) return complain("a value is missing after ", name);
    const char *value = arguments.values[++i];
    const char *problem = hostile ? attack_option(name, value) : store(options, option, value);
    if (problem != NULL) return problem;
  }
  return NULL;
}

void args_print_help(const char *program) {
  printf("usage: %s [options]\n\n", program);
  for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
    if (OPTIONS[i].help != NULL) printf("  %-20s %s\n", OPTIONS[i].name, OPTIONS[i].help);
  }
}

static const struct option *find_option(const char *name) {
  for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
    if (strcmp(OPTIONS[i].name, name) == 0) return &OPTIONS[i];
  }
  return NULL;
}

static const char *store(struct options *options, const struct option *option, const char *value) {
  void *field = (char *)options + option->field;
  char *end = NULL;
  errno = 0;
  switch (option->kind) {
    case TEXT:
      *(const char **)field = value;
      return NULL;
    case INTEGER:
      *(long *)field = strtol(value, &end, 10);
      break;
    case REAL:
      *(double *)field = strtod(value, &end);
      break;
    default:
      return NULL;
  }
  return end == value || *end != '\0' || errno != 0 ? complain("not a number: ", value) : NULL;
}

static const char *complain(const char *what, const char *about) {
  static char message[512];
  snprintf(message, sizeof message, "%s%s", what, about);
  return message;
}

static char *next_line(const uint8_t **cursor, const uint8_t *end) {
  const uint8_t *start = *cursor;
  while (start < end && (*start == '\n' || *start == '\r')) start++;
  if (start >= end) return NULL;
  const uint8_t *stop = start;
  while (stop < end && *stop != '\n' && *stop != '\r') stop++;
  *cursor = stop;
  char *line = calloc((size_t)(stop - start) + 1, 1);
  if (line == NULL) return NULL;
  size_t length = 0;
  for (const uint8_t *p = start; p < stop; p++) {
    bool line_feed = *p == '\\' && p + 1 < stop && p[1] == 'n';
    line[length++] = line_feed ? '\n' : (char)*p;
    p += line_feed;
  }
  return line;
}
