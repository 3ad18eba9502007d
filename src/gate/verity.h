/* fs-verity: a file system that checks every page of a file against a tree of digests, and lets nobody write to it. */
#ifndef PADDOCK_VERITY_H
#define PADDOCK_VERITY_H

enum { VERITY_MOST = 64, VERITY_TEXT = 16 + 2 * VERITY_MOST + 1 };

/* The kernel's digest of the file, as "sha256:…" in hex. Returns 0, or -1 with errno: ENODATA for a file that is not
 * protected so, ENOTTY or EOPNOTSUPP for a file system that cannot. Linux 5.4, Documentation/filesystems/fsverity.rst. */
int verity_measure(int fd, char text[static VERITY_TEXT]);

#endif
