#include "verity.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* struct fsverity_digest of linux/fsverity.h, with room for the longest digest. The size of its head is in the number. */
struct verity_digest {
  uint16_t algorithm, size;
  uint8_t digest[VERITY_MOST];
};
struct verity_head {
  uint16_t algorithm, size;
};
#define MEASURE_VERITY _IOWR('f', 134, struct verity_head)

/* FS_VERITY_HASH_ALG_* */
static const char *const ALGORITHMS[] = {"", "sha256", "sha512"};
enum { ALGORITHM_COUNT = sizeof ALGORITHMS / sizeof *ALGORITHMS };

int verity_measure(int fd, char text[static VERITY_TEXT]) {
  struct verity_digest digest = {.size = VERITY_MOST};
  if (ioctl(fd, MEASURE_VERITY, &digest) < 0) return -1;
  if (digest.algorithm == 0 || digest.algorithm >= ALGORITHM_COUNT || digest.size > VERITY_MOST) {
    errno = EPROTO;
    return -1;
  }
  int length = snprintf(text, VERITY_TEXT, "%s:", ALGORITHMS[digest.algorithm]);
  for (size_t i = 0; i < digest.size; i++)
    length += snprintf(text + length, (size_t)(VERITY_TEXT - length), "%02x", digest.digest[i]);
  return 0;
}
