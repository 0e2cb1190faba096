/* A small lake in memory, and the question of these tests: does a query give the same rows when each table
 * shows only what the analysis says it reads?
 *
 * dwd.a, dwd.b, dws.a (partitioned) have the dates 2013-01-01 to 06; dim.d and dim.e are unpartitioned.
 * dim.e has an ordinary column dt. */
#ifndef TESTS_READ_SET_H
#define TESTS_READ_SET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/date.h"
#include "core/template.h"
#include "executor/analyze.h"
#include "executor/duck.h"

static duckdb_database lake_db;
static duckdb_connection lake;

static const struct lake_table {
	const char *schema, *name;
	bool partitioned;
} lake_tables[] = {
	{"dwd", "a", true}, {"dwd", "b", true}, {"dws", "a", true}, {"dim", "d", false}, {"dim", "e", false},
};
enum { LAKE_TABLES = sizeof lake_tables / sizeof *lake_tables };

static inline void lake_run(const char *sql)
{
	struct duck_error e;
	if (duck_run(lake, sql, &e) < 0)
		fail_msg("%s: %s", sql, e.message);
}

static inline int lake_open(void **state)
{
	(void)state;
	struct err err = {0};
	assert_int_equal(duck_open(&(struct duck_config){.threads = 1}, &lake_db, &err), 0);
	assert_int_equal(duck_connect(lake_db, &lake, &err), 0);
	lake_run("CREATE SCHEMA raw; CREATE SCHEMA dwd; CREATE SCHEMA dws; CREATE SCHEMA dim");
	lake_run("CREATE TABLE raw.dwd_a AS SELECT i AS k, 10 * d + i AS v, ['x', 'y'] AS l, {'dt': 'z', 'n': i} AS s,"
	         " CASE WHEN i % 2 = 0 THEN 'p' ELSE 'q' END AS c, (DATE '2013-01-01' + CAST(d - 1 AS INTEGER))::VARCHAR AS dt"
	         " FROM range(1, 7) x(d), range(1, 5) y(i) WHERE (d + i) % 5 <> 0");
	lake_run("CREATE TABLE raw.dwd_b AS SELECT i AS k, 7 * d - i AS v, NULL::VARCHAR[] AS l, {'dt': 'z', 'n': d} AS s,"
	         " CASE WHEN d % 2 = 0 THEN 'p' ELSE 'q' END AS c, (DATE '2013-01-01' + CAST(d - 1 AS INTEGER))::VARCHAR AS dt"
	         " FROM range(1, 7) x(d), range(1, 6) y(i) WHERE (d * i) % 3 <> 1");
	lake_run("CREATE TABLE raw.dws_a AS SELECT k, v + 1 AS v, dt FROM raw.dwd_a WHERE k < 4");
	lake_run("CREATE TABLE raw.dim_d AS SELECT i AS k, 'n' || i AS n FROM range(1, 4) x(i)");
	lake_run("CREATE TABLE raw.dim_e AS SELECT i AS k, '2013-01-0' || i AS dt FROM range(1, 7) x(i)");
	return 0;
}

static inline int lake_close(void **state)
{
	(void)state;
	duckdb_disconnect(&lake);
	duckdb_close(&lake_db);
	return 0;
}

static inline struct analysis lake_analyze(struct arena *arena, const char *text)
{
	struct analysis a;
	analyze_sql(lake, arena, "dws.dws_x", text, &a);
	return a;
}

static inline void add_bound(struct buf *out, struct bound b)
{
	char date[DATE_SIZE];
	if (b.kind == BOUND_NONE)
		buf_addc(out, '*');
	else if (b.kind == BOUND_REL)
		buf_addf(out, "%+d", b.day);
	else
		buf_adds(out, date_format(date, b.day) + 5);
}

/* "dwd.a[-6:+0] dwd.b[*] dwd.a_dt[01-03:01-03]"; "everything" when nothing is known. */
static inline void describe_refs(const struct analysis *a, struct buf *out)
{
	if (a->error)
		buf_addf(out, "error: %s", a->error);
	else if (!a->parsed)
		buf_adds(out, "everything");
	for (size_t i = 0; i < a->nrefs; i++) {
		const struct ref *r = &a->refs[i];
		buf_addf(out, "%s%s%s%s%s[", i ? " " : "", r->schema, r->schema[0] ? "." : "", r->name,
		         r->kind == REF_MACRO ? "_dt" : "");
		for (size_t k = 0; k < r->nspans; k++) {
			const struct span *s = &r->spans[k];
			bool none = s->lo.kind == BOUND_ABS && s->hi.kind == BOUND_ABS && s->lo.day > s->hi.day;
			buf_adds(out, k ? "," : "");
			if (none)
				continue;
			add_bound(out, s->lo);
			if (memcmp(&s->lo, &s->hi, sizeof s->lo) != 0) {
				buf_addc(out, ':');
				add_bound(out, s->hi);
			}
		}
		buf_addc(out, ']');
	}
}

/* A table that no reference names fails when it is opened; else it shows no rows. */
static bool lake_only_what_is_read;

/* The rows of a table that a reader of `day` has, as a condition. */
static inline void visible_rows(const struct analysis *a, const struct lake_table *t, int32_t day, struct buf *out)
{
	char lo[DATE_SIZE], hi[DATE_SIZE];
	bool named = false;
	buf_adds(out, a->parsed ? "false" : "true");
	for (size_t i = 0; i < a->nrefs; i++) {
		if (!str_eq(a->refs[i].name, t->name) || !str_eq(a->refs[i].schema, t->schema))
			continue;
		named = true;
		if (!t->partitioned)
			buf_adds(out, " OR true");
		for (size_t k = 0; t->partitioned && k < a->refs[i].nspans; k++) {
			int32_t first, last;
			if (!span_reads(&a->refs[i].spans[k], day, &first, &last))
				continue;
			date_format(lo, first < 0 ? 0 : first);
			date_format(hi, last > 100000 ? 100000 : last);
			buf_addf(out, " OR dt BETWEEN '%s' AND '%s'", lo, hi);
		}
	}
	if (lake_only_what_is_read && a->parsed && !named)
		buf_addf(out, " OR CAST(error('%s.%s was opened and is not in the read set') AS BOOLEAN)", t->schema, t->name);
}

/* Views and macros over all rows (a NULL), or over what `a` says. */
static inline void lake_show(const struct analysis *a, int32_t day)
{
	struct buf sql = BUF_INIT(1 << 20);
	for (size_t i = 0; i < LAKE_TABLES; i++) {
		const struct lake_table *t = &lake_tables[i];
		buf_addf(&sql, "CREATE OR REPLACE VIEW %s.%s AS SELECT * FROM raw.%s_%s WHERE ", t->schema, t->name, t->schema,
		         t->name);
		if (a)
			visible_rows(a, t, day, &sql);
		else
			buf_adds(&sql, "true");
		buf_adds(&sql, ";\n");
		if (t->partitioned)
			buf_addf(&sql, "CREATE OR REPLACE MACRO %s.%s_dt(d) AS TABLE SELECT * FROM %s.%s WHERE dt = d;\n",
			         t->schema, t->name, t->schema, t->name);
	}
	lake_run(buf_cstr(&sql));
	buf_free(&sql);
}

/* The rows of a query whatever their order, as one line; false when it cannot be run. */
static inline bool lake_rows(const char *sql, struct buf *out, struct duck_error *ret_error)
{
	struct buf text = BUF_INIT(1 << 20);
	buf_adds(&text, "SELECT count(*) || ' rows ' || coalesce(string_agg(r, '|' ORDER BY r), '')"
	                " FROM (SELECT CAST(q AS VARCHAR) AS r FROM (\n");
	buf_add(&text, sql, duck_trim(sql, strlen(sql)));
	buf_adds(&text, "\n) q)");
	buf_clear(out);
	int r = duck_text(lake, buf_cstr(&text), out, ret_error);
	buf_free(&text);
	return r == 0;
}

/* Both runs agree for a reader of `day`. Returns false, with a message, when they do not; *ret_ran tells
 * whether the query can be run at all. */
static inline bool lake_agrees(struct arena *arena, const struct analysis *a, const char *text, int32_t day, bool *ret_ran,
                               struct buf *message)
{
	struct rendered r;
	struct err err = {0};
	struct duck_error e = {0}, f = {0};
	struct template_vars vars = {a->partitioned ? day : DATE_NONE, "r", "dev", "dws", "dws_x"};
	struct buf all = BUF_INIT(1 << 24), some = BUF_INIT(1 << 24);
	if (template_render(arena, text, strlen(text), &vars, &r, &err) < 0)
		fail_msg("%s", err.text);
	lake_show(NULL, day);
	*ret_ran = lake_rows(r.text, &all, &e);
	lake_show(a, day);
	bool same = lake_rows(r.text, &some, &f) == *ret_ran && str_eq(buf_cstr(&all), buf_cstr(&some));
	if (!same || !*ret_ran)
		buf_addf(message, "\nall:  %.600s %s\nread: %.600s %s", buf_cstr(&all), e.message, buf_cstr(&some), f.message);
	buf_free(&all);
	buf_free(&some);
	return same;
}

#endif
