/* Freshness is sound: two texts of one canonical form give the same columns, types and rows. Texts are mutated,
 * analyzed and executed, and each is compared with the first text that had its canonical form, whichever that
 * was. Freshness is useful: comments, layout and the case of keywords keep the form.
 *
 * STRATA_PAIRS says how many mutants must have run beside their originals (make test-long: 100,000),
 * STRATA_SEED where to begin. */
#include "mutate.h"
#include "read_set.h"

#include "core/digest.h"
#include "fresh_cases.h"
#include "watch.h"

enum { DAY = 15709 };

enum outcome { RAN, REFUSED, GAVE_UP };

/* Columns, types and rows in their order, as one line. */
static enum outcome execute(const char *text, bool partitioned, const char *run_id, struct buf *out)
{
	struct arena arena = {0};
	struct rendered r;
	struct err err = {0};
	struct duck_error e = {0};
	struct template_vars vars = {partitioned ? DAY : DATE_NONE, run_id, "dev", "dws", "dws_x"};
	struct buf sql = BUF_INIT(1 << 20);
	enum outcome outcome = REFUSED;
	buf_clear(out);
	if (template_render(&arena, text, strlen(text), &vars, &r, &err) == 0) {
		buf_adds(&sql, "SELECT typeof(any_value(q)) || ' ' || count(*) || ' ' || coalesce(string_agg(CAST(q AS VARCHAR), '|'), '')"
		               " FROM (\n");
		buf_add(&sql, r.text, duck_trim(r.text, r.len));
		buf_adds(&sql, "\n) q");
		watch_begin();
		if (duck_text(lake, buf_cstr(&sql), out, &e) == 0)
			outcome = RAN;
		else if (e.type == DUCKDB_ERROR_INTERRUPT || e.type == DUCKDB_ERROR_OUT_OF_MEMORY)
			outcome = GAVE_UP;
		else
			buf_adds(out, e.message);
		watch_done();
	}
	buf_free(&sql);
	arena_free(&arena);
	return outcome;
}

/* What each canonical form gave when it was first seen. */
struct seen {
	char *form, *text, *rows;
};

static struct {
	struct seen *at;
	size_t n, cap;
} forms;

static size_t slot_of(const struct seen *at, size_t cap, const char *form)
{
	size_t i = (size_t)strtoull((char[]){form[0], form[1], form[2], form[3], form[4], form[5], form[6], form[7], 0}, NULL, 16) % cap;
	while (at[i].form && !str_eq(at[i].form, form))
		i = (i + 1) % cap;
	return i;
}

/* The record of a form; its fields are NULL when it is new. */
static struct seen *find_form(const char *form)
{
	if (2 * forms.n >= forms.cap) {
		size_t cap = forms.cap ? 2 * forms.cap : 1 << 12;
		struct seen *at = mem_array(cap, sizeof *at);
		for (size_t i = 0; i < forms.cap; i++)
			if (forms.at[i].form)
				at[slot_of(at, cap, forms.at[i].form)] = forms.at[i];
		free(forms.at);
		forms.at = at;
		forms.cap = cap;
	}
	return &forms.at[slot_of(forms.at, forms.cap, form)];
}

static struct {
	int64_t refused, gave_up, ran, pairs, shared, differ, volatiles, repeated, wrong;
	int64_t kept[LAYOUT_COMMENTS + 2], changed[LAYOUT_COMMENTS + 2];
} figures;

/* The fingerprint's part of the SQL: core/fingerprint.c. */
static const char *form_of(const struct analysis *a)
{
	static char form[80];
	snprintf(form, sizeof form, "%s%s", a->canonical, a->partitioned ? "p" : "");
	return form;
}

static void complain(const char *what, const char *one, const char *other, const char *rows, const char *other_rows)
{
	if (++figures.wrong <= 20)
		print_error("%s\n  %s\n  %s\n  gives %.300s\n  and   %.300s\n", what, one, other, rows, other_rows);
}

/* A text that may be fresh: is it what its form gave before, and does it give the same again? */
static void compare(const struct analysis *a, const char *text, enum outcome outcome, const char *rows)
{
	struct seen *s = find_form(form_of(a));
	if (!s->form) {
		*s = (struct seen){mem_strdup(form_of(a)), mem_strdup(text), outcome == RAN ? mem_strdup(rows) : NULL};
		forms.n++;
	} else if (!str_eq(s->text, text)) {
		figures.shared++;
		if ((s->rows == NULL) != (outcome != RAN) || (s->rows && !str_eq(s->rows, rows)))
			complain("one canonical form", s->text, text, s->rows ? s->rows : "an error", rows);
	}
	if (outcome == RAN && throw(8) == 0) {
		struct buf again = BUF_INIT(1 << 24);
		figures.repeated++;
		if (execute(text, a->partitioned, "another run", &again) == RAN && !a->uses_run_id && !str_eq(rows, buf_cstr(&again)))
			complain("not the same twice", text, "", rows, buf_cstr(&again));
		buf_free(&again);
	}
}

/* Analyze, execute and compare. Returns whether it ran; `rows` is what it gave. */
static bool try_text(struct arena *arena, const char *text, struct analysis *ret, struct buf *rows)
{
	*ret = lake_analyze(arena, text);
	if (ret->error) {
		figures.refused++;
		return false;
	}
	enum outcome outcome = execute(text, ret->partitioned, "r", rows);
	figures.refused += outcome == REFUSED;
	figures.gave_up += outcome == GAVE_UP;
	figures.ran += outcome == RAN;
	figures.volatiles += outcome == RAN && ret->volatile_by;
	if (!ret->volatile_by && outcome != GAVE_UP)
		compare(ret, text, outcome, buf_cstr(rows));
	return outcome == RAN;
}

static struct {
	char words[128][32];
	size_t n;
} keywords;

static void read_keywords(void)
{
	struct buf list = BUF_INIT(1 << 16);
	struct duck_error e;
	assert_int_equal(duck_text(lake, "SELECT string_agg(keyword_name, ' ') FROM duckdb_keywords() WHERE keyword_category = 'reserved'",
	                           &list, &e), 0);
	for (const char *at = buf_cstr(&list); *at && keywords.n < 128; at += *at == ' ') {
		size_t n = strcspn(at, " ");
		if (n < sizeof keywords.words[0])
			memcpy(keywords.words[keywords.n++], at, n);
		at += n;
	}
	buf_free(&list);
	assert_true(keywords.n > 60);
}

static void change_case(struct arena *arena, struct tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct token *k = &t->at[i];
		bool keyword = false;
		for (size_t w = 0; w < keywords.n && k->kind == TOKEN_WORD; w++)
			keyword |= token_is(k, keywords.words[w]);
		if (!keyword)
			continue;
		char *text = arena_strndup(arena, k->text, k->n);
		unsigned way = throw(3);
		for (size_t c = 0; c < k->n; c++)
			if ((way == 0 || (way == 1 && throw(2))) && ((text[c] | 32) >= 'a' && (text[c] | 32) <= 'z'))
				text[c] = (char)(text[c] ^ 32);
		k->text = text;
	}
}

/* Edits that mean nothing: comments, layout, case of keywords. Some are executed as well. */
static void edit_cosmetically(struct arena *arena, const char *text, const struct analysis *a, int64_t i)
{
	struct tokens t;
	unsigned kind = throw(4); /* LAYOUT_PLAIN, LAYOUT_BLANKS, LAYOUT_COMMENTS, case */
	tokenize(text, &t);
	if (t.n == TOKENS_MAX)
		return;
	if (kind == 3)
		change_case(arena, &t);
	const char *edited = assemble(arena, &t, kind == 3 ? LAYOUT_SAME : (enum layout)(LAYOUT_PLAIN + kind));
	if (throw(3) == 0)
		edited = arena_printf(arena, "%s%s", edited, throw(2) ? ";" : " -- the end");
	struct analysis b = lake_analyze(arena, edited);
	bool kept = !b.error && str_eq(a->canonical, b.canonical) && a->partitioned == b.partitioned;
	(kept ? figures.kept : figures.changed)[kind]++;
	if (!kept && getenv("STRATA_VERBOSE"))
		print_message("changed: %s\n     to: %s\n", text, edited);
	if (kept && i % 4 == 0) {
		struct buf rows = BUF_INIT(1 << 24);
		try_text(arena, edited, &b, &rows);
		buf_free(&rows);
	}
}

struct original {
	bool ran;
	char *rows;
};

static void mutate_once(struct original *originals, int64_t i)
{
	enum { CASES = COUNT(fresh_cases) };
	static struct tokens t, other;
	struct arena arena = {0};
	struct buf rows = BUF_INIT(1 << 24);
	struct analysis a;
	unsigned from = (unsigned)(i % CASES);
	dice = (uint64_t)i * 0x9e3779b97f4a7c15u + 1;
	tokenize(fresh_cases[from], &t);
	tokenize(fresh_cases[throw(CASES)], &other);
	for (unsigned n = throw(3) ? 1 : 1 + throw(3); n > 0; n--)
		mutate_meaning(&t, &other);
	char *text = assemble(&arena, &t, LAYOUT_SAME);
	if (!never_ends(text) && try_text(&arena, text, &a, &rows)) {
		figures.pairs += originals[from].ran;
		figures.differ += originals[from].ran && !str_eq(originals[from].rows, buf_cstr(&rows));
		if (i % 2 == 0)
			edit_cosmetically(&arena, text, &a, i / 2);
	}
	buf_free(&rows);
	arena_free(&arena);
}

static int64_t percent(int64_t part, int64_t all)
{
	return all ? 100 * part / all : 0;
}

static void one_canonical_form_gives_one_result(void **state)
{
	(void)state;
	enum { CASES = COUNT(fresh_cases) };
	struct original originals[CASES];
	int64_t first = from_environment("STRATA_SEED", 0), wanted = from_environment("STRATA_PAIRS", 2000);
	struct buf rows = BUF_INIT(1 << 24);
	lake_run("SET memory_limit = '1GB'");
	lake_show(NULL, DAY);
	read_keywords();
	watch_start();
	for (size_t i = 0; i < CASES; i++) {
		struct arena arena = {0};
		struct analysis a;
		originals[i].ran = try_text(&arena, fresh_cases[i], &a, &rows);
		originals[i].rows = mem_strdup(buf_cstr(&rows));
		if (!originals[i].ran)
			print_error("does not run: %s\n  %s %s\n", fresh_cases[i], a.error ? a.error : "", buf_cstr(&rows));
		for (int64_t k = 0; k < 8 && originals[i].ran; k++) {
			dice = (uint64_t)k + i;
			edit_cosmetically(&arena, fresh_cases[i], &a, k);
		}
		arena_free(&arena);
	}
	for (int64_t i = first; figures.pairs < wanted && figures.wrong < 20; i++)
		mutate_once(originals, i);
	watch_end();
	int64_t kept = 0, changed = 0;
	static const char *const kinds[] = {"plain", "layout", "comments", "case of keywords"};
	print_message("%d pairs executed (%d differ, %d refused, %d given up), %d forms, %d texts compared with another of their form,"
	              " %d run twice, %d volatile: %d wrong\n", (int)figures.pairs, (int)figures.differ, (int)figures.refused,
	              (int)figures.gave_up, (int)forms.n, (int)figures.shared, (int)figures.repeated, (int)figures.volatiles,
	              (int)figures.wrong);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		kept += figures.kept[k];
		changed += figures.changed[k];
		print_message("%s: %d of %d cosmetic edits stay fresh\n", kinds[k], (int)figures.kept[k],
		              (int)(figures.kept[k] + figures.changed[k]));
	}
	print_message("%d %% of cosmetic edits stay fresh\n", (int)percent(kept, kept + changed));
	for (size_t i = 0; i < CASES; i++) {
		assert_true(originals[i].ran);
		free(originals[i].rows);
	}
	for (size_t i = 0; i < forms.cap; i++) {
		free(forms.at[i].form);
		free(forms.at[i].text);
		free(forms.at[i].rows);
	}
	free(forms.at);
	buf_free(&rows);
	assert_int_equal(figures.wrong, 0);
	assert_true(percent(kept, kept + changed) >= 80);
	/* That it could have failed: mutants do differ, and forms are shared. */
	assert_true(figures.differ > figures.pairs / 10 && figures.shared > figures.pairs / 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_canonical_form_gives_one_result),
	};
	return cmocka_run_group_tests_name("fresh_mutants", tests, lake_open, lake_close);
}
