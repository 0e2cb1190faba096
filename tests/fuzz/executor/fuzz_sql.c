/* executor/analyze on any text: an answer always, whole and within the file; it survives the protocol and the
 * cache; and a comment before or behind a query changes nothing but its places. */
#include "base/str.h"
#include "core/jsonio.h"
#include "core/protocol.h"
#include "executor/analyze.h"
#include "executor/duck.h"
#include "tests/fuzz/fuzz.h"

static duckdb_database db;
static duckdb_connection con;

static void close_database(void)
{
	duckdb_disconnect(&con);
	duckdb_close(&db);
}

static void open_database(void)
{
	struct err err = {0};
	FUZZ_CHECKF(duck_open(&(struct duck_config){.threads = 1, .lock = true}, &db, &err) == 0, "%s", err.text);
	FUZZ_CHECKF(duck_connect(db, &con, &err) == 0, "%s", err.text);
	atexit(close_database);
}

static void check_place(const char *text, int line, int col)
{
	int lines = 1;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	FUZZ_CHECKF(line >= 0 && line <= lines && col >= 0 && (size_t)col <= strlen(text) + 1, "%d:%d of %d lines", line, col, lines);
}

static void check_whole(const struct analysis *a, const char *text)
{
	FUZZ_CHECK(a->canonical && strlen(a->canonical) == 64);
	FUZZ_CHECK(!a->error || (a->error[0] && !a->parsed));
	FUZZ_CHECK(a->parsed || a->nrefs == 0);
	FUZZ_CHECK(a->error || a->nmore == 0);
	check_place(text, a->error_line, a->error_col);
	for (size_t i = 0; i < a->nrefs; i++) {
		const struct ref *r = &a->refs[i];
		FUZZ_CHECK(r->nspans > 0 && r->name && r->name[0] && r->schema);
		check_place(text, r->line, r->col);
		for (size_t k = 0; k < r->nspans; k++)
			FUZZ_CHECKF(a->partitioned || (r->spans[k].lo.kind != BOUND_REL && r->spans[k].hi.kind != BOUND_REL), "%s", r->name);
	}
}

static void check_survives(struct arena *arena, const struct analysis *a)
{
	struct analysis sent, kept;
	struct err err = {0};
	struct buf before = BUF_INIT(64 << 20), after = BUF_INIT(64 << 20);
	json_t *json = analysis_to_json(a);
	FUZZ_CHECKF(analysis_from_json(arena, json, &sent, &err) == 0, "%s", err.text);
	analysis_encode(&sent, &before);
	FUZZ_CHECK(analysis_decode(arena, before.data, before.len, &kept) == before.len);
	analysis_encode(&kept, &after);
	FUZZ_CHECK(str_eq(buf_cstr(&before), buf_cstr(&after)));
	FUZZ_CHECK(str_eq(a->canonical, kept.canonical) && a->parsed == kept.parsed && a->nrefs == kept.nrefs);
	json_decref(json);
	buf_free(&before);
	buf_free(&after);
}

/* The same analysis, `lines` further down. */
static void check_same(const struct analysis *a, const struct analysis *b, int lines, const char *text)
{
	FUZZ_CHECKF(a->parsed == b->parsed && str_eq(a->canonical, b->canonical), "%s", text);
	FUZZ_CHECK(str_eq(a->volatile_by, b->volatile_by) && a->nrefs == b->nrefs && a->partitioned == b->partitioned);
	for (size_t i = 0; i < a->nrefs; i++) {
		const struct ref *r = &a->refs[i], *s = &b->refs[i];
		FUZZ_CHECK(r->kind == s->kind && str_eq(r->schema, s->schema) && str_eq(r->name, s->name));
		FUZZ_CHECKF(r->line == 0 || (r->line + lines == s->line && r->col == s->col), "%s at %d:%d, then %d:%d", r->name, r->line,
		            r->col, s->line, s->col);
		FUZZ_CHECK(r->nspans == s->nspans && memcmp(r->spans, s->spans, r->nspans * sizeof *r->spans) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct arena arena = {0};
	struct analysis a, b;
	if (!con)
		open_database();
	analyze_sql(con, &arena, "dws.dws_x", text, &a);
	check_whole(&a, text);
	check_survives(&arena, &a);
	if (a.parsed) {
		analyze_sql(con, &arena, "dws.dws_x", arena_printf(&arena, "-- why\n%s", text), &b);
		check_same(&a, &b, 1, text);
		analyze_sql(con, &arena, "dws.dws_x", arena_printf(&arena, "%s\n-- the end", text), &b);
		check_same(&a, &b, 0, text);
	}
	arena_free(&arena);
	free(text);
	return 0;
}
