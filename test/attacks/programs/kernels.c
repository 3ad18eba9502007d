/* Interfaces of the kernel that no language model needs and that have been the way up before. */
#include "attack.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>

/* A listener of our own would answer before the supervisor's. */
static int seccomp_listener(void) {
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {.len = 1, .filter = code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  return fd >= 0 ? succeeded("we answer our own calls at descriptor %d", fd) : failed("seccomp");
}

static int raise_limit(void) {
  struct rlimit raised = {RLIM_INFINITY, RLIM_INFINITY};
  return setrlimit(RLIMIT_CORE, &raised) == 0 ? succeeded("core dumps have no limit") : failed("setrlimit");
}

static int page_faults(void) {
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
  return fd >= 0 ? succeeded("userfaultfd is open") : failed("userfaultfd");
}

static int load_bpf(void) {
  struct bpf_insn code[] = {{.code = 0xb7, .dst_reg = 0, .imm = 0}, {.code = 0x95}};
  union bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = (uint64_t)(uintptr_t)code;
  attributes.insn_cnt = 2;
  attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
  int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  return fd >= 0 ? succeeded("a BPF program is loaded") : failed("bpf");
}

static int count_events(void) {
  struct perf_event_attr attributes = {
      .type = PERF_TYPE_SOFTWARE, .size = sizeof attributes, .config = PERF_COUNT_SW_TASK_CLOCK, .exclude_kernel = 1};
  int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0);
  return fd >= 0 ? succeeded("performance counters are open") : failed("perf_event_open");
}

static int session_keys(void) {
  long keyring = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1);
  return keyring > 0 ? succeeded("the user's keyring is %ld", keyring) : failed("keyctl");
}

static int plant_key(void) {
  long key = syscall(SYS_add_key, "user", "paddock-attack", "x", 1, KEY_SPEC_PROCESS_KEYRING);
  return key > 0 ? succeeded("key %ld", key) : failed("add_key");
}

static int read_kernel_log(void) {
  long size = syscall(SYS_syslog, 10 /* size of the buffer */, NULL, 0);
  return size > 0 ? succeeded("%ld bytes of kernel log", size) : failed("syslog");
}

/* The name stays what it is; only the permission is tried. */
static int rename_host(void) {
  char name[256];
  if (gethostname(name, sizeof name) != 0) return failed("gethostname");
  return sethostname(name, strlen(name)) == 0 ? succeeded("the host's name was set") : failed("sethostname");
}

static int port_level(void) { return syscall(SYS_iopl, 3) == 0 ? succeeded("I/O ports are ours") : failed("iopl"); }

static int fixed_addresses(void) {
  int old = personality(0xffffffff);
  return old >= 0 && personality((unsigned long)old | ADDR_NO_RANDOMIZE) >= 0 ? succeeded("addresses are predictable")
                                                                            : failed("personality");
}

static int secret_memory(void) {
  int fd = (int)syscall(447 /* memfd_secret */, 0);
  return fd >= 0 ? succeeded("memory that nobody else can see") : failed("memfd_secret");
}

/* Objects without a path, for which every process of the user is let in. */
static int shared_memory(void) {
  int id = shmget(0x7061646b, 4096, IPC_CREAT | 0600);
  if (id < 0) return failed("shmget");
  shmctl(id, IPC_RMID, NULL);
  return succeeded("shared memory %d", id);
}

/* For the test itself: memory that others may read, gone with this process. Its number stays good until then. */
static int keep_memory(void) {
  int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666);
  char *memory = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
  if (memory == (void *)-1) return failed("shmget");
  shmctl(id, IPC_RMID, NULL);
  snprintf(memory, 4096, "memory of the host");
  printf("MEMORY %d\n", id);
  while (getchar() != EOF) continue;
  return EXIT_FAILED;
}

static int host_memory(void) {
  const char *memory = shmat(number_param("memory"), NULL, SHM_RDONLY);
  if (memory == (void *)-1) return failed("shmat");
  return succeeded("%s", printable(memory, 18));
}

static int message_queue(void) {
  int id = msgget(0x7061646b, IPC_CREAT | 0600);
  if (id < 0) return failed("msgget");
  msgctl(id, IPC_RMID, NULL);
  return succeeded("message queue %d", id);
}

static int posix_queue(void) {
  mqd_t queue = mq_open("/paddock-attack", O_CREAT | O_RDWR, 0600, NULL);
  if (queue < 0) return failed("mq_open");
  mq_unlink("/paddock-attack");
  return succeeded("a POSIX queue is open");
}

/* No such descriptor: EBADF would mean that the permission was given. */
static int load_module(void) {
  long result = syscall(SYS_finit_module, -1, "", 0);
  return result == 0 || errno == EBADF ? succeeded("the permission was given") : failed("finit_module");
}

const struct attempt kernel_attempts[] = {
    {"seccomp-listener", seccomp_listener},
    {"raise-limit", raise_limit},
    {"page-faults", page_faults},
    {"load-bpf", load_bpf},
    {"count-events", count_events},
    {"session-keys", session_keys},
    {"plant-key", plant_key},
    {"read-kernel-log", read_kernel_log},
    {"rename-host", rename_host},
    {"port-level", port_level},
    {"fixed-addresses", fixed_addresses},
    {"secret-memory", secret_memory},
    {"keep-memory", keep_memory},
    {"host-memory", host_memory},
    {"load-module", load_module},
    {"shared-memory", shared_memory},
    {"message-queue", message_queue},
    {"posix-queue", posix_queue},
    {NULL, NULL},
};
