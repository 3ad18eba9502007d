/* Holding the judged file still: a read lease (fcntl F_SETLEASE) on an open description of the gate's own.
 *
 * The kernel grants one only while nobody has the file open for writing or mapped writable and shared, and from then on
 * lets nobody open it for writing, or truncate it, before the holder was told (SIGIO) and has let go, or
 * /proc/sys/fs/lease-break-time has passed (45 s). It takes the file's owner or CAP_LEASE. Names do not matter: hard
 * links and bind mounts lead to the same inode. Linux 2.4; fs/locks.c.
 */
#ifndef PADDOCK_LEASE_H
#define PADDOCK_LEASE_H

#include <stdbool.h>
#include <stdint.h>

/* What the launcher knew of the file before it read the first byte. Times in nanoseconds since the epoch. */
struct file_identity {
  uint64_t device, inode, size, modified, changed;
};

/* Returns a descriptor that holds the lease until it is closed, or -1 with errno: EAGAIN when somebody has the file
 * open for writing, EACCES when it is not this user's, EINVAL where the file system has no leases. The description is
 * opened anew, so that nobody who has `file` can give the lease back. */
int lease_take(int file);

/* The same; a file that is open for writing is tried again for a moment, since every fork of a writer holds it, too. */
int lease_take_patiently(int file);

/* Somebody wants to write; he waits. To be asked after SIGIO. */
bool lease_broken(int lease);

bool is_the_same_file(int file, const struct file_identity *identity);

#endif
