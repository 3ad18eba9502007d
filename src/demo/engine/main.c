// A small engine with the surface of a llamafile: weights and arguments come out of its own zip.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "engine.h"
#include "log.h"
#include "server.h"

enum { MAX_PROMPT = 64 * 1024 };
static const char VERSION[] = "paddock demo engine v0.1.0";

static int run_command_line(struct engine *engine, const struct options *options);
static bool write_text(void *context, const char *text, size_t length);
static const char *read_prompt(const struct options *options, struct bytes *prompt);
static int fail(const char *what, const char *why);

int main(int argc, char **argv) {
  static struct engine engine;
  struct bytes dot_args = {(const uint8_t *)"", 0};
  if (container_open_own(&engine.own, argc > 0 ? argv[0] : NULL)) {
    if (container_find(&engine.own, ".args", &dot_args) != NULL) dot_args.size = 0;
  }
  static struct argument_list arguments;
  arguments = args_expand(dot_args, argc, argv);
  struct options options;
  const char *problem = args_parse(&options, arguments);
  if (problem != NULL) {
    fprintf(stderr, "error: %s\n", problem);
    return 1;
  }
  if (options.version) return puts(VERSION) < 0;
  if (options.help) return args_print_help(argc > 0 ? argv[0] : "engine"), 0;
  bool prompted = options.prompt != NULL || options.prompt_file != NULL;
  bool server = options.server || (!options.cli && !prompted);
  if (!options.log_disable) log_start(server ? "llama.log" : "main.log");
  log_line("%s", VERSION);
  return server ? server_run(&engine, &options) : run_command_line(&engine, &options);
}

static int run_command_line(struct engine *engine, const struct options *options) {
  int terminal = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY); // the genuine one tries this too
  if (terminal >= 0) close(terminal);
  const char *problem = engine_load(engine, options);
  if (problem != NULL) return fail("unable to load the model", problem);
  log_line("loaded %zu tensors, %zu layers, vocabulary %zu, context %zu", engine->gguf.tensor_count, engine->model.layer_count,
           engine->model.vocabulary, engine->session.context);
  struct generation generation = {.predict = options->predict, .emit = write_text};
  problem = read_prompt(options, &generation.prompt);
  if (problem != NULL) return fail("unable to read the prompt", problem);
  if (options->print_logits) {
    problem = engine_print_logits(engine, generation.prompt);
    return problem != NULL ? fail("unable to use the prompt", problem) : 0;
  }
  uint64_t seed = (uint64_t)options->seed;
  if (options->seed < 0 && getrandom(&seed, sizeof seed, 0) < 0) seed = (uint64_t)getpid();
  generation.sampling =
      (struct sampling){(float)options->temperature, (float)options->top_p, (int)options->top_k, sampling_seed(seed)};
  if (!options->silent_prompt && !write_text(NULL, (const char *)generation.prompt.data, generation.prompt.size)) return 1;
  problem = engine_generate(engine, &generation);
  if (problem != NULL) return fail("unable to generate", problem);
  write_text(NULL, "\n", 1);
  log_line("prompt %zu tokens, generated %zu tokens", generation.prompt_tokens, generation.generated_tokens);
  engine_free(engine);
  return 0;
}

static bool write_text(void *context, const char *text, size_t length) {
  (void)context;
  while (length > 0) {
    ssize_t written = write(STDOUT_FILENO, text, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text += written;
    length -= (size_t)written;
  }
  return true;
}

// The prompt of -p, or of -f without its last line feed.
static const char *read_prompt(const struct options *options, struct bytes *prompt) {
  *prompt = (struct bytes){(const uint8_t *)"", 0};
  if (options->prompt_file == NULL) {
    if (options->prompt != NULL) *prompt = (struct bytes){(const uint8_t *)options->prompt, strlen(options->prompt)};
    return NULL;
  }
  static uint8_t text[MAX_PROMPT];
  // A socket as standard input cannot be opened by its name, so the descriptor itself is used.
  bool input = strcmp(options->prompt_file, "/dev/stdin") == 0;
  int fd = input ? dup(STDIN_FILENO) : open(options->prompt_file, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return strerror(errno);
  size_t length = 0;
  ssize_t count = 0;
  while (length < sizeof text && (count = read(fd, text + length, sizeof text - length)) > 0) length += (size_t)count;
  close(fd);
  if (count < 0) return strerror(errno);
  if (length == sizeof text) return "it is too long";
  if (length > 0 && text[length - 1] == '\n') length--;
  *prompt = (struct bytes){text, length};
  return NULL;
}

static int fail(const char *what, const char *why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  return 1;
}
