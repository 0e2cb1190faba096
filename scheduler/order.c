/* See order.h. */
#include "scheduler/order.h"

#include <string.h>

#include "base/buf.h"
#include "core/date.h"
#include "core/jsonio.h"

enum { RUN_ID_MAX = 100, TEXT_MAX = 1 << 20 };

static void put_day(json_t *json, const char *key, int32_t day)
{
	char text[DATE_SIZE];
	jput_text(json, key, date_format(text, day));
}

json_t *order_encode(const struct order *o)
{
	json_t *json = json_object();
	jput_text(json, "run_id", o->run_id);
	jput_text(json, "kind", run_kind_name(o->kind));
	jput_texts(json, "select", o->select, o->nselect);
	jput_texts(json, "exclude", o->exclude, o->nexclude);
	put_day(json, "first", o->first);
	put_day(json, "last", o->last);
	jput_bool(json, "force", o->force);
	jput_bool(json, "fail_fast", o->fail_fast);
	jput_bool(json, "continue_on_error", o->continue_on_error);
	jput_bool(json, "keep_staging", o->keep_staging);
	jput_bool(json, "paused", o->paused);
	jput_int(json, "max_active", o->max_active);
	jput_text(json, "requested_by", o->requested_by);
	if (o->of) {
		json_t *again = json_array();
		for (size_t i = 0; i < o->nagain; i++) {
			json_t *span = json_object();
			jput_text(span, "table", o->again[i].table);
			put_day(span, "first", o->again[i].first);
			put_day(span, "last", o->again[i].last);
			json_array_append_new(again, span);
		}
		jput_text(json, "of", o->of);
		jput_bool(json, "downstream", o->downstream);
		json_object_set_new(json, "again", again);
	}
	if (o->schedule) {
		jput_text(json, "schedule", o->schedule);
		jput_int(json, "interval", o->interval);
		if (o->deadline)
			jput_int(json, "deadline", o->deadline);
		if (o->timeout_ms)
			jput_int(json, "timeout_ms", o->timeout_ms);
	} else if (o->makes_good) { /* without an interval: that is another run's */
		jput_text(json, "schedule", o->makes_good);
	}
	return json;
}

static enum run_kind get_kind(struct jget *g, const json_t *json)
{
	const char *name = jget_text(g, json, "kind");
	for (int k = 0; k < RUN_KINDS_END; k++) {
		if (strcmp(run_kind_name((enum run_kind)k), name) == 0)
			return (enum run_kind)k;
	}
	jget_fail(g, "kind", "is no kind of run");
	return RUN_MANUAL;
}

static int32_t get_day(struct jget *g, const json_t *json, const char *key)
{
	const char *text = jget_text(g, json, key);
	int32_t day = 0;
	if (g->result == 0 && !date_parse_iso(text, strlen(text), &day))
		jget_fail(g, key, "is no date");
	return day;
}

static const struct order_span *get_spans(struct jget *g, const json_t *json, size_t *ret_n)
{
	const json_t *list = jget_objects(g, json, "again", ret_n);
	struct order_span *spans = arena_array(g->arena, *ret_n ? *ret_n : 1, sizeof *spans);
	for (size_t i = 0; i < *ret_n; i++) {
		const json_t *span = json_array_get(list, i);
		bool dated = *jget_text(g, span, "first") != '\0';
		spans[i] = (struct order_span){jget_text(g, span, "table"), dated ? get_day(g, span, "first") : DATE_NONE,
		                               dated ? get_day(g, span, "last") : DATE_NONE};
	}
	return spans;
}

int order_decode(struct arena *arena, const json_t *json, struct order *ret, struct err *err)
{
	struct jget g = {.arena = arena, .err = err, .code = ERR_PROTOCOL};
	*ret = (struct order){.run_id = jget_text(&g, json, "run_id"), .kind = get_kind(&g, json)};
	ret->select = jget_texts(&g, json, "select", &ret->nselect);
	ret->exclude = jget_texts(&g, json, "exclude", &ret->nexclude);
	ret->first = get_day(&g, json, "first");
	ret->last = get_day(&g, json, "last");
	ret->force = jget_bool_or(&g, json, "force", false);
	ret->fail_fast = jget_bool_or(&g, json, "fail_fast", false);
	ret->continue_on_error = jget_bool_or(&g, json, "continue_on_error", false);
	ret->keep_staging = jget_bool_or(&g, json, "keep_staging", false);
	ret->paused = jget_bool_or(&g, json, "paused", false);
	ret->max_active = (uint32_t)jget_int_or(&g, json, "max_active", 0, ORDER_JOBS_MAX, 0);
	ret->requested_by = jget_text_or(&g, json, "requested_by", "");
	ret->of = jget_text_or(&g, json, "of", NULL);
	if (ret->of) {
		ret->downstream = jget_bool_or(&g, json, "downstream", false);
		ret->again = get_spans(&g, json, &ret->nagain);
	}
	ret->schedule = jget_text_or(&g, json, "schedule", NULL);
	if (!json_object_get(json, "interval")) {
		ret->makes_good = ret->schedule;
		ret->schedule = NULL;
	}
	if (ret->schedule) {
		ret->interval = jget_int(&g, json, "interval", INT64_MIN, INT64_MAX);
		ret->deadline = jget_int_or(&g, json, "deadline", 0, INT64_MAX, 0);
		ret->timeout_ms = jget_int_or(&g, json, "timeout_ms", 0, INT64_MAX, 0);
	}
	if (g.result == 0 && ret->last < ret->first)
		jget_fail(&g, "last", "is before 'first'");
	return g.result;
}

bool order_is(const char *params)
{
	json_t *json = params && *params ? json_loads(params, 0, NULL) : NULL;
	bool is = json_is_string(json_object_get(json, "run_id"));
	json_decref(json);
	return is;
}

const char *order_selection(const struct order *o, struct arena *arena)
{
	struct buf b = BUF_INIT(TEXT_MAX);
	for (size_t i = 0; i < o->nselect; i++)
		buf_addf(&b, "%s%s", b.len ? " " : "", o->select[i]);
	for (size_t i = 0; i < o->nexclude; i++)
		buf_addf(&b, "%s--exclude %s", b.len ? " " : "", o->exclude[i]);
	if (o->of)
		buf_addf(&b, "%sagain of %s%s", b.len ? " " : "", o->of, o->downstream ? " and downstream" : "");
	const char *text = arena_strdup(arena, buf_cstr(&b));
	buf_free(&b);
	return text;
}

int order_check_run_id(const char *run_id, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	if (!*run_id || strlen(run_id) > RUN_ID_MAX || strspn(run_id, letters) != strlen(run_id) || run_id[0] == '.')
		return err_set(err, ERR_USAGE, "run id '%s': use up to %d letters, digits, '-', '_' and '.', not starting with '.'", run_id,
		               RUN_ID_MAX);
	return 0;
}
