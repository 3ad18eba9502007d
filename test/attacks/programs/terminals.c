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

/* Only a session leader without a terminal may take one; a stolen one needs privilege. */
static int take_terminal(void) {
  if (getsid(0) != getpid() && setsid() < 0) return failed("setsid");
  return ioctl(0, TIOCSCTTY, 1) == 0 ? succeeded("the terminal is ours") : failed("ioctl(TIOCSCTTY)");
}

/* Text for whoever sits there, which his terminal takes for orders. The harness looks for it in the output. */
static int say(const char *sequence) {
  printf("%s\n", sequence);
  fflush(stdout);
  return failed_because("say", "said");
}

static int set_clipboard(void) { return say("\x1b]52;c;cm0gLXJmIH4K\x07"); }
static int ask_title_back(void) { return say("\x1b]0;rm -rf ~\x07\x1b[21t"); }
static int ask_answer_back(void) { return say("\x1bP$q\"p\x1b\\\x1b[c\x05"); }
static int reset_terminal(void) { return say("\x1b" "c\x1b[!p\x1b[?1049h"); }

const struct attempt terminal_attempts[] = {
    {"type-key", type_key},
    {"type-key-high-bits", type_key_high_bits},
    {"paste-selection", paste_selection},
    {"take-console", take_console},
    {"change-discipline", change_discipline},
    {"open-terminal", open_terminal},
    {"take-terminal", take_terminal},
    {"set-clipboard", set_clipboard},
    {"ask-title-back", ask_title_back},
    {"ask-answer-back", ask_answer_back},
    {"reset-terminal", reset_terminal},
    {NULL, NULL},
};
