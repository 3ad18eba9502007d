#ifndef PADDOCK_HOLD_H
#define PADDOCK_HOLD_H

/* Holds descriptor 3 still from before its first byte is judged until the session's own gate holds it, too.
 *
 * Prints one JSON line: `lease` is 0 when the file is held, or the errno why it cannot be; `verity` is the fs-verity
 * digest ("sha256:…") where the file has one, else `verityErrno` says why not. Then it waits: standard input ends, and
 * it lets go; or somebody wants to write to the file, and it prints a line `disturbed` and lets go. Returns the exit code. */
int hold(void);

#endif
