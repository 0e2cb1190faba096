/* Names for completion: of the project by its YAML and the names of its files, of runs by the state, if it answers. */
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/complete.h"
#include "core/project.h"
#include "scheduler/db.h"
#include "scheduler/lake.h"
#include "scheduler/load.h"

enum { PATIENCE_US = 500 * 1000, PATH_SIZE = 4096 };

/* ---- the project ---- */

static void add_tables(const struct cursor *c, const struct project *p, const char *before, struct buf *out)
{
	bool qualified = strchr(c->start, '.');
	for (size_t i = 0; i < p->ntables; i++) {
		const struct table *t = &p->tables[i];
		const char *dot = strchr(t->qname, '.');
		complete_add(c, before, qualified || !dot ? t->qname : dot + 1, t->description ? t->description : t->qname, out);
	}
}

static void add_tags(const struct cursor *c, const struct project *p, const char *before, struct buf *out)
{
	struct arena arena = {0};
	const char **seen = NULL;
	size_t n = 0, most = 0;
	for (size_t i = 0; i < p->ntables; i++)
		most += p->tables[i].ntags;
	seen = arena_array(&arena, most, sizeof *seen);
	for (size_t i = 0; i < p->ntables; i++) {
		for (size_t k = 0; k < p->tables[i].ntags; k++) {
			const char *tag = arena_printf(&arena, "tag:%s", p->tables[i].tags[k]);
			size_t s = 0;
			while (s < n && !str_eq(seen[s], tag))
				s++;
			if (s < n)
				continue;
			seen[n++] = tag;
			complete_add(c, before, tag, "a tag", out);
		}
	}
	arena_free(&arena);
}

/* What of a selection's word stays before the name that is completed: "a,", then "+", "2+" or "@". */
static size_t signs(const char *word)
{
	const char *comma = strrchr(word, ','), *name = comma ? comma + 1 : word;
	size_t digits = strspn(name, "0123456789");
	if (name[0] == '@')
		name++;
	else if (name[digits] == '+')
		name += digits + 1;
	return (size_t)(name - word);
}

static void add_selection(const struct cursor *c, const struct project *p, struct buf *out)
{
	struct arena arena = {0};
	const char *before = arena_strndup(&arena, c->start, signs(c->start));
	add_tables(c, p, before, out);
	for (size_t i = 0; i < p->nlayers; i++)
		complete_add(c, before, p->layers[i].name, "a layer", out);
	add_tags(c, p, before, out);
	arena_free(&arena);
}

/* Only its YAML and the names of files are read, and a project with errors has names, too. NULL: there is none. */
static struct project *open_project_of(const struct cursor *c)
{
	struct project *p = NULL;
	struct diags diags = {0};
	struct err ignored;
	if (project_load(&(struct load_options){.dir = c->dir ? c->dir : "."}, &p, &diags, &ignored) < 0)
		p = NULL;
	diags_free(&diags);
	return p;
}

/* ---- the state ---- */

/* False where nothing came in time. */
static bool wait_for(PGconn *conn, bool write, int64_t until_us)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = write ? POLLOUT : POLLIN};
	int64_t left_us = until_us - clock_mono_us();
	return left_us > 0 && poll(&fd, 1, (int)(left_us / 1000) + 1) == 1;
}

static PGconn *connect_until(const char *conninfo, int64_t until_us)
{
	const char *const keys[] = {"fallback_application_name", "dbname", NULL};
	const char *const values[] = {"strata", conninfo, NULL};
	PGconn *conn = PQconnectStartParams(keys, values, 1);
	PostgresPollingStatusType turn = PGRES_POLLING_WRITING;
	while (PQstatus(conn) != CONNECTION_BAD && turn != PGRES_POLLING_OK) {
		if (!wait_for(conn, turn == PGRES_POLLING_WRITING, until_us))
			break;
		turn = PQconnectPoll(conn);
		if (turn == PGRES_POLLING_FAILED)
			break;
	}
	if (turn == PGRES_POLLING_OK)
		return conn;
	PQfinish(conn);
	return NULL;
}

static PGresult *ask_until(PGconn *conn, const char *sql, const char *value, int64_t until_us)
{
	if (!PQsendQueryParams(conn, sql, 1, NULL, &value, NULL, NULL, 0))
		return NULL;
	while (PQisBusy(conn)) {
		if (!wait_for(conn, false, until_us) || !PQconsumeInput(conn))
			return NULL;
	}
	PGresult *r = PQgetResult(conn);
	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		return r;
	PQclear(r);
	return NULL;
}

/* The lake as it is; one without an identity has no runs. */
static bool find_lake(const struct cursor *c, const struct project *p, struct lake *ret)
{
	char dir[PATH_SIZE], path[PATH_SIZE + 32];
	struct err ignored;
	if (load_lake(p, c->lake, dir, sizeof dir, &ignored) < 0)
		return false;
	snprintf(path, sizeof path, "%s/.strata/lake.json", dir);
	return access(path, R_OK) == 0 && lake_open(ret, dir, &ignored) == 0;
}

/* A private server that is down has no socket, so nothing is waited for. */
static void add_runs(const struct cursor *c, const struct project *p, bool unfinished, struct buf *out)
{
	static const char all[] = "SELECT run_id, concat_ws(' ', kind, coalesce(nullif(result, ''), state), nullif(selection, '')) FROM strata.run"
	                          " WHERE lake_id = (SELECT lake_id FROM strata.lake WHERE uuid = $1::uuid) ORDER BY created_at DESC LIMIT 50";
	static const char live[] = "SELECT run_id, concat_ws(' ', kind, state, nullif(selection, '')) FROM strata.run"
	                           " WHERE lake_id = (SELECT lake_id FROM strata.lake WHERE uuid = $1::uuid) AND state <> 'done' ORDER BY created_at DESC LIMIT 50";
	int64_t until_us = clock_mono_us() + PATIENCE_US;
	struct lake lake;
	enum db_source source;
	struct cluster cluster;
	struct err ignored;
	char *conninfo = NULL;
	if (!unfinished)
		complete_add(c, "", "latest", "the newest run", out);
	if (!find_lake(c, p, &lake))
		return;
	const struct db_options o = {.conninfo = c->db, .home = lake.dir, .lake = {.uuid = lake.uuid, .uri = lake.dir, .host = lake.host}};
	PGconn *conn = db_choose(&o, &source, &cluster, &conninfo, &ignored) == 0 ? connect_until(conninfo, until_us) : NULL;
	PGresult *r = conn ? ask_until(conn, unfinished ? live : all, lake.uuid, until_us) : NULL;
	for (int i = 0; i < PQntuples(r); i++)
		complete_add(c, "", PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), out);
	PQclear(r);
	PQfinish(conn);
	free(conninfo);
}

void complete_names(const struct cursor *c, unsigned completes, struct buf *out)
{
	if (completes & COMPLETES_FOLDER)
		buf_adds(out, ":folders\n");
	if (completes & COMPLETES_FILE)
		buf_adds(out, ":files\n");
	if (!(completes & (COMPLETES_SELECTION | COMPLETES_TABLE | COMPLETES_RUN | COMPLETES_LIVE_RUN | COMPLETES_SCHEDULE | COMPLETES_CALLBACK)))
		return;
	struct project *p = open_project_of(c);
	if (!p)
		return;
	for (size_t i = 0; completes & COMPLETES_SCHEDULE && i < p->nschedules; i++)
		complete_add(c, "", p->schedules[i].name, p->schedules[i].cron, out);
	for (size_t i = 0; completes & COMPLETES_CALLBACK && i < p->ncallbacks; i++)
		complete_add(c, "", p->callbacks[i].name, "a callback", out);
	if (completes & COMPLETES_SELECTION)
		add_selection(c, p, out);
	if (completes & COMPLETES_TABLE)
		add_tables(c, p, "", out);
	if (completes & (COMPLETES_RUN | COMPLETES_LIVE_RUN))
		add_runs(c, p, completes & COMPLETES_LIVE_RUN, out);
	project_free(p);
}
