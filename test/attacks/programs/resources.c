/* Taking everything there is. Every bomb is bounded, and its children end with their parent. */
#include "attack.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define MIB (1024L * 1024)

/* `count` processes at once. */
static int fork_bomb(void) {
  int count = number_param("count");
  if (count > 5000) count = 5000;
  for (int i = 0; i < count; i++) {
    pid_t child = fork();
    if (child < 0) return failed("fork"); /* children end by the death signal */
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1) _exit(0);
    for (;;) pause();
  }
  return succeeded("%d processes at once", count);
}

static void *wait_forever(void *unused) {
  for (;;) pause();
  return unused;
}

static int thread_bomb(void) {
  int count = number_param("count");
  if (count > 5000) count = 5000;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  for (int i = 0; i < count; i++) {
    pthread_t thread;
    int problem = pthread_create(&thread, &attributes, wait_forever, NULL);
    if (problem != 0) return errno = problem, failed("pthread_create");
  }
  return succeeded("%d threads at once", count);
}

static int touch(long mib) {
  for (long done = 0; done < mib; done += 16) {
    char *block = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return -1;
    for (long page = 0; page < 16 * MIB; page += 4096) block[page] = 1;
  }
  return 0;
}

static int memory_bomb(void) {
  long mib = number_param("mib");
  if (mib > 6144) mib = 6144;
  return touch(mib) == 0 ? succeeded("%ld MiB touched", mib) : failed("mmap");
}

/* Eight processes, each within what one may have. */
static int memory_bomb_shared_out(void) {
  long mib = number_param("mib");
  if (mib > 6144) mib = 6144;
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return failed("pipe2");
  for (int i = 0; i < 8; i++) {
    pid_t child = fork();
    if (child < 0) return failed("fork");
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    char result = touch(mib / 8) == 0 ? 'y' : 'n';
    if (write(ready[1], &result, 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  char results[8];
  int have = 0;
  while (have < 8) {
    /* A child that was killed never answers, so do not wait for it for ever. */
    if (waitpid(-1, NULL, WNOHANG) > 0) return failed_because("memory", "a-child-was-killed");
    fcntl(ready[0], F_SETFL, O_NONBLOCK);
    ssize_t length = read(ready[0], results + have, (size_t)(8 - have));
    if (length > 0) have += (int)length;
    else usleep(10000);
  }
  if (memchr(results, 'n', 8) != NULL) return failed_because("mmap", "ENOMEM");
  return succeeded("%ld MiB touched by 8 processes", mib);
}

static int file_bomb(void) {
  long mib = number_param("mib");
  if (mib > 4096) mib = 4096;
  static char block[1024 * 1024];
  signal(SIGXFSZ, SIG_IGN);
  const char *path = scratch("bomb");
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open");
  for (long done = 0; done < mib; done++)
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) {
      int saved = errno;
      unlink(path);
      return errno = saved, failed("write");
    }
  unlink(path);
  return succeeded("%ld MiB in one file", mib);
}

/* A file without blocks costs nothing until its length is believed. */
static int sparse_bomb(void) {
  signal(SIGXFSZ, SIG_IGN);
  int fd = open(scratch("sparse"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open");
  return ftruncate(fd, 1L << 40) == 0 ? succeeded("a file of a tebibyte") : failed("ftruncate");
}

static int descriptor_bomb(void) {
  int count = number_param("count");
  if (count > 1000000) count = 1000000;
  for (int i = 0; i < count; i++)
    if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) return failed("open");
  return succeeded("%d descriptors at once", count);
}

const struct attempt resource_attempts[] = {
    {"fork-bomb", fork_bomb},
    {"thread-bomb", thread_bomb},
    {"memory-bomb", memory_bomb},
    {"memory-bomb-shared-out", memory_bomb_shared_out},
    {"file-bomb", file_bomb},
    {"sparse-bomb", sparse_bomb},
    {"descriptor-bomb", descriptor_bomb},
    {NULL, NULL},
};
