/* Running another program. Each child program prints a word that only it knows; the word is the evidence. */
#include "attack.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

/* In a child, with its output in a pipe: what did it print? */
static int word_of(int (*start)(void), const char *call) {
  int output[2], problem[2];
  if (pipe2(output, O_CLOEXEC) != 0 || pipe2(problem, O_CLOEXEC) != 0) return failed("pipe2");
  pid_t child = fork();
  if (child < 0) return failed("fork");
  if (child == 0) {
    dup2(output[1], 1);
    start();
    int number = errno;
    if (write(problem[1], &number, sizeof number) < 0) _exit(3);
    _exit(2);
  }
  close(output[1]);
  close(problem[1]);
  int number = 0;
  char word[40];
  ssize_t refused = read(problem[0], &number, sizeof number);
  ssize_t length = read(output[0], word, sizeof word);
  waitpid(child, NULL, 0);
  if (length > 0) return succeeded("it printed: %s", printable(word, (size_t)(length - (word[length - 1] == '\n'))));
  if (refused > 0) return errno = number, failed(call);
  return failed_because(call, "no-output");
}

static char *const shell[] = {"sh", "-c", "echo shell-ran", NULL};

static int start_shell(void) { return execve("/bin/sh", shell, environ); }
static int execute_shell(void) { return word_of(start_shell, "execve"); }

/* Not even a fork in between. */
static int execute_shell_here(void) {
  static char *const words[] = {"sh", "-c", "echo SUCCEEDED shell took our place; exit 0", NULL};
  execve("/bin/sh", words, environ);
  return failed("execve");
}

static int start_descriptor(void) {
  int fd = open("/bin/sh", O_PATH | O_CLOEXEC);
  return fd < 0 ? -1 : (int)syscall(SYS_execveat, fd, "", shell, environ, AT_EMPTY_PATH);
}
static int execute_descriptor(void) { return word_of(start_descriptor, "execveat"); }

/* The dynamic loader runs whatever it is handed, as data. */
static int start_loader(void) {
  static char *const words[] = {"ld.so", "/bin/sh", "-c", "echo loader-ran", NULL};
  return execve("/lib64/ld-linux-x86-64.so.2", words, environ);
}
static int execute_loader(void) { return word_of(start_loader, "execve"); }

static int start_script(void) {
  const char *path = scratch("script.sh");
  unlink(path);
  if (write_file(path, "#!/bin/sh\necho script-ran\n", 0700) != 0) return -1;
  char *const words[] = {"script.sh", NULL};
  return execve(path, words, environ);
}
static int execute_script(void) { return word_of(start_script, "execve"); }

static char *const echo[] = {"echo", "copy-ran", NULL};

static int start_copy(void) {
  const char *path = scratch("copy");
  unlink(path);
  if (copy_file("/proc/self/exe", path, 0700) != 0) return -1;
  char *const words[] = {"attack", "list", NULL};
  return execve(path, words, environ);
}
static int execute_copy(void) { return word_of(start_copy, "execve"); }

static int start_memory(void) {
  int fd = (int)syscall(SYS_memfd_create, "program", 0u);
  if (fd < 0) return -1;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (copy_file("/proc/self/exe", path, 0700) != 0) return -1;
  char *const words[] = {"attack", "list", NULL};
  return fexecve(fd, words, environ);
}
static int execute_memory(void) { return word_of(start_memory, "memfd_create"); }

/* glibc tries clone3 first here. */
static int execute_spawned(void) {
  pid_t child = 0;
  int problem = posix_spawn(&child, "/bin/echo", NULL, NULL, echo, environ);
  if (problem != 0) return errno = problem, failed("posix_spawn");
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? succeeded("spawned") : failed_because("posix_spawn", "refused");
}

static int start_vfork(void) {
  pid_t child = vfork();
  if (child == 0) {
    execve("/bin/sh", shell, environ);
    _exit(errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  errno = WEXITSTATUS(status);
  if (errno == 0) _exit(0);
  return -1;
}
static int execute_vfork(void) { return word_of(start_vfork, "execve"); }

/* From a thread group that is not ours any more: a grandchild of another session. */
static int start_detached(void) {
  pid_t child = fork();
  if (child == 0) {
    setsid();
    return start_shell();
  }
  waitpid(child, NULL, 0);
  _exit(0);
}
static int execute_detached(void) { return word_of(start_detached, "execve"); }

/* A program with the set-user-id bit, for more rights than the caller's. */
static int start_privileged(void) {
  static char *const words[] = {"su", "--help", NULL};
  return execve("/bin/su", words, environ);
}
static int execute_privileged(void) { return word_of(start_privileged, "execve"); }

const struct attempt execute_attempts[] = {
    {"execute-shell", execute_shell},
    {"execute-shell-here", execute_shell_here},
    {"execute-descriptor", execute_descriptor},
    {"execute-loader", execute_loader},
    {"execute-script", execute_script},
    {"execute-copy", execute_copy},
    {"execute-memory", execute_memory},
    {"execute-spawned", execute_spawned},
    {"execute-vfork", execute_vfork},
    {"execute-detached", execute_detached},
    {"execute-privileged", execute_privileged},
    {NULL, NULL},
};
