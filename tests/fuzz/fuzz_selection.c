/* core/selection: any words on one small project. What a word selects never hangs on the words beside it
 * (a union), --exclude takes away, `+x` holds x, and nothing external is ever selected. */
#include "core/selection.h"

#include "base/str.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/resolve_fixture.h"

enum { WORDS = 8, TABLES = 16 };

static struct fixture f;

static void close_project(void)
{
	fixture_free(&f);
}

static void open_project(void)
{
	atexit(close_project);
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
	FUZZ_CHECKF(f.diags.errors == 0 && f.p->ntables <= TABLES, "%s", buf_cstr(&f.printed));
}

/* 0 also when it is no error but nothing: then `set` is empty. */
static int eval(const char *const *words, size_t n, const char *const *without, size_t nwithout, bool *set)
{
	struct err err = {0};
	bool given[TABLES] = {0};
	int r = selection_eval(f.p, words, n, without, nwithout, given, &err);
	FUZZ_CHECKF(r == 0 || r == ERR_USAGE || r == ERR_NOTHING, "%d", r);
	FUZZ_CHECKF((r == 0) == (err.text[0] == '\0'), "%s", err.text);
	size_t selected = 0;
	for (size_t i = 0; i < f.p->ntables; i++) {
		set[i] = r == 0 && given[i];
		selected += set[i];
		FUZZ_CHECK(!set[i] || f.p->tables[i].kind != TABLE_EXTERNAL);
	}
	FUZZ_CHECK((r == 0) == (selected > 0));
	return r == ERR_NOTHING ? 0 : r;
}

static void check_union(const char *const *words, size_t n, const bool *all)
{
	bool sum[TABLES] = {0}, one[TABLES];
	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECKF(eval(&words[i], 1, NULL, 0, one) == 0, "'%s' is an error alone", words[i]);
		for (size_t t = 0; t < f.p->ntables; t++)
			sum[t] |= one[t];
	}
	FUZZ_CHECKF(memcmp(sum, all, f.p->ntables * sizeof *all) == 0, "more or less than a union");
}

static void check_exclude(const char *const *words, size_t n, const bool *all)
{
	bool without[TABLES], everything[TABLES];
	FUZZ_CHECK(eval(words, n, words, n, without) == 0);
	for (size_t t = 0; t < f.p->ntables; t++)
		FUZZ_CHECKF(!without[t], "excluded and there: %s", f.p->tables[t].name);
	FUZZ_CHECK(eval(NULL, 0, words, n, without) == 0 && eval(NULL, 0, NULL, 0, everything) == 0);
	for (size_t t = 0; t < f.p->ntables; t++)
		FUZZ_CHECKF(without[t] == (everything[t] && !all[t]), "%s", f.p->tables[t].name);
}

/* The neighbours of a plain word: the word itself and more. */
static void check_grown(const char *word, const bool *all)
{
	static const char *const forms[] = {"+%s", "%s+", "1+%s", "+%s+1", "@%s"};
	if (strpbrk(word, "+@, \t\n\r\v\f") || (word[0] >= '0' && word[0] <= '9'))
		return;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		bool grown[TABLES];
		const char *mark = strchr(forms[i], '%');
		char *text = mem_printf("%.*s%s%s", (int)(mark - forms[i]), forms[i], word, mark + 2);
		if (eval((const char *const *)&text, 1, NULL, 0, grown) == 0)
			for (size_t t = 0; t < f.p->ntables; t++)
				FUZZ_CHECKF(grown[t] || !all[t], "%s lacks %s", text, f.p->tables[t].name);
		else
			FUZZ_CHECKF(strlen(word) > 1000, "'%s' is an error", text);
		free(text);
	}
}

/* The input is the words, a line each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *save = NULL;
	const char *words[WORDS];
	bool all[TABLES];
	size_t n = 0;
	if (!f.p)
		open_project();
	for (char *line = strtok_r(text, "\n", &save); line && n < WORDS; line = strtok_r(NULL, "\n", &save))
		words[n++] = line;
	if (n > 0 && eval(words, n, NULL, 0, all) == 0) {
		check_union(words, n, all);
		check_exclude(words, n, all);
		if (n == 1)
			check_grown(words[0], all);
	}
	free(text);
	return 0;
}
