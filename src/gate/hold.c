#include "hold.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "events.h"
#include "lease.h"
#include "protocol.h"
#include "verity.h"

enum { HELD_FILE = GATE_OPERATIONS, DISTURBED = 3 };

static bool print(struct line *line);
static int wait_for_the_end(int lease, int signals);

int hold(void) {
  struct line line;
  char digest[VERITY_TEXT];
  sigset_t all;
  sigfillset(&all);
  /* Signals to the whole process group are the launcher's to act on. */
  if (sigprocmask(SIG_SETMASK, &all, NULL) < 0) return 125;
  int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) return 125;
  int lease = lease_take_patiently(HELD_FILE);
  line_begin(&line, "hold");
  line_number(&line, "lease", lease < 0 ? errno : 0);
  if (verity_measure(HELD_FILE, digest) == 0) line_text(&line, "verity", digest, strlen(digest));
  else line_number(&line, "verityErrno", errno);
  return print(&line) ? wait_for_the_end(lease, signals) : 125;
}

static bool print(struct line *line) {
  return printf("%.*s}\n", (int)line->length, line->text) >= 0 && fflush(stdout) == 0;
}

static int wait_for_the_end(int lease, int signals) {
  struct line line;
  for (;;) {
    struct pollfd waits[] = {{STDIN_FILENO, POLLIN, 0}, {lease < 0 ? -1 : signals, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return 125;
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) continue;
    if (lease >= 0 && lease_broken(lease)) {
      line_begin(&line, "disturbed");
      return print(&line) ? DISTURBED : 125;
    }
    char byte;
    if (waits[0].revents != 0 && read(STDIN_FILENO, &byte, 1) <= 0) return 0;
  }
}
