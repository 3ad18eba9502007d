/* Still being there when the session is over. The survivor says so itself, `patience` ms after its parent's end; it has
 * the test's token among its arguments, so that the test finds and ends it whatever it says. */
#include "attack.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void survive(const char *how) {
  usleep((useconds_t)number_param("patience") * 1000);
  succeeded("%s, and process %d is still here", how, (int)getpid());
  _exit(0);
}

/* The classic daemon: parent gone, own session, own group. */
static int daemon_double_fork(void) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return failed("pipe2");
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    prctl(PR_SET_PDEATHSIG, 0);
    if (write(ready[1], "r", 1) != 1) _exit(1);
    survive("forked twice, in a session of its own");
  }
  char byte;
  close(ready[1]);
  waitpid(child, NULL, 0);
  if (read(ready[0], &byte, 1) != 1) return failed("read");
  return EXIT_FAILED;
}

static int daemon_deaf(void) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return failed("pipe2");
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    for (int number = 1; number < 65; number++) signal(number, SIG_IGN);
    setsid();
    if (write(ready[1], "r", 1) != 1) _exit(1);
    survive("deaf to every signal");
  }
  char byte;
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1) return failed("read");
  return EXIT_FAILED;
}

/* Whoever comes to kill finds an older process: each lives a moment and leaves a younger one. */
static int daemon_runner(void) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return failed("pipe2");
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    setsid();
    if (write(ready[1], "r", 1) != 1) _exit(1);
    close(ready[1]);
    int steps = number_param("patience");
    for (int i = 0; i < steps; i++) {
      pid_t next = fork();
      if (next > 0) _exit(0);
      usleep(1000);
    }
    succeeded("ran for %d generations, and process %d is still here", steps, (int)getpid());
    _exit(0);
  }
  char byte;
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1) return failed("read");
  return EXIT_FAILED;
}

/* Takes its own children for itself, so that they do not fall to the supervisor. */
static int daemon_reaper(void) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  return daemon_double_fork();
}

/* A stopped process does not act on signals other than SIGKILL. Another of ours wakes it up again. */
static int daemon_stopped(void) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return failed("pipe2");
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    setsid();
    pid_t stopped = getpid(), waker = fork();
    if (waker == 0) {
      setsid();
      if (write(ready[1], "r", 1) != 1) _exit(1);
      usleep((useconds_t)number_param("patience") * 500);
      kill(stopped, SIGCONT);
      _exit(0);
    }
    raise(SIGSTOP);
    survive("stopped and woken");
  }
  char byte;
  close(ready[1]);
  if (read(ready[0], &byte, 1) != 1) return failed("read");
  return EXIT_FAILED;
}

/* The main program itself, deaf, with no death signal: it waits to be killed by the launcher's end. The test ends the
 * launcher with SIGKILL when it sees the first line. */
static int ignore_launchers_end(void) {
  for (int number = 1; number < 65; number++) signal(number, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, 0);
  puts("READY");
  survive("the launcher was killed");
  return EXIT_FAILED;
}

/* The same for the supervisor, whose process id the test takes from this line. A process that was forked has no death
 * signal, whatever its parent had. */
static int ignore_supervisors_end(void) {
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    setsid();
    survive("the supervisor was killed");
  }
  printf("PARENT %d\n", (int)getppid());
  fflush(stdout);
  survive("the supervisor was killed");
  return EXIT_FAILED;
}

static void *ask_for_ever(void *unused) {
  for (;;) unshare(0); /* changes nothing, and is denied by a supervisor that has better things to do */
  return unused;
}

/* Keeps the supervisor busy, so that it does not hear of the launcher's end. */
static int ignore_launchers_end_busily(void) {
  for (int i = 0; i < 16; i++) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, ask_for_ever, NULL) != 0) return failed("pthread_create");
  }
  return ignore_launchers_end();
}

/* Where the policy ends the session at the first offence, nobody is there to say this. */
static int stay(const char *offence) {
  usleep((useconds_t)number_param("patience") * 1000);
  return succeeded("still here after an offence: %s", offence);
}

static int stay_after_read(void) {
  close(open(param("canary"), O_RDONLY | O_CLOEXEC));
  return stay("read");
}

/* Much ado about files of its own, and in the midst of it the one open that matters. */
static int stay_after_drowned_read(void) {
  const char *own = scratch("noise");
  for (int i = 0; i < 1000; i++) close(open(own, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  for (int i = 0; i < 1000; i++) close(open("/dev/tty", O_WRONLY | O_CLOEXEC));
  close(open(param("canary"), O_RDONLY | O_CLOEXEC));
  return stay("read");
}

static int stay_after_write(void) {
  close(open(param("victim"), O_WRONLY | O_APPEND | O_CLOEXEC));
  return stay("write");
}

static int stay_after_connect(void) {
  close(socket(AF_INET, SOCK_DGRAM, 0));
  return stay("connect");
}

static int stay_after_call(void) {
  unshare(0);
  return stay("system call");
}

static int stay_after_execute(void) {
  pid_t child = fork();
  if (child == 0) {
    execl("/bin/true", "true", NULL);
    _exit(1);
  }
  waitpid(child, NULL, 0);
  return stay("execute");
}

const struct attempt outlive_attempts[] = {
    {"daemon-double-fork", daemon_double_fork},
    {"daemon-deaf", daemon_deaf},
    {"daemon-runner", daemon_runner},
    {"daemon-reaper", daemon_reaper},
    {"daemon-stopped", daemon_stopped},
    {"ignore-launchers-end", ignore_launchers_end},
    {"ignore-supervisors-end", ignore_supervisors_end},
    {"ignore-launchers-end-busily", ignore_launchers_end_busily},
    {"stay-after-read", stay_after_read},
    {"stay-after-drowned-read", stay_after_drowned_read},
    {"stay-after-write", stay_after_write},
    {"stay-after-connect", stay_after_connect},
    {"stay-after-call", stay_after_call},
    {"stay-after-execute", stay_after_execute},
    {NULL, NULL},
};
