/* One session in the supervisor. */
#ifndef PADDOCK_SESSION_H
#define PADDOCK_SESSION_H

#include <signal.h>

#include "child.h"
#include "control.h"
#include "process.h"
#include "setup.h"

struct session {
  const struct plan *plan;
  struct events *events;
  struct setup setup;
  struct notifier notifier;
  struct control control;
  int signals, status, ack, pidfd;
  int life; /* what the init of the namespace waits for the end of */
  pid_t child;
  pid_t init; /* number 1 of the session's own process namespace, and its pidfd; 0 and -1 when it has none */
  int init_descriptor;
  enum phase { SETTING_UP, RUNNING, ENDED, FAILED } phase;
  bool kill, drained, launcher_gone, disturbed;
  bool uncollected; /* more children may have ended than were collected */
  size_t collected_killed; /* children that ended by SIGKILL */
  bool held[65];    /* by signal: to be forwarded when the program is there */
  int64_t seen[65]; /* by signal: when this process got it, in milliseconds */
};

/* commands.c: carries out one command of the launcher. */
void session_command(void *session, const struct command *command);

/* Forwards what came before the program was executed. */
void session_forward_held(struct session *session);

#endif
