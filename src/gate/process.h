/* The process tree below this process. */
#ifndef PADDOCK_PROCESS_H
#define PADDOCK_PROCESS_H

#include "cgroup.h"

/* What /proc/PID/stat says. */
struct process {
  pid_t pid, parent, group;
  char state;
  unsigned flags;
  long threads;
  enum place { UNKNOWN, BELOW, OUTSIDE } place; /* for the search in a list of processes */
  unsigned long long started; /* clock ticks since boot: with the pid, a name that is never used twice */
};

/* Returns 0, or -1 when there is no such process. */
int process_read(pid_t pid, struct process *process);

/* Whether /proc shows this process by the number that it has itself: everything below relies on that. */
bool process_files_are_ours(void);

/* True when the process has executed nothing since it was forked (PF_FORKNOEXEC); works on a zombie as well. */
bool process_never_executed(pid_t pid);

/* Thread group of a thread, or -1. */
pid_t process_of_thread(pid_t tid);

/* A thread, as itself sees it: in a process namespace of its own the numbers are others. */
struct own_numbers {
  pid_t process, thread;
};

/* Returns 0, or -1 when there is no such thread. */
int process_own_numbers(pid_t tid, struct own_numbers *numbers);

/* True for this process's descendants and their threads. A bounded walk: false when it does not end. */
bool process_is_below(pid_t tid);

/* Sends a signal to every living descendant of this process. Returns how many there were. */
size_t tree_signal(int signal);

/* Called by tree_kill to collect ended children. Returns false when there are no children at all. */
typedef bool collect_function(void *context);

struct kill_result {
  size_t killed; /* processes that were sent SIGKILL, each counted once */
  size_t left;   /* still there when the bound was reached */
};

/* By what the tree can be held. */
struct tree {
  const struct cgroups *groups;
  int leader; /* pidfd of the main program, which may have led a group and have ended long ago */
  pid_t init; /* number 1 of the tree's own process namespace, and its pidfd; 0 and -1 when it has none */
  int init_descriptor;
};

/* Kills every descendant and collects them, in at most five seconds. */
struct kill_result tree_kill(const struct tree *tree, collect_function *collect, void *context);

#endif
