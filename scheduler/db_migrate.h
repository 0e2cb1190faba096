/* Numbered migrations (sql/NNNN_name.sql, embedded in the program): one transaction each, under an
 * advisory lock, recorded with their checksum in strata.migration. */
#ifndef STRATA_SCHEDULER_DB_MIGRATE_H
#define STRATA_SCHEDULER_DB_MIGRATE_H

#include <libpq-fe.h>
#include <stddef.h>

#include "base/err.h"

struct migration {
	int number;      /* from 1, without gaps */
	const char *name; /* "0001_state" */
	const unsigned char *sql;
	size_t size;     /* bytes; a NUL follows */
};

/* The migrations of this program, in order. */
const struct migration *migrations_embedded(size_t *ret_count);

/* Apply what is missing; any number of processes may do so at once. ERR_STATE when the database is
 * newer than this list, or was made by another text of an applied migration. *ret_applied (may be
 * NULL): how many this call applied. */
int migrations_apply(PGconn *conn, const struct migration *list, size_t count, int *ret_applied, struct err *err);

#endif
