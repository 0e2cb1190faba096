/* Queries that would take forever are given up: a thread interrupts what runs too long. They prove nothing
 * either way.
 *
 *     watch_start();
 *     for each query: watch_begin(); run it on `lake`; watch_done();
 *     watch_end(); */
#ifndef TESTS_WATCH_H
#define TESTS_WATCH_H

#include <pthread.h>
#include <time.h>

#include "read_set.h"

enum { PATIENCE_MS = 300 };

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool running, stop;
	struct timespec until;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static inline void *watch_queries(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&watch.lock);
	while (!watch.stop) {
		if (!watch.running) {
			pthread_cond_wait(&watch.changed, &watch.lock);
		} else if (pthread_cond_timedwait(&watch.changed, &watch.lock, &watch.until) != 0 && watch.running) {
			watch.running = false;
			duckdb_interrupt(lake);
		}
	}
	pthread_mutex_unlock(&watch.lock);
	return NULL;
}

static inline void watch_set(bool running, bool stop)
{
	pthread_mutex_lock(&watch.lock);
	watch.running = running;
	watch.stop = stop;
	clock_gettime(CLOCK_REALTIME, &watch.until);
	watch.until.tv_nsec += PATIENCE_MS * 1000000L;
	watch.until.tv_sec += watch.until.tv_nsec / 1000000000;
	watch.until.tv_nsec %= 1000000000;
	pthread_cond_signal(&watch.changed);
	pthread_mutex_unlock(&watch.lock);
}

static inline void watch_start(void)
{
	assert_int_equal(pthread_create(&watch.thread, NULL, watch_queries, NULL), 0);
}

static inline void watch_begin(void)
{
	watch_set(true, false);
}

static inline void watch_done(void)
{
	watch_set(false, false);
}

static inline void watch_end(void)
{
	watch_set(false, true);
	pthread_join(watch.thread, NULL);
}

#endif
