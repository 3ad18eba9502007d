/* Calls made up, answered by the gate's own code in this process: nothing is let through, handed over or left behind that
 * must not be, whatever the caller's memory, descriptors and names are. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "calls.h"
#include "checks.h"
#include "guest.h"
#include "kernel.h"

static const char *run_call(uint64_t number, struct random *random);
static void begin(struct random *random);
static void end(void);
const struct target NOTIFY = {"notify", run_call, begin, end};

static struct notifier notifier;
static struct table table;
static struct events events;
static bool racing;
static int told = -1; /* where events are read */

static void make_table(struct random *random) {
  static const uint8_t LOOPBACK[4] = {127, 0, 0, 1};
  const uint32_t all = RIGHT_READ | RIGHT_WRITE;
  memset(&table, 0, sizeof table);
  for (size_t i = 0; i < KNOWN_CALL_COUNT; i++) {
    struct answer *answer = &table.answers[table.answer_count++];
    *answer = (struct answer){KNOWN_CALLS[i].nr, chance(random, 40), chance(random, 4), KNOWN_CALLS[i].answer, (int)below(random, 40), "label"};
    if (chance(random, 8)) answer->kind = (uint32_t)below(random, ANSWER_MAP + 1);
  }
  for (uint32_t i = 0; i < 4; i++) {
    struct address *address = i < 2 ? &table.binds.list[table.binds.count++] : &table.places.list[table.places.count++];
    *address = (struct address){i % 2 == 0 ? AF_INET : AF_INET6, (uint32_t)(i < 2 ? guest.free_port : guest.port), {0}};
    if (i % 2 == 0) memcpy(address->bytes, LOOPBACK, 4);
    else address->bytes[15] = i == 1 ? 0 : 1;
  }
  grants_add(&table.grants, all | RIGHT_KEPT, guest.kept);
  grants_add(&table.grants, all | RIGHT_KEPT, "/dev/null");
  grants_add(&table.grants, all, guest.other);
  if (chance(random, 4)) grants_add(&table.grants, RIGHT_READ, "/");
}

static void begin(struct random *random) {
  int ends[2];
  racing = chance(random, 8);
  guest_begin(racing);
  make_table(random);
  if (told < 0) {
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 || events_open(&events, ends[1]) < 0 || notifier_open(&notifier, LISTENER) < 0)
      wrong("the notifier cannot be opened: %s", strerror(errno));
    told = ends[0];
  }
  notifier.table = &table;
  notifier.events = &events;
}

static void end(void) { guest_end(); }

static void make_notifier(struct random *random) {
  notifier.child = chance(random, 2) ? guest.process : 0;
  notifier.executed = !chance(random, 10);
  notifier.kill = false;
  notifier.closed = chance(random, 3) ? 0 : chance(random, 3) ? CLOSED_WRITE : (unsigned)below(random, CLOSED_ANY + 1);
  notifier.namespaced = chance(random, 6);
  notifier.reads.count = notifier.writes.count = 0;
  conversation = (struct conversation){.valid_asks = chance(random, 6) ? (unsigned)below(random, 3) : 1000,
                                       .refuses_descriptor = chance(random, 12)};
  if (chance(random, 100)) conversation.receive_error = chance(random, 2) ? ENOENT : EBADF;
}

/* A connection is made by a child of its own. */
static void wait_for_connections(void) {
  while (notifier.connects.count > 0) {
    const pid_t worker = notifier.connects.running[0].worker;
    siginfo_t info = {0};
    connects_look(&notifier);
    for (int tries = 0; tries < 2000 && info.si_pid == 0; tries++) {
      if (waitid(P_PID, (id_t)worker, &info, WEXITED | WNOHANG) < 0) wrong("a worker is gone: %s", strerror(errno));
      if (info.si_pid == 0 && poll(NULL, 0, tries < 50 ? 0 : 1) < 0) wrong("poll");
      if (tries == 1000) (void)kill(worker, SIGKILL);
    }
    if (!connects_collected(&notifier, &info)) wrong("a worker that nobody knows");
  }
  for (int fd; (fd = accept(guest.listener, NULL, NULL)) >= 0;) close(fd);
}

static const char *kind_of(const struct answer *answer) {
  static const char *const ENDS[ANSWER_MAP + 1][4] = {
#define ENDS_OF(name) {name " continued", name " refused", name " done", name " gone"}
      [ANSWER_CONTINUE] = ENDS_OF("continue"), [ANSWER_DENY] = ENDS_OF("deny"), [ANSWER_EXEC_ONCE] = ENDS_OF("exec-once"),
      [ANSWER_EXEC] = ENDS_OF("exec"), [ANSWER_OPEN] = ENDS_OF("open"), [ANSWER_BIND] = ENDS_OF("bind"),
      [ANSWER_LISTEN] = ENDS_OF("listen"), [ANSWER_CONNECT] = ENDS_OF("connect"), [ANSWER_PROCESS] = ENDS_OF("process"), [ANSWER_MAP] = ENDS_OF("map")};
  const struct seccomp_notif_resp *response = &conversation.response;
  const int how = conversation.gone ? 3 : response->flags != 0 ? 0 : response->error != 0 ? 1 : 2;
  return answer == NULL ? "unlisted" : ENDS[answer->kind][how];
}

static const char *run_call(uint64_t number, struct random *random) {
  (void)number;
  make_notifier(random);
  make_call(random);
  const struct situation situation = {&notifier, check_answer_of(&table), racing, notifier.executed};
  const bool goes_on = notifier_serve(&notifier);
  if (conversation.receive_error != 0) {
    if (goes_on != (conversation.receive_error == ENOENT) || conversation.sent != 0) wrong("a failed receive is not taken for what it is");
    return "nothing received";
  }
  if (!goes_on) wrong("the listener is given up");
  wait_for_connections();
  check_answer(&situation);
  check_descriptors();
  check_events(told);
  return kind_of(situation.answer);
}
