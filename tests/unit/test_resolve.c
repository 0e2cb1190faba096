/* core/project_resolve: references to edges, spans, and every error on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/resolve_fixture.h"

static const char *const config =
	"layer_dependencies:\n"
	"  ods: []\n"
	"  dim: [ods]\n"
	"  dwd: [ods, dim]\n"
	"  ads: [dwd]\n"
	"  ml: []\n"
	"sources:\n"
	"  ods_x: {path: raw/x}\n";
static const char *const catalog = "tables:\n  ads_ext: {path: /ext/x}\n";
static const char *const files = "ods/ods_x.sql ods/ods_y.sql dim/dim_a.sql dim/dim_b.sql dwd/dwd_f.sql "
				 "dwd/dwd_g.sql ads/ads_r.sql ml/ml_m.sql";

static void start(struct fixture *f)
{
	fixture_read(f, config, catalog, files);
	assert_string_equal(buf_cstr(&f->printed), "");
	fixture_reads(f, "ods_x", "dt", "tmp_ods_x@+0:+0");
}

/* All edges as "down<up@spans; ", a "!" before a declared one. */
static const char *fixture_edges(struct fixture *f)
{
	struct buf out = BUF_INIT(1 << 20);
	char text[SPAN_SIZE];
	for (size_t i = 0; i < f->p->nedges; i++) {
		const struct edge *e = &f->p->edges[i];
		buf_addf(&out, "%s%s%s<%s@", i ? "; " : "", e->declared ? "!" : "", f->p->tables[e->down].name,
		         f->p->tables[e->up].name);
		for (size_t k = 0; k < e->nspans; k++)
			buf_addf(&out, "%s%s", k ? "|" : "", span_format(text, &e->spans[k]));
	}
	const char *copy = arena_strdup(&f->p->arena, buf_cstr(&out));
	buf_free(&out);
	return copy;
}

static void finish(struct fixture *f, const char *problems, const char *edges)
{
	fixture_resolve(f);
	assert_string_equal(buf_cstr(&f->printed), problems);
	assert_string_equal(fixture_edges(f), edges);
	fixture_free(f);
}

static void spans_become_edges(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	fixture_reads(&f, "dwd_f", "dt", "ods.ods_x()@+0:+0 dim.dim_a@-3:+0");
	fixture_reads(&f, "ads_r", "dt", "dwd.dwd_f@-6:+0 dwd.dwd_f@-6:+0 dwd.dwd_f@@15706:@15706 dim.dim_b");
	fixture_reads(&f, "dwd_g", "", "dwd.dwd_f@*:+0 dwd.dwd_f dwd.dwd_f@+0:+0");
	finish(&f, "", /* dim is not partitioned: its dt is an ordinary column */
	       "dwd_f<ods_x@+0:+0; dwd_f<dim_a@*:*; dwd_g<dwd_f@*:*; ads_r<dim_b@*:*; ads_r<dwd_f@-6:+0|@15706:@15706");
}

static void names_that_need_no_edge(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	fixture_reads(&f, "ml_m", "", "information_schema.tables pg_catalog.pg_class raw/some.csv");
	finish(&f, "", "");
}

static void every_name_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	fixture_reads(&f, "dwd_f", "dt",
	              "ads.ads_r ml.ml_m dwdd.dwd_g dmi.x dwd.dwd_q dim.dwd_g dwd_g dwd_g() nothing dim.dim_a() tmp_ods_x "
	              "tmp_dwd_f tmp_q dim.dim_a");
	fixture_resolve(&f);
	assert_string_equal(
		buf_cstr(&f.printed),
		"dags/dwd/dwd_f.sql:1:5: error: layer 'dwd' may not read 'ads.ads_r': layer 'ads' is downstream of it; move "
		"this query to a layer that may read 'ads'\n"
		"dags/dwd/dwd_f.sql:2:5: error: layer 'dwd' may not read 'ml.ml_m': layer 'ml' is not upstream of it; add 'ml' "
		"to layer_dependencies.dwd in dags/dw_config.yaml\n"
		"dags/dwd/dwd_f.sql:3:5: error: unknown layer 'dwdd' of 'dwdd.dwd_g' (did you mean 'dwd.dwd_g'?): SQL may read "
		"<layer>.<table>, <layer>.<table>_dt('…') and tmp_<its own table>\n"
		"dags/dwd/dwd_f.sql:4:5: error: unknown layer 'dmi' of 'dmi.x' (did you mean 'dim'?): SQL may read <layer>.<table>, "
		"<layer>.<table>_dt('…') and tmp_<its own table>\n"
		"dags/dwd/dwd_f.sql:5:5: error: unknown table 'dwd.dwd_q' (did you mean 'dwd.dwd_f'?)\n"
		"dags/dwd/dwd_f.sql:6:5: error: unknown table 'dim.dwd_g' (did you mean 'dwd.dwd_g'?)\n"
		"dags/dwd/dwd_f.sql:7:5: error: table 'dwd_g' is named without its layer: write 'dwd.dwd_g'\n"
		"dags/dwd/dwd_f.sql:8:5: error: table 'dwd_g' is named without its layer: write 'dwd.dwd_g_dt('…')'\n"
		"dags/dwd/dwd_f.sql:9:5: error: unknown table 'nothing': no file in dags/ builds it, and tables.yaml has "
		"no such external table\n"
		"dags/dwd/dwd_f.sql:10:5: error: 'dim.dim_a_dt' does not exist, because 'dim_a' is not partitioned: read "
		"'dim.dim_a'\n"
		"dags/dwd/dwd_f.sql:11:5: error: 'tmp_ods_x' can be read by ods.ods_x only: read 'ods.ods_x'\n"
		"dags/dwd/dwd_f.sql:12:5: error: 'tmp_dwd_f' has no source: add 'sources: {dwd_f: {path: …}}' to "
		"dags/dw_config.yaml\n"
		"dags/dwd/dwd_f.sql:13:5: error: unknown source 'tmp_q': this table's own RAW files are 'tmp_dwd_f'\n");
	assert_string_equal(fixture_edges(&f), "dwd_f<dim_a@*:*");
	fixture_free(&f);
}

static void an_action_has_nothing_to_read(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	((struct table *)project_table(f.p, "dim_a"))->output_none = true;
	fixture_reads(&f, "dim_b", "", "dim.dim_a");
	finish(&f, "dags/dim/dim_b.sql:1:5: error: 'dim.dim_a' is an action (output: none) and has no rows to read\n", "");
}

static void external_tables_are_read_from_anywhere(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	fixture_reads(&f, "ods_y", "dt", "ads.ads_ext@+0:+0");
	finish(&f, "", "ods_y<ads_ext@*:*");
}

static void an_error_of_the_text_is_told_at_its_place(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	struct analysis *a = fixture_reads(&f, "dwd_f", "", "dim.dim_a");
	a->error = "syntax error at or near \"SELEC\"";
	a->error_line = 3;
	a->error_col = 2;
	a->more = &(struct analysis_error){"and another", 4, 1};
	a->nmore = 1;
	finish(&f, "dags/dwd/dwd_f.sql:3:2: error: syntax error at or near \"SELEC\"\n"
	           "dags/dwd/dwd_f.sql:4:1: error: and another\n", "");
}

static void warnings(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	fixture_reads(&f, "ods_x", "dt comment", "");
	fixture_reads(&f, "dwd_f", "dt", "ods.ods_x dwd.dwd_f ods.ods_x@*:+0 ods.ods_x@-6:*");
	fixture_reads(&f, "dwd_g", "", "ods.ods_x"); /* not partitioned: all dates are its business */
	fixture_resolve(&f);
	assert_string_equal(
		buf_cstr(&f.printed),
		"dags/dw_config.yaml:8:3: warning: the source of 'ods_x' is not used: its query does not read tmp_ods_x\n"
		"dags/dwd/dwd_f.sql:1:5: warning: reads every date of 'ods.ods_x', so that each new date makes all dates of "
		"'dwd_f' stale: add a condition such as dt = '${PARTITION_DATE}'\n"
		"dags/dwd/dwd_f.sql:2:5: warning: 'dwd.dwd_f' reads itself, and nothing says which columns it has before its "
		"first version: until tables.yaml declares its columns with their types, it stays empty\n"
		"dags/dwd/dwd_f.sql:4:5: warning: reads dates of 'ods.ods_x' without an upper end, so that each new date makes "
		"earlier dates of 'dwd_f' stale: add a condition such as dt <= '${PARTITION_DATE}'\n"
		"dags/ods/ods_x.sql: warning: PARTITION_DATE is used in a comment only, which makes 'ods_x' partitioned all the "
		"same: use it in the query, or write '$$' for the '$'\n");
	assert_string_equal(fixture_edges(&f), "dwd_f<ods_x@*:*; dwd_f<dwd_f@*:*; dwd_g<ods_x@*:*");
	fixture_free(&f);
}

static void a_self_read_waits_for_the_day_before(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	fixture_reads(&f, "dwd_f", "dt", "dwd.dwd_f@-1:-1");
	fixture_resolve(&f);
	assert_string_equal(fixture_edges(&f), "dwd_f<dwd_f@-1:-1");
	assert_true(project_table(f.p, "dwd_f")->policy.depends_on_past);
	assert_false(project_table(f.p, "dwd_g")->policy.depends_on_past);
	assert_int_equal(f.diags.errors, 0);
	fixture_free(&f);
}

static void declared(struct fixture *f, const char *deps)
{
	char text[1024];
	snprintf(text, sizeof text, "%stable_dependencies:\n%s", config, deps);
	fixture_read(f, text, catalog, files);
	assert_string_equal(buf_cstr(&f->printed), "");
	fixture_reads(f, "ods_x", "dt", "tmp_ods_x@+0:+0");
}

static void declared_dependencies(void **state)
{
	(void)state;
	struct fixture f;
	declared(&f, "  dwd: {dwd_g: [dwd_f]}\n  dim: {dim_b: [dim_a]}\n");
	fixture_reads(&f, "dwd_f", "dt", "");
	fixture_reads(&f, "dwd_g", "dt", "");
	finish(&f, "", "!dim_b<dim_a@*:*; !dwd_g<dwd_f@+0:+0");
	declared(&f, "  ads: {ads_r: [ods.ods_x, dim_a, ads_ext, ads_r]}\n"); /* upstream, external, its own past */
	fixture_reads(&f, "ads_r", "dt", "");
	fixture_resolve(&f);
	assert_string_equal(fixture_edges(&f), "!ads_r<ods_x@+0:+0; !ads_r<dim_a@*:*; !ads_r<ads_ext@*:*");
	assert_true(project_table(f.p, "ads_r")->policy.depends_on_past);
	fixture_free(&f);
	declared(&f, "  dwd: {dwd_g: [dwd_f]}\n"); /* the SQL knows better */
	fixture_reads(&f, "dwd_f", "dt", "");
	fixture_reads(&f, "dwd_g", "dt", "dwd.dwd_f@-1:-1 ods.ods_x@+0:+0");
	finish(&f, "", "dwd_g<ods_x@+0:+0; dwd_g<dwd_f@-1:-1");
}

static void doubt_reads_everything_upstream(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	fixture_reads(&f, "ods_x", "dt", "tmp_ods_x@+0:+0");
	fixture_reads(&f, "dim_b", "dt unparsed", "");
	finish(&f,
	       "dags/dim/dim_b.sql: note: what 'dim_b' reads cannot be told from its SQL: it waits for every table upstream\n",
	       "dim_b<ods_x@*:*; dim_b<ods_y@*:*; dim_b<ads_ext@*:*");
}

static void an_executable_reads_what_it_declares_or_everything(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, "layer_dependencies: {a: [], b: [a]}\ntable_dependencies: {b: {b_run: [b_y]}}\n", NULL,
	             "a/a_x.sql b/b_y.sql b/b_run.sh*");
	finish(&f, "", "!b_run<b_y@*:*");
	fixture_read(&f, "layer_dependencies: {a: [], b: [a]}\n", NULL, "a/a_x.sql b/b_y.sql b/b_run.sh*");
	finish(&f, "", "b_run<a_x@*:*");
}

static void views_of_the_catalog_may_read_anything(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, "layer_dependencies: {a: [], b: [a]}\n", NULL, "a/a_x.sql b/b_y.sql");
	fixture_reads(&f, "b_y", "", "main.some_view");
	finish(&f, "", "b_y<a_x@*:*");
}

/* What the view of that name reads. */
static struct analysis *reads_of_view(struct fixture *f, const char *name, const char *words, const char *refs)
{
	for (size_t i = 0; i < f->p->nviews; i++) {
		if (strcmp(f->p->views[i].name, name) != 0)
			continue;
		struct analysis *a = fixture_analysis(&f->p->arena, words, refs);
		f->p->views[i].analysis = a;
		return a;
	}
	fail_msg("no view '%s'", name);
	return NULL;
}

static void migration(struct fixture *f, const char *text)
{
	project_add_views(f->p, "catalog/migrations/1.sql", text, strlen(text), &f->diags);
}

static const char *views_of(const struct fixture *f, const char *table)
{
	static char text[256];
	const struct table *t = project_table(f->p, table);
	text[0] = '\0';
	for (size_t i = 0; i < t->nviews; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " " : "", t->views[i]->qname);
	return text;
}

static void a_view_is_read_as_its_tables(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	migration(&f, "CREATE SCHEMA m; CREATE VIEW m.b AS FROM c; CREATE VIEW m.c AS FROM dim.dim_a, ods.ods_x;"
	              "CREATE MACRO twice(x) AS 2 * x; CREATE VIEW bare AS SELECT twice(1)");
	reads_of_view(&f, "b", "", "c");
	reads_of_view(&f, "c", "", "dim.dim_a ods.ods_x@@15706:@15707");
	reads_of_view(&f, "twice", "", "");
	reads_of_view(&f, "bare", "", "!twice");
	fixture_reads(&f, "dim_a", "", "");
	fixture_reads(&f, "dwd_f", "", "m.b ods.ods_y");
	fixture_reads(&f, "dwd_g", "", "bare tmp_of");
	fixture_reads(&f, "ads_r", "", "main.bare !unknown");
	fixture_resolve(&f);
	assert_string_equal(views_of(&f, "dwd_f"), "m.c m.b");
	assert_string_equal(views_of(&f, "dwd_g"), "twice bare");
	assert_string_equal(views_of(&f, "ads_r"), "twice bare");
	assert_string_equal(buf_cstr(&f.printed),
	                    "dags/dwd/dwd_g.sql:2:5: error: unknown source 'tmp_of': this table's own RAW files are 'tmp_dwd_g'\n");
	assert_string_equal(fixture_edges(&f), "dwd_f<ods_x@@15706:@15707; dwd_f<ods_y@*:*; dwd_f<dim_a@*:*");
	assert_string_equal(f.p->views[0].ddl, "CREATE SCHEMA IF NOT EXISTS \"m\"; CREATE OR REPLACE VIEW m.b AS FROM c");
	fixture_free(&f);
}

static void problems_of_views_are_told_where_they_are(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	migration(&f, "CREATE VIEW m.a AS FROM b;\nCREATE VIEW m.b AS\n  FROM a;\nCREATE VIEW m.c AS\n\tFROM gone;\n"
	              "CREATE VIEW m.unused AS FROM nowhere;\nCREATE VIEW m.up AS FROM ads.ads_r;\n"
	              "CREATE VIEW ods.ods_x AS SELECT 1;\nCREATE MACRO ods.ods_x_dt(d) AS d;\nDELETE FROM x;\nCREATE VIEW m.no;\n"
	              "CREATE VIEW m.wrong AS\n SELEC\n 1");
	reads_of_view(&f, "a", "", "b");
	reads_of_view(&f, "b", "", "a");
	struct analysis *c = reads_of_view(&f, "c", "", "gone");
	c->refs[0].line = 2;
	c->refs[0].col = 6;
	reads_of_view(&f, "unused", "", "nowhere");
	reads_of_view(&f, "up", "", "ads.ads_r");
	struct analysis *wrong = reads_of_view(&f, "wrong", "", "");
	wrong->error = "syntax error";
	wrong->error_line = 3;
	wrong->error_col = 2;
	fixture_reads(&f, "dwd_f", "", "m.a m.c m.up");
	fixture_reads(&f, "dwd_g", "", "m.c m.wrong");
	finish(&f,
	       "catalog/migrations/1.sql:1:20: error: 'm.a' reads itself\n"
	       "catalog/migrations/1.sql:5:7: error: unknown table 'gone' in 'm.c', which tables read: write <layer>.<table>, or the "
	       "view's schema and name\n"
	       "catalog/migrations/1.sql:8:1: note: skipped: that name is one of strata's tables\n"
	       "catalog/migrations/1.sql:9:1: note: skipped: that name is one of strata's tables\n"
	       "catalog/migrations/1.sql:10:1: note: skipped: only schemas, views, macros and comments belong into the catalog\n"
	       "catalog/migrations/1.sql:11:1: error: 'm.no' is defined without 'AS' and what it is\n"
	       "catalog/migrations/1.sql:14:2: error: 'm.wrong': syntax error\n"
	       "dags/dwd/dwd_f.sql:3:5: error: layer 'dwd' may not read 'ads.ads_r' (through 'm.up'): layer 'ads' is downstream of it; "
	       "move this query to a layer that may read 'ads'\n",
	       "");
}

static void the_last_definition_counts(void **state)
{
	(void)state;
	struct fixture f;
	start(&f);
	migration(&f, "CREATE VIEW m.a AS SELECT 1; CREATE MACRO m.f(x) AS x; CREATE MACRO m.f(x) AS TABLE SELECT x;"
	              "CREATE VIEW n.a AS SELECT 2");
	assert_int_equal(f.p->nviews, 4);
	migration(&f, "create or replace view \"M\".\"A\" as SELECT 3; CREATE VIEW IF NOT EXISTS m.a AS SELECT 4;"
	              "DROP MACRO TABLE IF EXISTS m.f; DROP SCHEMA n CASCADE; DROP VIEW never.was");
	assert_int_equal(f.p->nviews, 2);
	assert_string_equal(f.p->views[0].query, "\nSELECT 3");
	assert_string_equal(f.p->views[1].query, "SELECT (\nx\n)");
	migration(&f, "DROP VIEW m.a; DROP MACRO m.f");
	assert_int_equal(f.p->nviews, 0);
	fixture_resolve(&f);
	fixture_free(&f);
}

/* Another text of a view, whether its query or its columns, is another canonical form of its readers. */
static const char *canonical_with(struct fixture *f, const char *text, const char *canonical, const char *volatile_by)
{
	start(f);
	migration(f, text);
	struct analysis *a = reads_of_view(f, "v", volatile_by ? "unparsed" : "", "");
	a->canonical = canonical;
	a->volatile_by = volatile_by;
	fixture_reads(f, "dwd_f", "", "m.v");
	fixture_reads(f, "dwd_g", "", "");
	fixture_resolve(f);
	assert_string_equal(project_table(f->p, "dwd_g")->analysis->canonical, "");
	return project_table(f->p, "dwd_f")->analysis->canonical;
}

static void the_canonical_form_covers_the_views(void **state)
{
	(void)state;
	struct fixture f, g;
	const char *base = canonical_with(&f, "CREATE VIEW m.v AS SELECT 1", "c1", NULL);
	assert_string_equal(canonical_with(&g, "-- a word\nCREATE OR REPLACE VIEW m.v AS SELECT 1;", "c1", NULL), base);
	fixture_free(&g);
	assert_string_not_equal(canonical_with(&g, "CREATE VIEW m.v AS SELECT 2", "c2", NULL), base);
	fixture_free(&g);
	assert_string_not_equal(canonical_with(&g, "CREATE VIEW m.v(a) AS SELECT 1", "c1", NULL), base);
	fixture_free(&g);
	canonical_with(&g, "CREATE VIEW m.v AS SELECT 1", "c1", "now()");
	const struct table *t = project_table(g.p, "dwd_f");
	assert_string_equal(t->analysis->volatile_by, "now()");
	assert_false(t->analysis->parsed); /* so it reads everything upstream */
	assert_int_equal(g.p->up_first[t->index + 1] - g.p->up_first[t->index], 5);
	fixture_free(&g);
	fixture_free(&f);
}

/* Where any layer may read any, what is wide must not wait for who waits for it. */
static void doubt_makes_no_cycle(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, NULL, NULL, "a/a_x.sql a/a_run.sh* b/b_y.sql b/b_run.sh* c/c_z.sql");
	fixture_reads(&f, "b_y", "", "a.a_run");
	fixture_reads(&f, "c_z", "", "b.b_y");
	fixture_resolve(&f);
	assert_int_equal(f.diags.errors, 0);
	assert_string_equal(fixture_edges(&f), "b_run<a_run@*:*; b_run<a_x@*:*; b_run<c_z@*:*; b_y<a_run@*:*; c_z<b_y@*:*");
	fixture_free(&f);
}

static const char *no_env(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

/* Doubt has a ceiling: it must not eat the machine's memory. */
static void too_much_doubt_is_refused(void **state)
{
	(void)state;
	enum { EACH = 2000 };
	static const char *const folders[] = {"a", "b"};
	static const char deps[] = "layer_dependencies: {a: [], b: [a]}\n";
	struct project_file *list = calloc(2 * EACH, sizeof *list);
	struct arena names = {0};
	struct diags diags = {0};
	for (int i = 0; i < 2 * EACH; i++) {
		const char *folder = folders[i / EACH];
		list[i] = (struct project_file){folder, arena_printf(&names, "%s_t%d.sh", folder, i), true, 9};
	}
	struct project_input in = {.dir = "/p", .config = deps, .config_len = strlen(deps), .files = list,
	                           .nfiles = 2 * EACH, .folders = folders, .nfolders = 2, .env = no_env};
	struct project *p = project_read(&in, &diags);
	project_resolve(p, &diags);
	assert_int_equal(diags.errors, 1);
	assert_non_null(strstr(diags.items[0].text, "4000 tables read everything upstream, more than 2000000"));
	project_free(p);
	diags_free(&diags);
	arena_free(&names);
	free(list);
}

static void a_cycle_is_told_with_its_whole_path(void **state)
{
	(void)state;
	struct fixture f;
	declared(&f, "  dwd: {dwd_g: [dwd_f]}\n");
	fixture_reads(&f, "dwd_f", "", "ods.ods_y dwd.dwd_g");
	fixture_reads(&f, "dim_a", "", "dim.dim_b");
	fixture_reads(&f, "dim_b", "", "ods.ods_y dim.dim_a");
	fixture_resolve(&f);
	assert_string_equal(
		buf_cstr(&f.printed),
		"dags/dim/dim_a.sql:1:5: error: tables depend on each other: dim_a → dim_b → dim_a (dim_a reads dim_b at "
		"dags/dim/dim_a.sql:1:5, dim_b reads dim_a at dags/dim/dim_b.sql:2:5): remove one of these dependencies\n"
		"dags/dwd/dwd_f.sql:2:5: error: tables depend on each other: dwd_f → dwd_g → dwd_f (dwd_f reads dwd_g at "
		"dags/dwd/dwd_f.sql:2:5, dwd_g needs dwd_f at dags/dw_config.yaml:10:17): remove one of these dependencies\n");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_become_edges),
		cmocka_unit_test(names_that_need_no_edge),
		cmocka_unit_test(every_name_that_cannot_be_read_is_told),
		cmocka_unit_test(an_action_has_nothing_to_read),
		cmocka_unit_test(external_tables_are_read_from_anywhere),
		cmocka_unit_test(an_error_of_the_text_is_told_at_its_place),
		cmocka_unit_test(warnings),
		cmocka_unit_test(a_self_read_waits_for_the_day_before),
		cmocka_unit_test(declared_dependencies),
		cmocka_unit_test(doubt_reads_everything_upstream),
		cmocka_unit_test(an_executable_reads_what_it_declares_or_everything),
		cmocka_unit_test(views_of_the_catalog_may_read_anything),
		cmocka_unit_test(a_view_is_read_as_its_tables),
		cmocka_unit_test(problems_of_views_are_told_where_they_are),
		cmocka_unit_test(the_last_definition_counts),
		cmocka_unit_test(the_canonical_form_covers_the_views),
		cmocka_unit_test(doubt_makes_no_cycle),
		cmocka_unit_test(too_much_doubt_is_refused),
		cmocka_unit_test(a_cycle_is_told_with_its_whole_path),
	};
	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
