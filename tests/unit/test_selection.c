/* core/selection: every form of the grammar on one small graph, steps against brute force, any bytes.
 *
 *     ods_a → dim_c → dwd_f → dws_daily → ads_route      (who is read → who reads)
 *     ods_b ────────→ dwd_f    dws_by_route → ads_route
 *     ods_b → dwd_g → dws_by_route                                                              */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/selection.h"
#include "tests/unit/resolve_fixture.h"

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	fixture_read(&f, "layer_dependencies: {ods: [], dim: [ods], dwd: [ods, dim], dws: [dwd], ads: [dws]}\n",
	             "tables:\n"
	             "  ods_ext: {path: /ext}\n"
	             "  ods_a: {tags: [daily, raw]}\n"
	             "  dwd_f: {tags: [daily]}\n"
	             "  ads_route: {tags: [report]}\n",
	             "ods/ods_a.sql ods/ods_b.sql dim/dim_c.sql dwd/dwd_f.sql dwd/dwd_g.sql dws/dws_daily.sql "
	             "dws/dws_by_route.sql ads/ads_route.sql");
	fixture_reads(&f, "dim_c", "", "ods.ods_a ods.ods_ext");
	fixture_reads(&f, "dwd_f", "", "dim.dim_c ods.ods_b dwd.dwd_f");
	fixture_reads(&f, "dwd_g", "", "ods.ods_b");
	fixture_reads(&f, "dws_daily", "", "dwd.dwd_f");
	fixture_reads(&f, "dws_by_route", "", "dwd.dwd_g");
	fixture_reads(&f, "ads_route", "", "dws.dws_daily dws.dws_by_route");
	fixture_resolve(&f);
	return (int)f.diags.errors;
}

static int teardown(void **state)
{
	(void)state;
	fixture_free(&f);
	return 0;
}

/* The names selected, or the error's text. Arguments are separated by ';'. */
static const char *selected(const char *args, const char *excludes)
{
	const char *lists[2][8];
	size_t n[2] = {0};
	const char *texts[2] = {args, excludes};
	struct err err = {0};
	struct buf out = BUF_INIT(1 << 16);
	bool set[16];
	for (int k = 0; k < 2; k++)
		for (const char *at = texts[k]; at && *at; at += *at == ';') {
			size_t len = strcspn(at, ";");
			lists[k][n[k]++] = arena_strndup(&f.p->arena, at, len);
			at += len;
		}
	int r = selection_eval(f.p, lists[0], n[0], lists[1], n[1], set, &err);
	if (r < 0)
		buf_addf(&out, "%d %s", r, err.text);
	for (size_t i = 0; r == 0 && i < f.p->ntables; i++)
		if (set[i])
			buf_addf(&out, "%s%s", out.len ? " " : "", f.p->tables[i].name);
	const char *copy = arena_strdup(&f.p->arena, buf_cstr(&out));
	buf_free(&out);
	return copy;
}

static void every_form(void **state)
{
	(void)state;
	static const char *const cases[][3] = {
		{"", "", "ods_a ods_b dim_c dwd_f dwd_g dws_by_route dws_daily ads_route"},
		{"dwd", "", "dwd_f dwd_g"},
		{"dwd_f", "", "dwd_f"},
		{"dwd.dwd_f", "", "dwd_f"},
		{"+dwd_f", "", "ods_a ods_b dim_c dwd_f"},
		{"1+dwd_f", "", "ods_b dim_c dwd_f"},
		{"2+dwd_f", "", "ods_a ods_b dim_c dwd_f"},
		{"0+dwd_f", "", "dwd_f"},
		{"dwd_f+", "", "dwd_f dws_daily ads_route"},
		{"dwd_f+1", "", "dwd_f dws_daily"},
		{"1+dwd_f+1", "", "ods_b dim_c dwd_f dws_daily"},
		{"+dws_daily+", "", "ods_a ods_b dim_c dwd_f dws_daily ads_route"},
		{"99999999999999999999+dwd_f", "", "ods_a ods_b dim_c dwd_f"},
		{"@dwd_g", "", "ods_a ods_b dim_c dwd_f dwd_g dws_by_route dws_daily ads_route"},
		{"@dws", "", "ods_a ods_b dim_c dwd_f dwd_g dws_by_route dws_daily ads_route"},
		{"tag:daily", "", "ods_a dwd_f"},
		{"tag:r*", "", "ods_a ads_route"},
		{"tag:report,tag:daily;dwd_g", "", "dwd_g"},
		{"+tag:report,ods", "", "ods_a ods_b"},
		{"*_route", "", "dws_by_route ads_route"},
		{"dws.*_route", "", "dws_by_route"},
		{"*.dw?_?", "", "dwd_f dwd_g"},
		{"*", "dwd;ads", "ods_a ods_b dim_c dws_by_route dws_daily"},
		{"", "+dws_daily", "dwd_g dws_by_route ads_route"},
		{"dwd_f dwd_g;ads", "", "dwd_f dwd_g ads_route"},
		{" dwd_f\t ods ", "", "ods_a ods_b dwd_f"},
		{"+dwd_f,dwd_g+", "", "-10 the selection is empty: no table fits it"},
		{"tag:none", "", "-10 the selection is empty: no table has the tag 'none'"},
		{"tag:dialy", "", "-10 the selection is empty: no table has the tag 'dialy' (did you mean 'tag:daily'?)"},
		{"tag:raw,dwd", "", "-10 the selection is empty: no table fits it"},
		{"report", "", "-1 unknown table or layer 'report': it is a tag, write 'tag:report'"},
		{"+dwd_f,ods_b+", "", "ods_b dwd_f"},
		{"ods,*_a;dwd,*_g", "", "ods_a dwd_g"},
		{"dwd", "dwd", "-10 the selection is empty: no table fits it"},
		{"nothing_*", "", "-10 the selection is empty: no table fits it"},
		{" ", "", "-10 the selection is empty: no table fits it"},
		{"nothing_*;dwd_f", "", "dwd_f"},
		{"ods_ext", "", "-1 'ods.ods_ext' is an external table: nothing builds it"},
		{"dwd_fg", "", "-1 unknown table or layer 'dwd_fg' (did you mean 'dwd_f'?)"},
		{"dwf", "", "-1 unknown table or layer 'dwf' (did you mean 'dwd'?)"},
		{"dwd.dwd_ff", "", "-1 unknown table or layer 'dwd.dwd_ff' (did you mean 'dwd.dwd_f'?)"},
		{"dim.dwd_f", "", "-1 unknown table or layer 'dim.dwd_f' (did you mean 'dwd.dwd_f'?)"},
		{"completely_else", "", "-1 unknown table or layer 'completely_else'; 'strata list' shows them"},
		{"dwd", "dsw", "-1 unknown table or layer 'dsw' (did you mean 'dws'?)"},
		{"source:x", "", "-1 cannot select by 'source:x': write 'tag:<tag>', a layer, a table or a pattern"},
		{"tag:", "", "-1 cannot select by 'tag:': write 'tag:<tag>', a layer, a table or a pattern"},
		{"+", "", "-1 cannot read '+': write '[@][N+]NAME[+N]', for example '+dws', '2+dwd_flights+'"},
		{"@", "", "-1 cannot read '@': write '[@][N+]NAME[+N]', for example '+dws', '2+dwd_flights+'"},
		{"@dwd+", "", "-1 cannot read '@dwd+': write '[@][N+]NAME[+N]', for example '+dws', '2+dwd_flights+'"},
		{"+@dwd", "", "-1 cannot read '+@dwd': write '[@][N+]NAME[+N]', for example '+dws', '2+dwd_flights+'"},
		{"++dwd", "", "-1 cannot read '++dwd': write '[@][N+]NAME[+N]', for example '+dws', '2+dwd_flights+'"},
		{"dwd+x", "", "-1 cannot read 'dwd+x': write '[@][N+]NAME[+N]', for example '+dws', '2+dwd_flights+'"},
		{"dwd,,ods", "", "-1 a name is missing beside ','"},
		{"dwd,", "", "-1 a name is missing beside ','"},
		{",dwd", "", "-1 a name is missing beside ','"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = selected(cases[i][0], cases[i][1]);
		if (strcmp(got, cases[i][2]) != 0)
			fail_msg("'%s' without '%s': %s", cases[i][0], cases[i][1], got);
	}
}

static void a_failure_leaves_the_output_alone(void **state)
{
	(void)state;
	bool set[16];
	memset(set, 1, sizeof set);
	struct err err = {0};
	const char *args[] = {"ods", "nope"};
	assert_int_equal(selection_eval(f.p, args, 2, NULL, 0, set, &err), ERR_USAGE);
	for (size_t i = 0; i < 16; i++)
		assert_true(set[i]);
	char *huge = malloc(5000);
	memset(huge, 'a', 4999);
	huge[4999] = '\0';
	args[0] = huge;
	assert_int_equal(selection_eval(f.p, args, 1, NULL, 0, set, &err), ERR_USAGE);
	free(huge);
}

/* Any bytes: an answer or an error, never a crash. */
static void any_word_is_answered(void **state)
{
	(void)state;
	srand(4);
	for (int i = 0; i < 20000; i++) {
		char text[16] = "";
		const char *args[] = {text};
		bool set[16];
		struct err err = {0};
		for (int n = rand() % 15, k = 0; k < n; k++)
			text[k] = "+@,*?:.dwf_1 t"[rand() % 14];
		int r = selection_eval(f.p, args, 1, args, (size_t)(rand() % 2), set, &err);
		assert_true(r == 0 || r == ERR_USAGE || r == ERR_NOTHING);
		assert_true(r == 0 || *err.text);
	}
}

enum { NODES = 9, FAR = 99 };

/* Steps from each table up to what it reads, by Floyd and Warshall. */
static void brute_steps(const struct project *p, int steps[NODES][NODES])
{
	for (int a = 0; a < NODES; a++)
		for (int b = 0; b < NODES; b++)
			steps[a][b] = a == b ? 0 : FAR;
	for (size_t i = 0; i < p->nedges; i++)
		if (p->edges[i].up != p->edges[i].down)
			steps[p->edges[i].down][p->edges[i].up] = 1;
	for (int k = 0; k < NODES; k++)
		for (int a = 0; a < NODES; a++)
			for (int b = 0; b < NODES; b++)
				if (steps[a][k] + steps[k][b] < steps[a][b])
					steps[a][b] = steps[a][k] + steps[k][b];
}

static bool brute_selected(int steps[NODES][NODES], int start, int t, bool at, int up, int down)
{
	if (!at)
		return steps[start][t] <= up || steps[t][start] <= down;
	for (int reader = 0; reader < NODES; reader++)
		if (steps[reader][start] < FAR && steps[reader][t] < FAR)
			return true;
	return false;
}

static void steps_agree_with_brute_force(void **state)
{
	(void)state;
	srand(12);
	for (int round = 0; round < 400; round++) {
		struct fixture g;
		int steps[NODES][NODES];
		fixture_read(&g, NULL, NULL, "a/a_0.sql a/a_1.sql a/a_2.sql a/a_3.sql a/a_4.sql a/a_5.sql a/a_6.sql a/a_7.sql "
		                             "a/a_8.sql");
		for (int t = 0; t < NODES; t++) {
			char name[8], refs[128] = "";
			size_t n = 0;
			for (int up = 0; up <= t; up++)
				if (rand() % 4 == 0)
					n += (size_t)snprintf(refs + n, sizeof refs - n, "%sa.a_%d", n ? " " : "", up);
			snprintf(name, sizeof name, "a_%d", t);
			fixture_reads(&g, name, "", refs);
		}
		fixture_resolve(&g);
		brute_steps(g.p, steps);
		for (int start = 0; start < NODES; start++) {
			char word[32];
			const char *args[] = {word};
			bool set[NODES], at = rand() % 4 == 0;
			int up = rand() % 5, down = rand() % 5;
			struct err err = {0};
			if (at)
				snprintf(word, sizeof word, "@a_%d", start);
			else
				snprintf(word, sizeof word, "%d+a_%d+%d", up, start, down);
			assert_int_equal(selection_eval(g.p, args, 1, NULL, 0, set, &err), 0);
			for (int t = 0; t < NODES; t++)
				if (set[t] != brute_selected(steps, start, t, at, up, down))
					fail_msg("round %d: %s is wrong about a_%d", round, word, t);
		}
		fixture_free(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form),
		cmocka_unit_test(a_failure_leaves_the_output_alone),
		cmocka_unit_test(any_word_is_answered),
		cmocka_unit_test(steps_agree_with_brute_force),
	};
	return cmocka_run_group_tests_name("selection", tests, setup, teardown);
}
