/* Rewrites a file so many times, in one of several ways: every second time with the other content.
 *
 * usage: rewriter WAY PATH GOOD EVIL OFFSET COUNT SEED
 *   GOOD, EVIL: files with the two contents, equally long, which differ in the bytes at OFFSET alone
 * Says how many times it did. It ends by itself, at the latest after 100 seconds. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WORD = 4, PATH_BYTES = 4096, RENAME_EXCHANGE_FLAG = 2, CALM_EVERY = 40, CALM_MS = 250 };

static struct {
  char *bytes[2];
  size_t size;
  off_t offset;
  const char *path;
  char other[PATH_BYTES];  /* a second name, a second file, or the map's */
  char folder[PATH_BYTES]; /* that of the file */
  char *map;
} state;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void write_whole(const char *path, int flags, int which) {
  const int fd = open(path, O_WRONLY | flags, 0755);
  if (fd < 0) return; /* busy: as good as a try */
  for (size_t done = 0; done < state.size;) {
    const ssize_t wrote = write(fd, state.bytes[which] + done, state.size - done);
    if (wrote <= 0) break;
    done += (size_t)wrote;
  }
  close(fd);
}

static void write_word(const char *path, int which) {
  const int fd = open(path, O_WRONLY);
  if (fd < 0) return;
  if (pwrite(fd, state.bytes[which] + state.offset, WORD, state.offset) != WORD) perror("pwrite");
  close(fd);
}

static void by_pwrite(int which) { write_word(state.path, which); }
static void by_truncate(int which) { write_whole(state.path, O_TRUNC, which); }
static void by_link(int which) { write_word(state.other, which); }
static void by_map(int which) { memcpy(state.map + state.offset, state.bytes[which] + state.offset, WORD); }

static void by_rename(int which) {
  write_whole(state.other, O_CREAT | O_TRUNC, which);
  if (rename(state.other, state.path) != 0) fail("rename");
}

static void by_folder(int which) {
  (void)which; /* the two folders change places */
  if (syscall(SYS_renameat2, AT_FDCWD, state.folder, AT_FDCWD, state.other, RENAME_EXCHANGE_FLAG) != 0) fail("exchange");
}

static void prepare_nothing(void) {}

static void prepare_link(void) {
  if (link(state.path, state.other) != 0) fail("link");
}

static void prepare_map(void) {
  const int fd = open(state.path, O_RDWR);
  if (fd < 0) fail(state.path);
  state.map = mmap(NULL, state.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (state.map == MAP_FAILED) fail("mmap");
  close(fd); /* the map is writer enough */
}

static void prepare_folder(void) {
  char file[PATH_BYTES + 300];
  if (mkdir(state.other, 0755) != 0) fail(state.other);
  snprintf(file, sizeof file, "%s/%s", state.other, strrchr(state.path, '/') + 1);
  write_whole(file, O_CREAT, 1);
}

static const struct {
  const char *name;
  void (*prepare)(void);
  void (*put)(int which);
} WAYS[] = {
    {"pwrite", prepare_nothing, by_pwrite}, {"truncate", prepare_nothing, by_truncate},
    {"rename", prepare_nothing, by_rename}, {"map", prepare_map, by_map},
    {"folder", prepare_folder, by_folder},  {"link", prepare_link, by_link},
};

static void read_content(int which, const char *path) {
  struct stat st;
  const int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &st) != 0) fail(path);
  state.size = (size_t)st.st_size;
  state.bytes[which] = malloc(state.size);
  if (state.bytes[which] == NULL || read(fd, state.bytes[which], state.size) != st.st_size) fail(path);
  close(fd);
}

int main(int argc, char **argv) {
  if (argc != 8) return 2;
  alarm(100);
  state.path = argv[2];
  read_content(0, argv[3]);
  read_content(1, argv[4]);
  state.offset = atol(argv[5]);
  snprintf(state.folder, sizeof state.folder, "%.*s", (int)(strrchr(state.path, '/') - state.path), state.path);
  srand((unsigned)atoi(argv[7]));
  for (size_t i = 0; i < sizeof WAYS / sizeof *WAYS; i++) {
    if (strcmp(argv[1], WAYS[i].name) != 0) continue;
    snprintf(state.other, sizeof state.other, "%s.other", WAYS[i].put == by_folder ? state.folder : state.path);
    WAYS[i].prepare();
    int done = 0;
    for (const int count = atoi(argv[6]); done < count; done++) {
      WAYS[i].put(done % 2 == 0);
      /* Mostly at once; now and then the good one stays for long enough to be judged. */
      const int calm = done % 2 == 1 && rand() % CALM_EVERY == 0;
      usleep((useconds_t)(calm ? rand() % (CALM_MS * 1000) + CALM_MS * 1000 : rand() % 4000));
    }
    printf("%d\n", done);
    return 0;
  }
  return 2;
}
