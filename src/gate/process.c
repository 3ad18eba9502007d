#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel.h"

enum { FORKED_WITHOUT_EXEC = 0x40 /* PF_FORKNOEXEC */ };
enum { LONGEST_LINEAGE = 4096 };
enum { KILL_ROUNDS = 2000, KILL_MS = 5000, LONGEST_PAUSE_US = 10000, YOUNGEST = 64 };

struct processes {
  struct process *list;
  size_t count, capacity;
};

static bool scan(struct processes *found);
static void kill_quickly(int leader);
static size_t children_of(pid_t pid);
static void keep_descendants(struct processes *all);
static bool alive(const struct process *process);
static bool signal_process(const struct process *process, int signal);
static void kill_group(const struct process *process, int pidfd);
static bool contains(const struct processes *set, const struct process *process);

int process_read(pid_t pid, struct process *process) {
  char path[32], text[1024];
  (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
  if (read_small(path, text, sizeof text) < 0) return -1;
  /* The name is the process's own choice and may contain anything; nothing behind the last bracket is. */
  const char *after = strrchr(text, ')');
  if (after == NULL) return -1;
  memset(process, 0, sizeof *process);
  process->pid = pid;
  int got = sscanf(after + 1, " %c %d %d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %ld %*d %llu",
                   &process->state, &process->parent, &process->group, &process->flags, &process->threads, &process->started);
  return got == 6 ? 0 : -1;
}

bool process_files_are_ours(void) {
  char text[16];
  ssize_t length = readlink("/proc/self", text, sizeof text - 1);
  if (length <= 0) return false;
  text[length] = 0;
  return strtol(text, NULL, 10) == (long)getpid();
}

bool process_never_executed(pid_t pid) {
  struct process process;
  return process_read(pid, &process) == 0 && (process.flags & FORKED_WITHOUT_EXEC) != 0;
}

pid_t process_of_thread(pid_t tid) {
  char path[40], text[1024];
  (void)snprintf(path, sizeof path, "/proc/%d/status", tid);
  if (read_small(path, text, sizeof text) < 0) return -1;
  /* The name comes before, with line breaks escaped, so a line that begins like this is the kernel's. */
  const char *line = strstr(text, "\nTgid:");
  return line == NULL ? -1 : (pid_t)strtol(line + 6, NULL, 10);
}

/* The last number of "NStgid:\t812\t2": the innermost namespace's. */
static pid_t last_number(const char *status, const char *key) {
  const char *line = strstr(status, key);
  if (line == NULL) return -1;
  const char *end = strchr(line + 1, '\n');
  const char *at = end == NULL ? line + strlen(line) : end;
  while (at > line && isdigit((unsigned char)at[-1])) at--;
  return (pid_t)strtol(at, NULL, 10);
}

int process_own_numbers(pid_t tid, struct own_numbers *numbers) {
  static char text[16384]; /* the line of the user's groups comes before these */
  char path[40];
  (void)snprintf(path, sizeof path, "/proc/%d/status", tid);
  if (read_small(path, text, sizeof text) < 0) return -1;
  numbers->process = last_number(text, "\nNStgid:");
  numbers->thread = last_number(text, "\nNSpid:");
  return numbers->process > 0 && numbers->thread > 0 ? 0 : -1;
}

bool process_is_below(pid_t tid) {
  struct process process;
  const pid_t self = getpid();
  pid_t at = process_of_thread(tid);
  for (int steps = 0; steps < LONGEST_LINEAGE && at > 1; steps++) {
    if (process_read(at, &process) != 0) return false;
    if (process.parent == self) return true;
    at = process.parent;
  }
  return false;
}

size_t tree_signal(int signal) {
  struct processes found = {0};
  size_t sent = 0;
  if (scan(&found)) {
    keep_descendants(&found);
    for (size_t i = 0; i < found.count; i++)
      if (alive(&found.list[i]) && signal_process(&found.list[i], signal)) sent++;
  }
  free(found.list);
  return sent;
}

/* With PR_SET_CHILD_SUBREAPER every orphan below becomes a child of this process. So as long as a descendant lives,
 * this process has a child, and "no children" is the proof that the tree is gone. A process that forks faster than
 * it is found is caught as an orphan or with its group, in which the kernel lets nobody fork past a signal, or in a later
 * round: each round kills everything that the one before has not. In a process namespace of its own the end of its init ends all, and
 * the init itself does not end before them; who is there is counted before. */
struct kill_result tree_kill(const struct tree *tree, collect_function *collect, void *context) {
  const struct cgroups *groups = tree->groups;
  struct kill_result result = {0, 0};
  struct processes before = {0};
  const int64_t deadline = now_ms() + KILL_MS;
  unsigned pause = 100;
  for (int round = 0; collect(context); round++) {
    struct processes found = {0};
    if (tree->init == 0 && (round > 0 || groups->count == 0)) kill_quickly(tree->leader);
    size_t members = round == 0 ? cgroups_members(groups) : 0;
    if (round == 0 && tree->init > 0 && members == 0) members = children_of(tree->init);
    if (scan(&found)) keep_descendants(&found);
    if (tree->init > 0) (void)sys_pidfd_kill(tree->init_descriptor, SIGKILL);
    result.left = 0;
    for (size_t i = 0; i < found.count; i++) {
      if (!alive(&found.list[i])) continue;
      result.left++;
      if (found.list[i].pid != tree->init && !contains(&before, &found.list[i])) result.killed++;
      if (round > 0 || groups->count == 0) (void)signal_process(&found.list[i], SIGKILL);
    }
    /* One that forks and exits all the time is hardly ever in a list, and never in two. */
    if (result.killed < members) result.killed = members;
    free(before.list);
    before = found;
    if (round % 16 == 0) cgroups_kill(groups);
    if (round >= KILL_ROUNDS || now_ms() > deadline) break;
    if (round > 1 || groups->count > 0) sleep_us(pause);
    if (pause < LONGEST_PAUSE_US) pause += pause / 4;
  }
  const bool children = collect(context);
  if (!children) result.left = 0;
  else if (result.left == 0) result.left = 1; /* at least: they could not be listed */
  free(before.list);
  return result;
}

/* Before the search of all processes, which takes longer than one of a chain of forks lives: the group that the main
 * program led, and the youngest of this process's own children, which are those whose parents have ended. */
static void kill_quickly(int leader) {
  static char text[65536];
  char path[48];
  (void)sys_pidfd_kill_group(leader);
  (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  if (read_small(path, text, sizeof text) < 0) return; /* a kernel without CONFIG_PROC_CHILDREN */
  char *at = text + strlen(text);
  for (int count = 0; count < YOUNGEST && at > text; count++) {
    struct process process;
    while (at > text && at[-1] == ' ') *--at = 0;
    while (at > text && at[-1] != ' ') at--;
    if (process_read((pid_t)strtol(at, NULL, 10), &process) == 0 && process.parent == getpid() && alive(&process))
      (void)signal_process(&process, SIGKILL);
  }
}

/* How many there are now; 0 on a kernel without CONFIG_PROC_CHILDREN. */
static size_t children_of(pid_t pid) {
  static char text[65536];
  char path[48];
  size_t count = 0;
  (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
  if (read_small(path, text, sizeof text) < 0) return 0;
  for (const char *at = text; *at != 0; at++) count += *at == ' '; /* one behind each number */
  return count;
}

static bool alive(const struct process *process) {
  /* A leader that has ended is a zombie while its other threads go on. */
  return (process->state != 'Z' && process->state != 'X') || process->threads > 1;
}

/* The group of a descendant is never this process's own and has only descendants in it: it is in a session that one of them
 * began, or in this one's. A leader's descriptor names its group for certain (Linux 6.9). Before, the number does, as
 * long as a member is a child that only this process can collect. */
static void kill_group(const struct process *process, int pidfd) {
  if (process->group <= 1 || process->group == getpgrp()) return;
  if (process->group == process->pid && sys_pidfd_kill_group(pidfd) == 0) return;
  if (process->parent == getpid()) (void)kill(-process->group, SIGKILL);
}

/* The descriptor pins the process; only when it is still the one that was seen is it signalled. */
static bool signal_process(const struct process *process, int signal) {
  int pidfd = sys_pidfd_open(process->pid);
  if (pidfd < 0) return false;
  struct process now;
  bool same = process_read(process->pid, &now) == 0 && now.started == process->started;
  bool sent = same && sys_pidfd_kill(pidfd, signal) == 0;
  if (same && signal == SIGKILL) kill_group(&now, pidfd);
  close(pidfd);
  return sent;
}

static bool scan(struct processes *found) {
  DIR *directory = opendir("/proc");
  if (directory == NULL) return false;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    if (found->count == found->capacity) {
      size_t capacity = found->capacity == 0 ? 256 : found->capacity * 2;
      struct process *grown = realloc(found->list, capacity * sizeof *grown);
      if (grown == NULL) break; /* what was found is killed first; the next round sees the others */
      found->list = grown;
      found->capacity = capacity;
    }
    if (process_read((pid_t)strtol(entry->d_name, NULL, 10), &found->list[found->count]) == 0) found->count++;
  }
  (void)closedir(directory);
  return true;
}

static int by_pid(const void *left, const void *right) {
  const struct process *a = left, *b = right;
  return (a->pid > b->pid) - (a->pid < b->pid);
}

static struct process *find(const struct processes *all, pid_t pid) {
  struct process wanted = {.pid = pid};
  if (all->count == 0) return NULL;
  return bsearch(&wanted, all->list, all->count, sizeof wanted, by_pid);
}

/* Walks up to the first process whose place is known and notes it for all on the way, so that a long chain of
 * processes costs no more than a short one. A list made while processes came and went may contain a circle: those on the
 * way are noted as outside first, which ends it. */
static bool descends(const struct processes *all, struct process *process, pid_t ancestor) {
  enum place place = UNKNOWN;
  struct process *at = process;
  while (place == UNKNOWN) {
    if (at == NULL) place = OUTSIDE;
    else if (at->place != UNKNOWN) place = at->place;
    else if (at->parent == ancestor) place = BELOW;
    else {
      at->place = OUTSIDE;
      at = at->parent <= 1 ? NULL : find(all, at->parent);
    }
  }
  if (place == BELOW)
    for (at = process; at != NULL && at->place != BELOW; at = find(all, at->parent)) {
      at->place = BELOW;
      if (at->parent == ancestor) break;
    }
  return place == BELOW;
}

static void keep_descendants(struct processes *all) {
  struct processes kept = {0};
  const pid_t self = getpid();
  if (all->count == 0) return;
  qsort(all->list, all->count, sizeof *all->list, by_pid);
  kept.list = calloc(all->count, sizeof *kept.list);
  if (kept.list == NULL) {
    all->count = 0;
    return;
  }
  for (size_t i = 0; i < all->count; i++)
    if (descends(all, &all->list[i], self)) kept.list[kept.count++] = all->list[i];
  free(all->list);
  *all = kept;
}

/* Both lists are sorted by pid. */
static bool contains(const struct processes *set, const struct process *process) {
  const struct process *same = find(set, process->pid);
  return same != NULL && same->started == process->started;
}
