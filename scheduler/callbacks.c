/* See callbacks.h. */
#include "scheduler/callbacks.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/jsonio.h"
#include "core/selection.h"
#include "core/states.h"
#include "scheduler/db.h"

enum { JSON_MAX = 64 << 20 };

const struct callback *callback_find(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->ncallbacks; i++) {
		if (strcmp(p->callbacks[i].name, name) == 0)
			return &p->callbacks[i];
	}
	return NULL;
}

/* Where the program of that name would be started from; false: nowhere. The path is as long as there is room. */
static bool find_program(const struct project *p, const char *name, char path[PATH_MAX])
{
	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s%s%s", name[0] == '/' ? "" : p->dir, name[0] == '/' ? "" : "/", name);
		return access(path, X_OK) == 0;
	}
	return path_find_program(name, path, PATH_MAX);
}

/* The program that a callback's command begins with; "" where only a shell can tell. */
static void program_of(const struct callback *c, char out[PATH_MAX])
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+";
	bool shell = c->nargv == 3 && str_eq(c->argv[0], "/bin/sh") && str_eq(c->argv[1], "-c");
	const char *text = shell ? c->argv[2] + strspn(c->argv[2], " \t\n") : c->argv[0];
	size_t n = shell ? strspn(text, plain) : strlen(text);
	snprintf(out, PATH_MAX, "%.*s", (int)n, text);
	if (shell && (!strchr(out, '/') || !strchr(" \t\n;|&", text[n])))
		out[0] = '\0';
}

void callbacks_check(const struct project *p, struct diags *diags)
{
	for (size_t i = 0; i < p->ncallbacks; i++) {
		const struct callback *c = &p->callbacks[i];
		char name[PATH_MAX] = "", path[PATH_MAX];
		struct stat st;
		if (c->nargv && *c->argv[0])
			program_of(c, name);
		bool found = !*name || find_program(p, name, path);
		if (found && (!*name || (stat(path, &st) == 0 && S_ISREG(st.st_mode))))
			continue;
		if (found)
			diag_add(diags, DIAG_WARNING, c->command_loc, "'command' of callback '%s': '%s' is no program but a folder", c->name, name);
		else if (strchr(name, '/') && stat(path, &st) == 0)
			diag_add(diags, DIAG_WARNING, c->command_loc, "'command' of callback '%s': '%s' is not executable; chmod +x %s", c->name, name, path);
		else
			diag_add(diags, DIAG_WARNING, c->command_loc, "'command' of callback '%s': there is no program '%s'; %s", c->name, name,
			         name[0] == '/' ? "put it there, or correct the path" : strchr(name, '/') ? "its path begins in the project folder" : "install it, or write its path");
	}
}

/* The tables of its selection; none of them is a list of none. */
static int put_tables(json_t *json, const struct project *p, const struct callback *c, struct err *err)
{
	bool *selected = mem_array(p->ntables ? p->ntables : 1, sizeof *selected);
	int rc = selection_eval(p, c->tables, c->ntables, NULL, 0, selected, err);
	json_t *names = json_array();
	for (size_t t = 0; rc == 0 && t < p->ntables; t++) {
		if (selected[t])
			json_array_append_new(names, json_string(p->tables[t].qname));
	}
	json_object_set_new(json, "tables", names);
	free(selected);
	return rc == ERR_NOTHING ? 0 : rc;
}

static int encode(const struct project *p, const struct callback *c, json_t *list, struct err *err)
{
	json_t *json = json_object(), *events = json_array(), *kinds = json_array();
	jput_text(json, "name", c->name);
	for (int e = 0; e < CALLBACK_EVENTS_END; e++) {
		if (c->events >> e & 1)
			json_array_append_new(events, json_string(callback_event_names[e]));
	}
	for (int k = 0; k < RUN_KINDS_END; k++) {
		if (c->kinds >> k & 1)
			json_array_append_new(kinds, json_string(run_kind_name((enum run_kind)k)));
	}
	json_object_set_new(json, "events", events);
	json_object_set_new(json, "kinds", kinds);
	jput_bool(json, "off", c->off);
	if (c->nschedules)
		jput_texts(json, "schedules", c->schedules, c->nschedules);
	json_array_append_new(list, json);
	return c->ntables ? put_tables(json, p, c, err) : 0;
}

int callbacks_register(PGconn *conn, int lake_id, const struct project *p, bool stays, struct err *err)
{
	static const char sql[] =
		"WITH given AS (SELECT * FROM jsonb_to_recordset($2::jsonb) AS g(name text, events text[], kinds text[], schedules text[], tables text[], off boolean)),"
		" gone AS (DELETE FROM strata.callback c WHERE c.lake_id = $1::integer AND NOT EXISTS (SELECT FROM given g WHERE g.name = c.name AND NOT g.off)),"
		" dropped AS (UPDATE strata.outbox o SET outcome = 'dropped', ended_at = now(), error = 'its callback has left the project'"
		"  WHERE o.lake_id = $1::integer AND o.outcome = '' AND $3::boolean AND NOT EXISTS (SELECT FROM given g WHERE g.name = o.callback))"
		" INSERT INTO strata.callback AS c (lake_id, name, events, kinds, schedules, tables)"
		" SELECT $1::integer, name, events, kinds, schedules, tables FROM given WHERE NOT off"
		" ON CONFLICT (lake_id, name) DO UPDATE SET events = excluded.events, kinds = excluded.kinds, schedules = excluded.schedules,"
		" tables = excluded.tables WHERE (c.events, c.kinds, c.schedules, c.tables) IS DISTINCT FROM"
		" (excluded.events, excluded.kinds, excluded.schedules, excluded.tables)";
	struct buf text = BUF_INIT(JSON_MAX);
	char lake[12];
	json_t *list = json_array();
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < p->ncallbacks; i++)
		rc = encode(p, &p->callbacks[i], list, err);
	json_print(list, JSON_COMPACT, &text);
	json_decref(list);
	snprintf(lake, sizeof lake, "%d", lake_id);
	const char *const values[] = {lake, buf_cstr(&text), stays ? "t" : "f"};
	if (rc == 0)
		rc = db_exec_params(conn, sql, 3, values, err);
	buf_free(&text);
	return rc < 0 ? err_wrap(err, "register the callbacks") : 0;
}

const char *callback_sample(const struct callback *c, const char *event, const char *key, const char *lake_uuid, struct arena *arena)
{
	char now[CLOCK_ISO_SIZE];
	struct buf text = BUF_INIT(1 << 16);
	clock_iso(now, clock_wall_us());
	json_t *run = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:{}}", "id", "test", "kind", "manual", "selection", "", "state", "done", "result",
	                        strcmp(event, "failure") == 0 ? "failed" : "success", "ended_at", now, "counts");
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "key", key, "callback", c->name, "event", event, "subject", "test", "text",
	                         "a test of this callback; nothing has happened", "lake", lake_uuid, "test", 1, "run", run);
	json_print(json, JSON_COMPACT, &text);
	json_decref(json);
	const char *kept = arena_strdup(arena, buf_cstr(&text));
	buf_free(&text);
	return kept;
}
