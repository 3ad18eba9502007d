// The command line, and the .args member that can come before it.
#ifndef DEMO_ARGS_H
#define DEMO_ARGS_H

#include "container.h"

struct options {
  const char *model, *prompt, *prompt_file, *host;
  long predict, context, threads, port, top_k, seed, pace_ms;
  double temperature, top_p;
  int server, cli, log_disable, silent_prompt, print_logits, help, version;
};

struct argument_list {
  int count;
  char **values;
};

// Puts the lines of .args before the user's arguments, or around them where a line says `...`; a line is one argument, blank lines
// do not count, and `\n` stands for a line feed. What is allocated lives as long as the program.
struct argument_list args_expand(struct bytes dot_args, int argc, char **argv);

// Fills the options, defaults first. Returns NULL, or the complaint to print after "error: ".
const char *args_parse(struct options *options, struct argument_list arguments);

void args_print_help(const char *program);

#endif
