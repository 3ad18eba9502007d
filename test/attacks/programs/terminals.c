/* Typing on the user's keyboard. */
#include "attack.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

/* The byte comes back as input; the high half of the request is what 64-bit filters once forgot. */
static int push_input(unsigned long request) {
  char byte = 'p';
  int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) fd = 0;
  return syscall(SYS_ioctl, fd, request, &byte) == 0 ? succeeded("a key was pressed") : failed("ioctl(TIOCSTI)");
}

static int type_key(void) { return push_input(TIOCSTI); }
static int type_key_high_bits(void) { return push_input(0x100000000UL | TIOCSTI); }

static int paste_selection(void) {
  char subcode[2] = {3, 0};
  return ioctl(0, TIOCLINUX, subcode) == 0 ? succeeded("the selection was pasted") : failed("ioctl(TIOCLINUX)");
}

static int take_console(void) {
  return ioctl(0, TIOCCONS) == 0 ? succeeded("console output is ours") : failed("ioctl(TIOCCONS)");
}

static int change_discipline(void) {
  int discipline = 0;
  return ioctl(0, TIOCSETD, &discipline) == 0 ? succeeded("line discipline set") : failed("ioctl(TIOCSETD)");
}

/* With the streams in pipes the terminal behind them is not ours. */
static int open_terminal(void) {
  int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (fd < 0) return failed("open");
  return write(fd, "planted\r\n", 9) == 9 ? succeeded("wrote on the user's terminal") : failed("write");
}

const struct attempt terminal_attempts[] = {
    {"type-key", type_key},
    {"type-key-high-bits", type_key_high_bits},
    {"paste-selection", paste_selection},
    {"take-console", take_console},
    {"change-discipline", change_discipline},
    {"open-terminal", open_terminal},
    {NULL, NULL},
};
