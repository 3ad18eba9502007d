#ifndef PADDOCK_LOCK_H
#define PADDOCK_LOCK_H

/* Locks descriptor 3 (flock(2)). The lock belongs to the open description, so whoever gave the descriptor holds it from
 * then on, and with it every process to which it passes it on; it ends when the last of them has closed it or has died.
 *
 * A folder is waited for, at most ten seconds; then every regular file in it is tried, and told in one JSON line each:
 * `name`, `uid` and `inode` of the file, and whether somebody holds it. A file is not waited for. The last line is `lock` with
 * the `errno`, 0 when it is held. Returns the exit code. */
int lock(void);

#endif
