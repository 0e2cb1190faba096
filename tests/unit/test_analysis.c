/* core/analysis: the cache's record against its inverse, whole, cut and corrupt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/analysis.h"

static struct bound random_bound(void)
{
	enum bound_kind kind = (enum bound_kind)(rand() % 3);
	int32_t far[] = {0, 1, -1, 15706, SPAN_DAYS_MAX, -SPAN_DAYS_MAX};
	return (struct bound){kind, kind == BOUND_NONE ? 0 : far[rand() % 6]};
}

/* A string of any bytes but NUL, rich in what the record uses itself. */
static const char *random_text(struct arena *arena)
{
	static const char letters[] = "ab\t\n\\\\nt.\"'\r\x01\xc3\xbc ";
	size_t n = (size_t)(rand() % 12);
	char *s = arena_alloc(arena, n + 1);
	for (size_t i = 0; i < n; i++)
		s[i] = letters[(size_t)rand() % (sizeof letters - 1)];
	return s;
}

static struct analysis random_analysis(struct arena *arena)
{
	struct analysis a = {
		.partitioned = rand() % 2,
		.comment_only = rand() % 2,
		.uses_run_id = rand() % 2,
		.parsed = rand() % 2,
		.canonical = random_text(arena),
		.volatile_by = rand() % 2 ? random_text(arena) : NULL,
		.error = rand() % 2 ? random_text(arena) : NULL,
		.error_line = rand() % 3 ? rand() : 0,
		.error_col = rand() % 100,
		.nmore = (size_t)(rand() % 3),
		.nrefs = (size_t)(rand() % 4),
	};
	struct analysis_error *more = arena_array(arena, a.nmore, sizeof *more);
	for (size_t i = 0; i < a.nmore; i++)
		more[i] = (struct analysis_error){random_text(arena), rand() % 99, rand() % 99};
	a.more = more;
	a.refs = arena_array(arena, a.nrefs, sizeof *a.refs);
	for (size_t i = 0; i < a.nrefs; i++) {
		struct ref *r = &a.refs[i];
		*r = (struct ref){.kind = (enum ref_kind)(rand() % 3), .schema = random_text(arena),
		                  .name = random_text(arena), .line = rand() % 1000, .col = rand() % 80,
		                  .nspans = 1 + (size_t)(rand() % 3)};
		r->spans = arena_array(arena, r->nspans, sizeof *r->spans);
		for (size_t k = 0; k < r->nspans; k++)
			r->spans[k] = (struct span){random_bound(), random_bound()};
	}
	return a;
}

static void same_text(const char *a, const char *b)
{
	if (a && b)
		assert_string_equal(a, b);
	else
		assert_true(a == b);
}

static void same(const struct analysis *a, const struct analysis *b)
{
	assert_int_equal(a->partitioned, b->partitioned);
	assert_int_equal(a->comment_only, b->comment_only);
	assert_int_equal(a->uses_run_id, b->uses_run_id);
	assert_int_equal(a->parsed, b->parsed);
	same_text(a->canonical, b->canonical);
	same_text(a->volatile_by, b->volatile_by);
	same_text(a->error, b->error);
	assert_int_equal(a->error_line, b->error_line);
	assert_int_equal(a->error_col, b->error_col);
	assert_int_equal(a->nmore, b->nmore);
	for (size_t i = 0; i < a->nmore; i++) {
		assert_string_equal(a->more[i].text, b->more[i].text);
		assert_int_equal(a->more[i].line, b->more[i].line);
		assert_int_equal(a->more[i].col, b->more[i].col);
	}
	assert_int_equal(a->nrefs, b->nrefs);
	for (size_t i = 0; i < a->nrefs; i++) {
		const struct ref *r = &a->refs[i], *s = &b->refs[i];
		assert_int_equal(r->kind, s->kind);
		assert_string_equal(r->schema, s->schema);
		assert_string_equal(r->name, s->name);
		assert_int_equal(r->line, s->line);
		assert_int_equal(r->col, s->col);
		assert_int_equal(r->nspans, s->nspans);
		for (size_t k = 0; k < r->nspans; k++) {
			assert_int_equal(r->spans[k].lo.kind, s->spans[k].lo.kind);
			assert_int_equal(r->spans[k].lo.day, s->spans[k].lo.day);
			assert_int_equal(r->spans[k].hi.kind, s->spans[k].hi.kind);
			assert_int_equal(r->spans[k].hi.day, s->spans[k].hi.day);
		}
	}
}

static void records_round_trip_one_after_the_other(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		struct arena arena = {0};
		struct buf out = BUF_INIT(1 << 20);
		struct analysis in[5];
		for (int i = 0; i < 5; i++) {
			in[i] = random_analysis(&arena);
			analysis_encode(&in[i], &out);
		}
		size_t at = 0;
		for (int i = 0; i < 5; i++) {
			struct analysis back = {0};
			size_t used = analysis_decode(&arena, out.data + at, out.len - at, &back);
			assert_true(used > 0);
			same(&in[i], &back);
			at += used;
		}
		assert_int_equal(at, out.len);
		buf_free(&out);
		arena_free(&arena);
	}
}

static void a_cut_record_is_none(void **state)
{
	(void)state;
	srand(8);
	for (int round = 0; round < 50; round++) {
		struct arena arena = {0};
		struct buf out = BUF_INIT(1 << 20);
		struct analysis in = random_analysis(&arena), back = {0};
		analysis_encode(&in, &out);
		for (size_t n = 0; n < out.len; n++) {
			char *cut = malloc(n ? n : 1); /* of its own size, for the address sanitizer */
			memcpy(cut, out.data, n);
			assert_int_equal(analysis_decode(&arena, cut, n, &back), 0);
			free(cut);
		}
		assert_int_equal(analysis_decode(&arena, out.data, out.len, &back), out.len);
		buf_free(&out);
		arena_free(&arena);
	}
}

/* Whatever decodes is a whole analysis that encodes again; nothing else may happen. */
static void a_corrupt_record_never_harms(void **state)
{
	(void)state;
	srand(9);
	for (int round = 0; round < 20000; round++) {
		struct arena arena = {0};
		struct buf out = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
		struct analysis in = random_analysis(&arena), back = {0}, third = {0};
		analysis_encode(&in, &out);
		for (int hits = 1 + rand() % 3; hits > 0; hits--)
			out.data[(size_t)rand() % out.len] = "\t\n\\0189@*:+-mtvex\0"[rand() % 18];
		if (analysis_decode(&arena, out.data, out.len, &back)) {
			analysis_encode(&back, &again);
			assert_int_equal(analysis_decode(&arena, again.data, again.len, &third), again.len);
			same(&back, &third);
		}
		buf_free(&out);
		buf_free(&again);
		arena_free(&arena);
	}
}

static void known_bad_records(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\n\n",
		"1\tp\tx\t0\t0\t0\t0\t0\n\n",         /* another version */
		"2\tq\tx\t0\t0\t0\t0\t0\n\n",              /* an unknown flag */
		"2\tp\tx\t0\t0\t0\t1\t1\n\n",              /* a reference too few */
		"2\tp\tx\t0\t0\t0\t0\t0\nt\t\ta\t1\t1\t*:*\n\n", /* one too many */
		"2\tp\tx\t0\t0\t0\t1\t2\nt\t\ta\t1\t1\t*:*\n\n", /* a span too few */
		"2\tp\tx\t0\t0\t0\t1\t1\nt\t\ta\t1\t1\t*:*x\n\n",
		"2\tp\tx\t0\t0\t0\t1\t1\nt\t\ta\t1\t1\t99:+0\n\n",
		"2\tp\tx\t0\t0\t0\t1\t1\nt\t\ta\t1\t1\t+99999999999:+0\n\n",
		"2\tp\tx\t0\t0\t0\t1\t0\nt\t\ta\t1\t1\n\n", /* a reference that reads nothing */
		"2\tp\tx\\\t0\t0\t0\t0\t0\n\n",            /* an open escape */
		"2\tp\tx\t0\t0\t0\t99999999999999999999\t0\n\n",
		"2\tp\tx\t0\t0\t1\t0\t0\n\n",         /* an error too few */
		"2\tp\tx\t0\t0\t0\t0\t0\nx\t1\t1\ta\n\n",
		"2\tp\tx\t-1\t0\t0\t0\t0\n\n",
		"2\tp\tx\t0\t0\t0\t0\n\n",
		"2\tp\tx\t0\t0\t0\t0\t0\t0\n\n",
	};
	struct arena arena = {0};
	struct analysis a;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(analysis_decode(&arena, bad[i], strlen(bad[i]), &a), 0);
	const char *good = "2\tdp\tx\t0\t0\t0\t1\t2\nm\tdwd\ta\t1\t2\t-6:+0\t@15706:*\n\n";
	assert_int_equal(analysis_decode(&arena, good, strlen(good), &a), strlen(good));
	assert_true(a.partitioned && a.parsed && !a.comment_only);
	assert_int_equal(a.refs[0].spans[0].lo.day, -6);
	assert_int_equal(a.refs[0].spans[1].lo.kind, BOUND_ABS);
	assert_int_equal(a.refs[0].spans[1].hi.kind, BOUND_NONE);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_round_trip_one_after_the_other),
		cmocka_unit_test(a_cut_record_is_none),
		cmocka_unit_test(a_corrupt_record_never_harms),
		cmocka_unit_test(known_bad_records),
	};
	return cmocka_run_group_tests_name("analysis", tests, NULL, NULL);
}
