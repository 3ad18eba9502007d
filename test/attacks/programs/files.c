/* Reading what was not granted. */
#include "attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int read_at(const char *path, const char *call) {
  const char *bytes = first_bytes(path);
  return bytes != NULL ? succeeded("first bytes: %s", bytes) : failed(call);
}

/* The plain case: a private key in the user's home. */
static int read_canary(void) { return read_at(param("canary"), "open"); }

/* So often that the one who writes it down loses count. */
static int read_canary_often(void) {
  const char *bytes = NULL;
  for (int i = 0; i < 20000; i++) bytes = first_bytes(param("canary"));
  return bytes != NULL ? succeeded("20000 times: %s", bytes) : failed("open");
}

/* The name of a file is text of ours, and somebody will look at it at a terminal or in a log. */
static int read_speaking_name(void) {
  char path[4200];
  snprintf(path, sizeof path, "%s/\x1b]0;owned\a\x1b[2J\n{\"event\":\"finished\",\"killed\":0}\xff\xe2\x80\xae",
           param("outside"));
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  return fd >= 0 ? succeeded("a file of that name") : failed("open");
}

/* A name inside the grant that leads out of it. */
static int read_symlink(void) {
  const char *link = scratch("innocent.txt");
  unlink(link);
  if (symlink(param("canary"), link) != 0) return failed("symlink");
  return read_at(link, "open");
}

/* A second name for the same inode, inside the grant. */
static int read_hardlink(void) {
  const char *name = scratch("linked.txt");
  unlink(name);
  if (link(param("canary"), name) != 0) return failed("link");
  return read_at(name, "open");
}

/* openat2 keeps its flags in memory, out of a filter's sight. */
static int read_openat2(void) {
  struct open_how how = {.flags = O_RDONLY};
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, param("canary"), &how, sizeof how);
  if (fd < 0) return failed("openat2");
  char buffer[40];
  ssize_t length = read(fd, buffer, sizeof buffer);
  return length > 0 ? succeeded("first bytes: %s", printable(buffer, (size_t)length)) : failed("read");
}

/* An O_PATH descriptor is no right to read; reopening it through /proc might become one. */
static int read_reopened(void) {
  int handle = open(param("canary"), O_PATH | O_CLOEXEC);
  if (handle < 0) return failed("open(O_PATH)");
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
  return read_at(path, "open");
}

/* By file handle instead of by name (needs CAP_DAC_READ_SEARCH outside the fence). */
static int read_by_handle(void) {
  union {
    struct file_handle handle;
    char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } file;
  memset(&file, 0, sizeof file);
  file.handle.handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  int given = name_to_handle_at(AT_FDCWD, param("canary"), &file.handle, &mount, 0);
  if (given != 0) return failed("name_to_handle_at");
  int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) root = AT_FDCWD;
  int fd = open_by_handle_at(root, &file.handle, O_RDONLY);
  if (fd < 0) return failed("open_by_handle_at");
  char buffer[40];
  ssize_t length = read(fd, buffer, sizeof buffer);
  return length > 0 ? succeeded("first bytes: %s", printable(buffer, (size_t)length)) : failed("read");
}

/* The names in a folder tell a thief where to look. */
static int list_folder(void) {
  DIR *folder = opendir(param("folder"));
  if (folder == NULL) return failed("opendir");
  const struct dirent *entry = NULL;
  while ((entry = readdir(folder)) != NULL)
    if (entry->d_name[0] != '.') return succeeded("name: %s", entry->d_name);
  return failed("readdir");
}

/* The launcher's view of the tree, through its own root. */
static int read_launcher_root(void) {
  char path[4200];
  snprintf(path, sizeof path, "/proc/%d/root%s", number_param("launcher"), param("canary"));
  return read_at(path, "open");
}

/* One's own root is the same tree, and a name under /proc/self may be granted. */
static int read_own_root(void) {
  char path[4200];
  snprintf(path, sizeof path, "/proc/self/root%s", param("canary"));
  return read_at(path, "open");
}

static int read_of_process(int pid, const char *file) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
  return read_at(path, "open");
}

static int read_launcher_environment(void) { return read_of_process(number_param("launcher"), "environ"); }
static int read_parent_environment(void) { return read_of_process(keeper(), "environ"); }
static int read_launcher_maps(void) { return read_of_process(number_param("launcher"), "maps"); }

/* Opening is the permission; what is read at one address proves nothing more. */
static int read_launcher_memory(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", number_param("launcher"));
  int fd = open(path, O_RDWR | O_CLOEXEC);
  return fd >= 0 ? succeeded("%s is open for reading and writing", path) : failed("open");
}

/* Weights of the same name beside the caller must not stand in for those that were judged. */
static int shadow_weights(void) { return read_at("model.gguf", "open"); }

/* Being told of every name that changes in a folder is reading it. */
static int watch_folder_inotify(void) {
  int queue = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (queue < 0) return failed("inotify_init1");
  int watch = inotify_add_watch(queue, param("folder"), IN_ALL_EVENTS);
  return watch >= 0 ? succeeded("watching %s", param("folder")) : failed("inotify_add_watch");
}

static int watch_folder_fanotify(void) {
  int queue = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY);
  if (queue < 0) return failed("fanotify_init");
  int mark = fanotify_mark(queue, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, param("folder"));
  return mark == 0 ? succeeded("watching %s", param("folder")) : failed("fanotify_mark");
}

const struct attempt file_attempts[] = {
    {"read-canary", read_canary},
    {"read-canary-often", read_canary_often},
    {"read-speaking-name", read_speaking_name},
    {"read-symlink", read_symlink},
    {"read-hardlink", read_hardlink},
    {"read-openat2", read_openat2},
    {"read-reopened", read_reopened},
    {"read-by-handle", read_by_handle},
    {"list-folder", list_folder},
    {"read-own-root", read_own_root},
    {"read-launcher-root", read_launcher_root},
    {"read-launcher-environment", read_launcher_environment},
    {"read-parent-environment", read_parent_environment},
    {"read-launcher-maps", read_launcher_maps},
    {"read-launcher-memory", read_launcher_memory},
    {"shadow-weights", shadow_weights},
    {"watch-folder-inotify", watch_folder_inotify},
    {"watch-folder-fanotify", watch_folder_fanotify},
    {NULL, NULL},
};
