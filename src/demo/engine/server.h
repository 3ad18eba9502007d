#ifndef DEMO_SERVER_H
#define DEMO_SERVER_H

#include "engine.h"

// Listens, answers 503 until the model is loaded, then serves until SIGINT. Returns the program's exit status.
int server_run(struct engine *engine, const struct options *options);

#endif
