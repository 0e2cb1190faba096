/* See db.h. */
#include "scheduler/db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "scheduler/db_migrate.h"

/* Each call after the loss of a connection makes libpq say that, too, behind the reason. */
static void cut_echo(char *line)
{
	static const char echo[] = " invalid socket";
	for (size_t n; str_has_suffix(line, echo) && (n = strlen(line)) >= sizeof echo;)
		line[n - (sizeof echo - 1)] = '\0';
}

const char *db_message(const PGconn *conn, const PGresult *r)
{
	static char line[1024]; /* of the one thread that talks to Postgres at a time */
	const char *text = r ? PQresultErrorMessage(r) : "";
	if (!*text)
		text = PQerrorMessage(conn);
	size_t n = 0;
	for (; *text && n + 1 < sizeof line; text++) {
		if (*text != '\n' && *text != '\t')
			line[n++] = *text;
		else if (text[1] && n && line[n - 1] != ' ')
			line[n++] = ' ';
	}
	line[n] = '\0';
	cut_echo(line);
	return line;
}

static int finish(const PGconn *conn, PGresult *r, struct err *err)
{
	ExecStatusType status = PQresultStatus(r);
	int rc = 0;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		rc = err_set(err, ERR_STATE, "Postgres: %s", db_message(conn, r));
	PQclear(r);
	return rc;
}

int db_exec(PGconn *conn, const char *sql, struct err *err)
{
	return finish(conn, PQexec(conn, sql), err);
}

int db_exec_params(PGconn *conn, const char *sql, int n, const char *const *values, struct err *err)
{
	return finish(conn, PQexecParams(conn, sql, n, NULL, values, NULL, NULL, 0), err);
}

int db_query(PGconn *conn, const char *sql, int n, const char *const *values, bool binary, PGresult **ret_rows,
             struct err *err)
{
	PGresult *r = PQexecParams(conn, sql, n, NULL, values, NULL, NULL, binary);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		return finish(conn, r, err);
	*ret_rows = r;
	return 0;
}

int db_choose(const struct db_options *o, enum db_source *ret_source, struct cluster *ret_cluster, char **ret_conninfo,
              struct err *err)
{
	const char *env = getenv("STRATA_DB");
	if (o->conninfo || (env && *env)) {
		*ret_source = o->conninfo ? DB_FLAG : DB_ENVIRONMENT;
		*ret_conninfo = mem_strdup(o->conninfo ? o->conninfo : env);
		return 0;
	}
	int rc = cluster_locate(ret_cluster, o->home, o->lake.uuid, err);
	if (rc < 0)
		return rc;
	char conninfo[CLUSTER_CONNINFO_MAX];
	*ret_source = DB_PRIVATE;
	*ret_conninfo = mem_strdup(cluster_conninfo(ret_cluster, conninfo));
	return 0;
}

/* Over TCP, who has vanished without a word is given up after 9 s: dead to the other end as if its process had died. The
 * words of the caller win over the defaults before them. */
void db_keywords(const char *conninfo, const char *keys[DB_KEYWORDS], const char *values[DB_KEYWORDS])
{
	static const char *const defaults[][2] = {
		{"fallback_application_name", "strata"}, {"connect_timeout", "10"},       {"keepalives_idle", "3"},
		{"keepalives_interval", "3"},            {"keepalives_count", "2"},       {"tcp_user_timeout", "9000"},
	};
	size_t n = sizeof defaults / sizeof *defaults;
	_Static_assert(sizeof defaults / sizeof *defaults + 2 == DB_KEYWORDS, "the caller's, and the end");
	for (size_t i = 0; i < n; i++) {
		keys[i] = defaults[i][0];
		values[i] = defaults[i][1];
	}
	keys[n] = "dbname";
	values[n] = conninfo;
	keys[n + 1] = values[n + 1] = NULL;
}

static void ignore_notice(void *ctx, const PGresult *r)
{
	(void)ctx;
	(void)r;
}

void db_be_quiet(PGconn *conn)
{
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
}

int db_connect(const char *conninfo, PGconn **ret_conn, struct err *err)
{
	const char *keys[DB_KEYWORDS], *values[DB_KEYWORDS];
	db_keywords(conninfo, keys, values);
	PGconn *conn = PQconnectdbParams(keys, values, 1);
	if (PQstatus(conn) != CONNECTION_OK) {
		int rc = err_set(err, ERR_STATE, "cannot connect to the state database: %s; start it, or correct --db or STRATA_DB",
		                 db_message(conn, NULL));
		PQfinish(conn);
		return rc;
	}
	db_be_quiet(conn);
	*ret_conn = conn;
	return 0;
}

int db_migrate(PGconn *conn, int *ret_applied, struct err *err)
{
	size_t count;
	const struct migration *list = migrations_embedded(&count);
	return migrations_apply(conn, list, count, ret_applied, err);
}

int db_lake(PGconn *conn, const struct lake_identity *lake, int *ret_lake_id, struct err *err)
{
	static const char find[] = "SELECT l.lake_id FROM strata.lake l JOIN strata.scheduler USING (lake_id)"
	                           " WHERE l.uuid = $1::uuid AND l.uri = $2 AND l.host = $3";
	static const char make[] = "WITH l AS (INSERT INTO strata.lake (uuid, uri, host) VALUES ($1::uuid, $2, $3)"
	                           " ON CONFLICT (uuid) DO UPDATE SET uri = excluded.uri, host = excluded.host RETURNING lake_id),"
	                           " s AS (INSERT INTO strata.scheduler (lake_id) SELECT lake_id FROM l ON CONFLICT DO NOTHING)"
	                           " SELECT lake_id FROM l";
	const char *const values[] = {lake->uuid, lake->uri, lake->host ? lake->host : ""};
	PGresult *r = NULL;
	int rc = db_query(conn, find, 3, values, false, &r, err);
	if (rc == 0 && PQntuples(r) == 0) {
		PQclear(r);
		rc = db_query(conn, make, 3, values, false, &r, err);
	}
	if (rc < 0)
		return err_wrap(err, "find lake '%s'", lake->uri);
	*ret_lake_id = (int)strtol(PQgetvalue(r, 0, 0), NULL, 10);
	PQclear(r);
	return 0;
}

static int start_cluster(struct db *db, bool start, struct err *err)
{
	struct cluster_status status;
	char conninfo[CLUSTER_CONNINFO_MAX]; /* a running server may have another socket folder */
	int rc = start ? 0 : cluster_status(&db->cluster, &status, err);
	if (rc == 0 && !start && !status.pid)
		rc = err_set(err, ERR_STATE, "the private Postgres is down");
	if (rc == 0)
		rc = cluster_start(&db->cluster, &db->started, err);
	free(db->conninfo);
	db->conninfo = mem_strdup(cluster_conninfo(&db->cluster, conninfo));
	return rc;
}

int db_reach(const struct db_options *o, bool start, struct db *ret, struct err *err)
{
	struct db db = {0};
	if (db_choose(o, &db.source, &db.cluster, &db.conninfo, err) < 0)
		return err->code;
	int rc = db.source == DB_PRIVATE ? start_cluster(&db, start, err) : 0;
	if (rc == 0)
		rc = db_connect(db.conninfo, &db.conn, err);
	if (rc < 0) {
		db_close(&db);
		return rc;
	}
	*ret = db;
	return 0;
}

int db_ready(struct db *db, const struct lake_identity *lake, struct err *err)
{
	int rc = db_migrate(db->conn, &db->migrated, err);
	return rc < 0 ? rc : db_lake(db->conn, lake, &db->lake_id, err);
}

int db_open(const struct db_options *o, struct db *ret, struct err *err)
{
	struct db db;
	struct err local = {0};
	err = err ? err : &local;
	int rc = db_reach(o, true, &db, err);
	if (rc < 0)
		return rc;
	rc = db_ready(&db, &o->lake, err);
	if (rc < 0)
		db_close(&db);
	else
		*ret = db;
	return rc;
}

/* A row that it wants may be the journal's, of this very process and half sent: nobody sends the rest while we wait. */
static const char no_long_wait[] = "SET lock_timeout = '2s'";

int db_revive(struct db *db, bool start, struct err *err)
{
	/* Only the answer to a question shows that the other end is gone: libpq may call the connection good still
	 * when it could not send, but has just read the server's good-bye. */
	if (db->conn && db_exec(db->conn, no_long_wait, NULL) == 0)
		return 0;
	PQfinish(db->conn);
	db->conn = NULL;
	bool started;
	int rc = start && db->source == DB_PRIVATE ? cluster_start(&db->cluster, &started, err) : 0;
	if (rc == 0)
		rc = db_connect(db->conninfo, &db->conn, err);
	return rc < 0 ? rc : db_exec(db->conn, no_long_wait, err);
}

void db_close(struct db *db)
{
	if (db->conn)
		PQfinish(db->conn);
	free(db->conninfo);
	*db = (struct db){0};
}
