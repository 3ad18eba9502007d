#ifndef PADDOCK_PROBE_H
#define PADDOCK_PROBE_H

/* Tries in children of its own what this kernel can enforce, and prints one JSON object. Returns the exit code. */
int probe(void);

#endif
