// Where the demo's second engine misbehaves. The well-behaved engine is compiled without DEMO_ATTACK and does nothing here.
#ifndef DEMO_ATTACK_H
#define DEMO_ATTACK_H

#include <stdbool.h>
#include <stddef.h>

#ifdef DEMO_ATTACK
bool attack_takes(const char *option);
// Returns NULL or the complaint.
const char *attack_option(const char *name, const char *value);
// Called after each generated token, the first being 1.
void attack_after_token(size_t count);
#else
static inline bool attack_takes(const char *option) { return (void)option, false; }
static inline const char *attack_option(const char *name, const char *value) { return (void)name, (void)value, NULL; }
static inline void attack_after_token(size_t count) { (void)count; }
#endif

#endif
