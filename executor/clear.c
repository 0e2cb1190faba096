/* See clear.h. */
#include "executor/clear.h"

#include <string.h>
#include <unistd.h>

#include "core/date.h"
#include "core/jsonio.h"
#include "executor/store.h"

static bool stopped(void *ctx)
{
	return stop_wanted(ctx);
}

/* Names become parts of paths: nothing in them may lead out of their folder. */
static bool is_name(const char *s)
{
	return *s && *s != '.' && !strpbrk(s, "/\\\n\t'\"");
}

static bool is_day(const char *s)
{
	int32_t day;
	return date_parse_iso(s, strlen(s), &day);
}

static int read_request(const json_t *req, struct removal *r, bool *ret_count, struct err *err)
{
	struct jget g = {.arena = r->arena, .err = err, .code = ERR_PROTOCOL};
	const char *qname = jget_text(&g, req, "qname"), *dot = strchr(qname, '.');
	r->first = jget_text_or(&g, req, "first", "");
	r->last = jget_text_or(&g, req, "last", "");
	*ret_count = jget_bool_or(&g, req, "count", false);
	if (g.result < 0)
		return g.result;
	r->layer = dot ? arena_strndup(r->arena, qname, (size_t)(dot - qname)) : "";
	r->table = dot ? dot + 1 : "";
	if (!is_name(r->layer) || !is_name(r->table))
		return err_set(err, ERR_PROTOCOL, "clear: '%s' is no layer.table", qname);
	bool all = !*r->first && !*r->last;
	if (!all && !(is_day(r->first) && is_day(r->last)))
		return err_set(err, ERR_PROTOCOL, "clear: '%s' to '%s' are no dates", r->first, r->last);
	return 0;
}

int op_clear(struct worker *w, const json_t *req, json_t **ret_reply, struct op_error *e)
{
	static unsigned count;
	struct arena arena = {0};
	struct removal r = {.arena = &arena, .stopped = stopped, .ctx = &w->stop};
	bool only_count;
	int rc = read_request(req, &r, &only_count, &e->err);
	r.away = arena_printf(&arena, ".strata/staging/clear-%s-%ld-%u", w->id, (long)getpid(), count++);
	if (rc == 0)
		rc = only_count ? store_local.count(&r, &e->err) : store_local.remove(&r, &e->err);
	if (rc == STORE_STOPPED)
		rc = err_set(&e->err, ERR_CANCELED, "stopped; the same command goes on");
	if (rc == 0) {
		*ret_reply = json_object();
		jput_int(*ret_reply, "published", r.published);
		jput_int(*ret_reply, "rows", r.rows);
		jput_int(*ret_reply, "others", r.others);
		jput_int(*ret_reply, "bytes", r.bytes);
	}
	arena_free(&arena);
	return rc;
}
