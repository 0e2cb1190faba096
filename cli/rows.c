/* See rows.h. */
#include "cli/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "scheduler/turns.h"

/* One answer that is waited for. */
struct waiting {
	json_t *rows;  /* parts that came before the reply */
	json_t *reply;
	struct err err;
	struct rows_place place;
	bool done;
};

static void on_event(void *ctx, const json_t *event)
{
	struct waiting *w = ctx;
	if (json_object_get(event, "rows"))
		json_array_extend(w->rows, json_object_get(event, "rows"));
}

static void on_answer(void *ctx, const struct worker_answer *a)
{
	struct waiting *w = ctx;
	if (a->reply) {
		w->reply = json_copy((json_t *)(uintptr_t)a->reply);
		json_array_extend(w->rows, json_object_get(a->reply, "rows"));
		json_object_set(w->reply, "rows", w->rows);
	} else {
		w->err = *a->err;
	}
	w->place.line = (int)json_integer_value(json_object_get(a->error, "line"));
	w->place.col = (int)json_integer_value(json_object_get(a->error, "col"));
	w->done = true;
}

int rows_ask(struct workspace *ws, json_t *body, json_t **ret_reply, struct rows_place *ret_place, struct err *err)
{
	*ret_place = (struct rows_place){0};
	int rc = workspace_workers(ws, err);
	if (rc == 0 && ws->look_dir)
		rc = err_set(err, ERR_LAKE, "the lake '%s' cannot be written, and a query keeps what it reads by links in .strata/staging, whatever is "
		                            "published meanwhile; make it writable, or read its Parquet files with any DuckDB", ws->lake.dir);
	if (rc < 0) {
		json_decref(body);
		return rc;
	}
	struct waiting w = {.rows = json_array()};
	workers_ask(ws->workers, body, false, on_event, on_answer, &w);
	turns_until(&ws->turns, &w.done);
	json_decref(w.rows);
	if (w.reply) {
		*ret_reply = w.reply;
		return 0;
	}
	*err = w.err;
	*ret_place = w.place;
	return err->code;
}

enum shape { SHAPE_TEXT, SHAPE_NUMBER, SHAPE_BOOLEAN };

static enum shape shape_of(const char *type)
{
	static const char *const numbers[] = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT",
	                                      "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE"};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		if (str_eq(type, numbers[i]))
			return SHAPE_NUMBER;
	}
	/* "DECIMAL(18,3)", but not "DECIMAL(18,3)[]" */
	if (str_has_prefix(type, "DECIMAL(") && str_has_suffix(type, ")"))
		return SHAPE_NUMBER;
	return str_eq(type, "BOOLEAN") ? SHAPE_BOOLEAN : SHAPE_TEXT;
}

static bool taken(const struct output_column *columns, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(columns[i].name, name))
			return true;
	}
	return false;
}

/* A result may have one name twice; an object of JSON may not. */
static const char *unique_name(struct arena *arena, const struct output_column *columns, size_t n, const char *name)
{
	const char *unique = name;
	for (unsigned i = 1; taken(columns, n, unique); i++)
		unique = arena_printf(arena, "%s_%u", name, i);
	return unique;
}

static void print_row(struct output *out, const json_t *row, const enum shape *shapes, size_t n)
{
	for (size_t c = 0; c < n; c++) {
		const char *text = json_string_value(json_array_get(row, c));
		if (shapes[c] == SHAPE_NUMBER)
			output_number(out, text);
		else if (shapes[c] == SHAPE_BOOLEAN && text)
			output_shown(out, text, json_boolean(str_eq(text, "true")));
		else
			output_text(out, text);
	}
}

static void print(const json_t *columns, const json_t *rows, enum output_format format)
{
	struct arena arena = {0};
	struct output out;
	size_t n = json_array_size(columns), i;
	struct output_column *heads = arena_array(&arena, n + 1, sizeof *heads);
	enum shape *shapes = arena_array(&arena, n + 1, sizeof *shapes);
	for (i = 0; i < n; i++) {
		const json_t *column = json_array_get(columns, i);
		const char *name = json_string_value(json_object_get(column, "name"));
		shapes[i] = shape_of(json_string_value(json_object_get(column, "type")));
		heads[i] = (struct output_column){.name = unique_name(&arena, heads, i, name ? name : ""), .right = shapes[i] == SHAPE_NUMBER};
	}
	output_begin(&out, format, heads);
	out.verbatim = true;
	json_t *row;
	json_array_foreach(rows, i, row)
		print_row(&out, row, shapes, n);
	output_end(&out);
	arena_free(&arena);
}

void rows_print(const json_t *reply, const struct globals *globals)
{
	const json_t *columns = json_object_get(reply, "columns"), *rows = json_object_get(reply, "rows");
	const char *note = json_string_value(json_object_get(reply, "note"));
	if (json_array_size(columns))
		print(columns, rows, globals->output);
	else if (globals->output == OUTPUT_JSON)
		puts("[]");
	if (note && globals->verbosity >= 0)
		fprintf(stderr, "strata: %s\n", note);
	if (globals->verbosity >= 0 && json_array_size(columns) && !json_array_size(rows))
		fprintf(stderr, "strata: no rows\n");
}
