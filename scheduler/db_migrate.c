/* See db_migrate.h. Invariant: what strata.migration lists is a prefix of the embedded migrations with
 * equal checksums, or nothing is done. */
#include "scheduler/db_migrate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/digest.h"
#include "scheduler/db.h"

#include "migrations.inc"

const struct migration *migrations_embedded(size_t *ret_count)
{
	*ret_count = sizeof migrations / sizeof *migrations;
	return migrations;
}

/* Compare a listing of strata.migration with ours; *ret_count: how many are applied. */
static int compare(const PGresult *rows, const struct migration *list, size_t count, size_t *ret_count, struct err *err)
{
	int n = PQntuples(rows);
	for (int i = 0; i < n; i++) {
		if ((size_t)i >= count)
			return err_set(err, ERR_STATE, "the database's schema is newer (migration %s) than this strata (%zu): "
				"use a newer strata, or another database", PQgetvalue(rows, i, 1), count);
		char sum[DIGEST_HEX];
		digest_of(sum, list[i].sql, list[i].size);
		int64_t number = 0;
		str_to_i64(PQgetvalue(rows, i, 0), &number);
		if (number != list[i].number || strcmp(PQgetvalue(rows, i, 2), sum) != 0)
			return err_set(err, ERR_STATE, "migration %s of the database is not the one that this strata knows as %s: it was "
				"changed after it was applied; use the strata that made the schema, or another database",
				PQgetvalue(rows, i, 1), list[i].name);
	}
	*ret_count = (size_t)n;
	return 0;
}

static const char list_sql[] = "SELECT number, name, checksum FROM strata.migration ORDER BY number";

/* The usual case, without a lock: one query says that there is nothing to do. */
static int is_current(PGconn *conn, const struct migration *list, size_t count, bool *ret_current, struct err *err)
{
	PGresult *r = PQexec(conn, list_sql);
	int rc = 0;
	*ret_current = false;
	if (PQresultStatus(r) == PGRES_TUPLES_OK) {
		size_t applied = 0;
		rc = compare(r, list, count, &applied, err);
		*ret_current = rc == 0 && applied == count;
	} else {
		const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);
		/* undefined_table, invalid_schema_name: a new database. */
		if (!code || (strcmp(code, "42P01") != 0 && strcmp(code, "3F000") != 0))
			rc = err_set(err, ERR_STATE, "read the schema's version: %s", db_message(conn, r));
	}
	PQclear(r);
	return rc;
}

static int apply_one(PGconn *conn, const struct migration *m, struct err *err)
{
	char sum[DIGEST_HEX], number[12];
	digest_of(sum, m->sql, m->size);
	snprintf(number, sizeof number, "%d", m->number);
	const char *const values[] = {number, m->name, sum, STRATA_VERSION};
	if (db_exec(conn, (const char *)m->sql, err) < 0 ||
	    db_exec_params(conn, "INSERT INTO strata.migration (number, name, checksum, strata_version) VALUES ($1, $2, $3, $4)",
	                   4, values, err) < 0)
		return err_wrap(err, "migration %s", m->name);
	return 0;
}

/* One transaction: the next migration, if there is one still missing. */
static int apply_next(PGconn *conn, const struct migration *list, size_t count, bool *ret_applied, struct err *err)
{
	*ret_applied = false;
	if (db_exec(conn, "SELECT pg_advisory_xact_lock(" DB_LOCK_CLASS ", 0);"
	            "SET LOCAL client_min_messages = warning;"
	            "CREATE SCHEMA IF NOT EXISTS strata;"
	            "CREATE TABLE IF NOT EXISTS strata.migration (number integer PRIMARY KEY, name text NOT NULL,"
	            " checksum text NOT NULL, strata_version text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())", err) < 0)
		return err->code;
	PGresult *r = PQexec(conn, list_sql);
	size_t applied = 0;
	int rc;
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		rc = err_set(err, ERR_STATE, "read the schema's version: %s", db_message(conn, r));
	else
		rc = compare(r, list, count, &applied, err);
	PQclear(r);
	if (rc < 0 || applied == count)
		return rc;
	*ret_applied = true;
	return apply_one(conn, &list[applied], err);
}

int migrations_apply(PGconn *conn, const struct migration *list, size_t count, int *ret_applied, struct err *err)
{
	struct err local = {0};
	err = err ? err : &local;
	int applied = 0;
	bool current;
	if (is_current(conn, list, count, &current, err) < 0)
		return err->code;
	for (bool more = !current; more;) {
		if (db_exec(conn, "BEGIN", err) < 0)
			return err->code;
		int rc = apply_next(conn, list, count, &more, err);
		if (rc < 0) {
			PQclear(PQexec(conn, "ROLLBACK"));
			return rc;
		}
		if (db_exec(conn, "COMMIT", err) < 0)
			return err->code;
		applied += more;
	}
	if (ret_applied)
		*ret_applied = applied;
	return 0;
}
