#ifndef PADDOCK_PRIVILEGES_H
#define PADDOCK_PRIVILEGES_H

/* Gives up every capability of this process for good, also those that exec would give back to root. Returns 0, or -1
 * with errno. */
int drop_capabilities(void);

#endif
