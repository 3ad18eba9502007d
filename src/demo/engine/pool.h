// A few threads that share the rows of a matrix product. Idle threads sleep.
#ifndef DEMO_POOL_H
#define DEMO_POOL_H

#include <stddef.h>

struct pool;
typedef void pool_work(void *context, size_t first, size_t end);

// Starts `threads - 1` threads (the caller is one of the workers). Fewer if the host refuses; never fails.
struct pool *pool_start(int threads);
// Calls work on parts of [0, count) in parallel and returns when all are done. Small counts run on the caller alone.
void pool_run(struct pool *pool, size_t count, size_t smallest_share, pool_work *work, void *context);
void pool_stop(struct pool *pool);

#endif
