/* Callbacks: who is told when a run or a table fails, is well again, or is late, as dags/dw_config.yaml says it.
 *
 * What is told, and to whom, is decided in the database with the transition that causes it (sql/0003_callbacks.sql),
 * so that neither can be without the other; scheduler/outbox.c delivers it. Where a callback goes (url, headers) may be
 * secret: it is in the project's memory only, never in the database, a log or an argument list. */
#ifndef STRATA_CORE_CALLBACK_H
#define STRATA_CORE_CALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"

/* X(constant, word) */
#define CALLBACK_EVENTS(X) \
	X(CALLBACK_FAILURE, "failure") \
	X(CALLBACK_RECOVERY, "recovery") \
	X(CALLBACK_DEADLINE, "deadline") \
	X(CALLBACK_SUCCESS, "success") \
	X(CALLBACK_TABLE_FAILURE, "table_failure") \
	X(CALLBACK_TABLE_RECOVERY, "table_recovery")

#define CALLBACK_ENUM(constant, word) constant,
enum callback_event { CALLBACK_EVENTS(CALLBACK_ENUM) CALLBACK_EVENTS_END };

/* Of events where a callback names none. */
enum { CALLBACK_USUAL = 1 << CALLBACK_FAILURE | 1 << CALLBACK_RECOVERY | 1 << CALLBACK_DEADLINE };

extern const char *const callback_event_names[CALLBACK_EVENTS_END + 1]; /* NULL-terminated */

struct callback {
	const char *name;
	const char *url;                 /* NULL: a command */
	const char *const *headers; size_t nheaders; /* "Name: value" */
	const char *const *argv; size_t nargv;       /* of the command */
	struct loc command_loc;
	bool off;                        /* its url is empty: a variable says so */
	uint32_t events;                 /* 1 << enum callback_event */
	uint32_t kinds;                  /* 1 << enum run_kind */
	const char *const *schedules; size_t nschedules; /* none: whatever the run is of */
	const char *const *tables; size_t ntables;   /* a selection, of the events of tables; none: all */
	const struct loc *tables_loc;    /* [ntables] */
	int64_t timeout_ms;              /* of one attempt */
	int64_t retry_for_ms;            /* then it is given up */
	struct loc loc;
};

/* Stars over whatever of the callback's url and headers stands in `text`. */
void callback_redact(const struct callback *c, char *text);
/* No secret of it is longer. Who keeps a part of a text keeps so much more, redacts, and cuts then: half of one is not known
 * again. */
size_t callback_secret_max(const struct callback *c);

#endif
