/* No dependency is lost: mutated queries give the same rows when the tables show what the analysis says is read
 * and nothing else, and a table that it does not name is not opened at all. The read set may be wider than
 * need be, never narrower.
 *
 * STRATA_MUTANTS says how many must have run both ways (make test-long: 20,000), STRATA_SEED where to begin. */
#include "mutate.h"
#include "read_set.h"

#include "fresh_cases.h"
#include "read_set_cases.h"
#include "watch.h"

enum { READS = COUNT(read_set_cases), ALL = READS + COUNT(fresh_cases), FIRST_DAY = 15706 };

static struct {
	int64_t wrong, errors, given_up, ran, narrowed, by_chance;
} figures;

/* The whole lake in a catalog of its own, so that only the restricted views are made anew for each query.
 * `how` is what its views do with the rows of a table, all of which they show. */
static void show_whole(const char *catalog, const char *how)
{
	struct buf sql = BUF_INIT(1 << 16);
	buf_addf(&sql, "ATTACH ':memory:' AS %s; CREATE SCHEMA %s.dwd; CREATE SCHEMA %s.dws; CREATE SCHEMA %s.dim;", catalog, catalog,
	         catalog, catalog);
	for (size_t i = 0; i < LAKE_TABLES; i++) {
		const struct lake_table *t = &lake_tables[i];
		buf_addf(&sql, "CREATE VIEW %s.%s.%s AS SELECT * FROM memory.raw.%s_%s %s;\n", catalog, t->schema, t->name, t->schema, t->name,
		         how);
		if (t->partitioned)
			buf_addf(&sql, "CREATE MACRO %s.%s.%s_dt(d) AS TABLE SELECT * FROM %s.%s.%s WHERE dt = d;\n", catalog, t->schema, t->name,
			         catalog, t->schema, t->name);
	}
	lake_run(buf_cstr(&sql));
	buf_free(&sql);
}

static bool rows_in(const char *catalog, const char *sql, struct buf *out, struct duck_error *ret_error)
{
	char use[64];
	snprintf(use, sizeof use, "USE %s", catalog);
	lake_run(use);
	watch_begin();
	bool ran = lake_rows(sql, out, ret_error);
	watch_done();
	return ran;
}

/* Do the rows hang on the order in which those of a table come, or on the plan? Then nothing can be said. */
static bool is_chance(const char *sql, const char *rows)
{
	static const char *const catalogs[] = {"backward", "shuffled", "whole"};
	struct buf out = BUF_INIT(1 << 24);
	struct duck_error e = {0};
	bool chance = false;
	for (size_t i = 0; i < COUNT(catalogs) && !chance; i++) {
		if (i == 2)
			lake_run("PRAGMA disable_optimizer");
		chance = !rows_in(catalogs[i], sql, &out, &e) || !str_eq(buf_cstr(&out), rows);
	}
	lake_run("PRAGMA enable_optimizer");
	buf_free(&out);
	return chance;
}

/* A cast that no value has, which fails or not as the plan has rows for it: the query is wrong, not its read set. */
static bool is_impossible_cast(const struct duck_error *e)
{
	return strstr(e->message, "Unimplemented type for cast") != NULL;
}

static void complain(const char *text, const struct analysis *a, const char *rows, const char *other)
{
	struct buf refs = BUF_INIT(1 << 16);
	describe_refs(a, &refs);
	print_error("%s\n  reads %s\nall:  %.500s\nread: %.500s\n", text, buf_cstr(&refs), rows, other);
	buf_free(&refs);
	figures.wrong++;
}

static void compare(struct arena *arena, const struct analysis *a, const char *text, int32_t day)
{
	struct rendered r;
	struct err err = {0};
	struct duck_error e = {0};
	struct template_vars vars = {a->partitioned ? day : DATE_NONE, "r", "dev", "dws", "dws_x"};
	struct buf all = BUF_INIT(1 << 24), some = BUF_INIT(1 << 24);
	if (template_render(arena, text, strlen(text), &vars, &r, &err) < 0)
		fail_msg("%s", err.text);
	if (!rows_in("whole", r.text, &all, &e)) {
		figures.given_up += e.type == DUCKDB_ERROR_INTERRUPT;
		figures.errors += e.type != DUCKDB_ERROR_INTERRUPT;
	} else {
		figures.ran++;
		lake_run("USE memory");
		lake_show(a, day);
		bool same = rows_in("memory", r.text, &some, &e) && str_eq(buf_cstr(&all), buf_cstr(&some));
		if (!same && e.type != DUCKDB_ERROR_INTERRUPT) {
			if (is_impossible_cast(&e) || is_chance(r.text, buf_cstr(&all)))
				figures.by_chance++;
			else
				complain(text, a, buf_cstr(&all), some.len ? buf_cstr(&some) : e.message);
		}
		for (size_t i = 0; i < a->nrefs; i++)
			figures.narrowed += a->refs[i].spans[0].lo.kind != BOUND_NONE || a->refs[i].spans[0].hi.kind != BOUND_NONE;
	}
	buf_free(&all);
	buf_free(&some);
}

static const char *case_at(unsigned i)
{
	return i < READS ? read_set_cases[i].sql : fresh_cases[i - READS];
}

static void a_mutant_sees_what_it_needs(int64_t i)
{
	static struct tokens t, other;
	struct arena arena = {0};
	dice = (uint64_t)i * 0x9e3779b97f4a7c15u + 1;
	tokenize(case_at((unsigned)(i % ALL)), &t);
	tokenize(case_at(throw(ALL)), &other);
	for (unsigned n = 1 + throw(3); n > 0; n--)
		mutate_meaning(&t, &other);
	const char *text = assemble(&arena, &t, LAYOUT_SAME);
	struct analysis a = lake_analyze(&arena, text);
	figures.errors += a.error != NULL;
	if (!a.error && !a.volatile_by && !never_ends(text))
		compare(&arena, &a, text, FIRST_DAY + (int32_t)(i % 6));
	arena_free(&arena);
}

static void mutants_see_what_they_need(void **state)
{
	(void)state;
	int64_t first = from_environment("STRATA_SEED", 0), wanted = from_environment("STRATA_MUTANTS", 800);
	lake_run("SET memory_limit = '1GB'");
	show_whole("whole", "");
	show_whole("backward", "ORDER BY ALL DESC");
	show_whole("shuffled", "ORDER BY hash(k)");
	lake_only_what_is_read = true;
	watch_start();
	for (int64_t i = first; figures.ran < wanted && figures.wrong < 10; i++)
		a_mutant_sees_what_it_needs(i);
	watch_end();
	print_message("%d mutants ran both ways (%d references narrowed), %d hang on the order of rows, %d are errors, %d given up:"
	              " %d lost something\n", (int)figures.ran, (int)figures.narrowed, (int)figures.by_chance, (int)figures.errors,
	              (int)figures.given_up, (int)figures.wrong);
	assert_int_equal(figures.wrong, 0);
	assert_true(figures.narrowed > figures.ran / 3 && figures.by_chance < figures.ran / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutants_see_what_they_need),
	};
	return cmocka_run_group_tests_name("read_set_mutants", tests, lake_open, lake_close);
}
