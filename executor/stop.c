/* See stop.h. */
#include "executor/stop.h"

#include <signal.h>

#include "base/clock.h"

void stop_init(struct stop *s)
{
	*s = (struct stop){0};
	pthread_mutex_init(&s->mutex, NULL);
}

void stop_reset(struct stop *s)
{
	pthread_mutex_lock(&s->mutex);
	s->canceled = false;
	s->con = NULL;
	s->group = 0;
	s->term_us = 0;
	pthread_mutex_unlock(&s->mutex);
}

bool stop_take(struct stop *s)
{
	pthread_mutex_lock(&s->mutex);
	bool canceled = s->canceled && !s->closed;
	s->canceled = s->closed;
	pthread_mutex_unlock(&s->mutex);
	return canceled;
}

bool stop_wanted(struct stop *s)
{
	pthread_mutex_lock(&s->mutex);
	bool wanted = s->canceled || s->closed;
	pthread_mutex_unlock(&s->mutex);
	return wanted;
}

bool stop_closed(struct stop *s)
{
	pthread_mutex_lock(&s->mutex);
	bool closed = s->closed;
	pthread_mutex_unlock(&s->mutex);
	return closed;
}

void stop_watch_query(struct stop *s, duckdb_connection con)
{
	pthread_mutex_lock(&s->mutex);
	s->con = con;
	pthread_mutex_unlock(&s->mutex);
}

void stop_watch_group(struct stop *s, pid_t group)
{
	pthread_mutex_lock(&s->mutex);
	s->group = group;
	s->term_us = 0;
	pthread_mutex_unlock(&s->mutex);
}

/* Polite first; a closed pipe has no time for that. */
static void end_group(struct stop *s)
{
	int64_t now = clock_mono_us();
	if (s->closed || (s->term_us && now - s->term_us > (int64_t)STOP_GRACE_MS * 1000)) {
		kill(-s->group, SIGKILL);
	} else if (!s->term_us) {
		s->term_us = now;
		kill(-s->group, SIGTERM);
		kill(-s->group, SIGCONT); /* a stopped child takes its SIGTERM only when it goes on */
	}
}

bool stop_poke(struct stop *s)
{
	pthread_mutex_lock(&s->mutex);
	bool wanted = s->canceled || s->closed;
	if (wanted && s->con)
		duckdb_interrupt(s->con);
	if (wanted && s->group)
		end_group(s);
	pthread_mutex_unlock(&s->mutex);
	return wanted;
}

void stop_ask(struct stop *s, bool closed)
{
	pthread_mutex_lock(&s->mutex);
	s->canceled = true;
	s->closed = s->closed || closed;
	pthread_mutex_unlock(&s->mutex);
	stop_poke(s);
}
