#include "pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MAX_THREADS = 64, STACK_SIZE = 256 * 1024 };

struct pool {
  pthread_mutex_t lock;
  pthread_cond_t started, finished;
  pthread_t threads[MAX_THREADS];
  int thread_count;
  unsigned round;
  int running;
  bool stopping;
  pool_work *work;
  void *context;
  size_t count, share;
};

struct worker {
  struct pool *pool;
  int index;
};

static void *worker_main(void *argument);
static void do_share(struct pool *pool, int index);

struct pool *pool_start(int threads) {
  struct pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->started, NULL);
  pthread_cond_init(&pool->finished, NULL);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_SIZE);
  for (int i = 1; i < threads && i < MAX_THREADS; i++) {
    struct worker *worker = malloc(sizeof *worker);
    if (worker == NULL) break;
    *worker = (struct worker){pool, i};
    if (pthread_create(&pool->threads[pool->thread_count], &attributes, worker_main, worker) != 0) {
      free(worker); // a limit on threads is no reason to stop: the caller can do all the work
      break;
    }
    pool->thread_count++;
  }
  pthread_attr_destroy(&attributes);
  return pool;
}

void pool_run(struct pool *pool, size_t count, size_t smallest_share, pool_work *work, void *context) {
  if (pool == NULL || pool->thread_count == 0 || count < 2 * smallest_share) {
    work(context, 0, count);
    return;
  }
  size_t workers = (size_t)pool->thread_count + 1;
  pthread_mutex_lock(&pool->lock);
  pool->work = work;
  pool->context = context;
  pool->count = count;
  pool->share = (count + workers - 1) / workers;
  pool->running = pool->thread_count;
  pool->round++;
  pthread_cond_broadcast(&pool->started);
  pthread_mutex_unlock(&pool->lock);
  do_share(pool, 0);
  pthread_mutex_lock(&pool->lock);
  while (pool->running > 0) pthread_cond_wait(&pool->finished, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}

void pool_stop(struct pool *pool) {
  if (pool == NULL) return;
  pthread_mutex_lock(&pool->lock);
  pool->stopping = true;
  pthread_cond_broadcast(&pool->started);
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
  free(pool);
}

static void *worker_main(void *argument) {
  struct worker worker = *(struct worker *)argument;
  free(argument);
  struct pool *pool = worker.pool;
  unsigned done = 0;
  pthread_mutex_lock(&pool->lock);
  for (;;) {
    while (pool->round == done && !pool->stopping) pthread_cond_wait(&pool->started, &pool->lock);
    if (pool->stopping) break;
    done = pool->round;
    pthread_mutex_unlock(&pool->lock);
    do_share(pool, worker.index);
    pthread_mutex_lock(&pool->lock);
    if (--pool->running == 0) pthread_cond_signal(&pool->finished);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

static void do_share(struct pool *pool, int index) {
  size_t first = pool->share * (size_t)index;
  if (first >= pool->count) return;
  size_t end = pool->count - first < pool->share ? pool->count : first + pool->share;
  pool->work(pool->context, first, end);
}
