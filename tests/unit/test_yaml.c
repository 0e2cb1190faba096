/* core/yaml, core/duration: the tree, its places, its bounds; and random damage that must never crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/duration.h"
#include "core/yaml.h"
#include "tests/unit/project_fixture.h"

static struct yaml *parse(struct arena *a, const char *text, struct diags *diags)
{
	return yaml_parse(a, "f.yaml", text, strlen(text), diags);
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"0", 0},         {"90", 90000},    {"30s", 30000},          {"500ms", 500},
	            {"5m", 300000},   {"2h", 7200000},  {"1d", 86400000},        {"3650d", 3650LL * 86400000}};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		int64_t ms = -1;
		assert_true(duration_parse(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	static const char *const bad[] = {"", "s", "-1", "1.5h", "1 h", "5min", "1h30m", "9999d", "99999999999999999999", "+1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t ms = -1;
		assert_false(duration_parse(bad[i], &ms));
		assert_int_equal(ms, -1);
	}
}

static void a_tree_knows_its_places(void **state)
{
	(void)state;
	struct arena a = {0};
	struct diags diags = {0};
	const struct yaml *root = parse(&a,
	                                "# über\n"
	                                "'grüße': {x: ñ, y: \"a\\tb\"}\r\n"
	                                "list:\n"
	                                "  - one\n"
	                                "  - ~\n"
	                                "  - 'null'\n"
	                                "empty:\n"
	                                "block: |\n"
	                                "  two\n"
	                                "  lines\n",
	                                &diags);
	assert_int_equal(diags.len, 0);
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->len, 4);
	const struct yaml *map = yaml_get(root, "grüße"), *list = yaml_get(root, "list");
	const struct yaml *y = yaml_get(map, "y");
	assert_string_equal(y->text, "a\tb");
	assert_int_equal(y->key_loc.line, 2);
	assert_int_equal(y->key_loc.col, 20); /* bytes, not characters */
	assert_int_equal(y->loc.col, 23);
	assert_int_equal(list->len, 3);
	assert_int_equal(list->first->loc.line, 4);
	assert_int_equal(list->first->loc.col, 5);
	assert_int_equal(list->first->next->kind, YAML_NULL);
	assert_int_equal(list->first->next->next->kind, YAML_TEXT);
	const struct yaml *empty = yaml_get(root, "empty");
	assert_int_equal(empty->kind, YAML_NULL);
	assert_int_equal(empty->loc.line, 7);
	assert_string_equal(yaml_get(root, "block")->text, "two\nlines\n");
	assert_null(yaml_get(root, "nothing"));
	assert_null(yaml_get(list, "x"));
	diags_free(&diags);
	arena_free(&a);
}

static void empty_documents_and_byte_order_marks(void **state)
{
	(void)state;
	struct arena a = {0};
	struct diags diags = {0};
	assert_int_equal(parse(&a, "", &diags)->kind, YAML_NULL);
	assert_int_equal(parse(&a, "# only a comment\n---\n", &diags)->kind, YAML_NULL);
	const struct yaml *marked = parse(&a, "\xef\xbb\xbfkey: 1\nother: 2\n", &diags);
	assert_string_equal(marked->first->key, "key");
	assert_int_equal(marked->first->key_loc.col, 1);
	assert_int_equal(marked->len, 2);
	assert_int_equal(diags.len, 0);
	arena_free(&a);
}

static void refused(const char *text, size_t n, const char *want)
{
	struct arena a = {0};
	struct diags diags = {0};
	struct buf out = BUF_INIT(1 << 16);
	assert_null(yaml_parse(&a, "f.yaml", text, n, &diags));
	diags_print(&diags, DIAG_NOTE, &out);
	assert_string_equal(buf_cstr(&out), want);
	buf_free(&out);
	diags_free(&diags);
	arena_free(&a);
}

static void what_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} list[] = {
		{"a: &x [1]\nb: *x\n", "f.yaml:2:4: error: YAML alias '*x' is not supported: write the value out\n"},
		{"a: 1\n---\nb: 2\n", "f.yaml:2:1: error: a second YAML document ('---') begins here: keep one a file\n"},
		{"a: !!python/object x\n",
	         "f.yaml:1:4: error: YAML tags ('!…') are not supported: write the plain value\n"},
		{"a: !t {b: c}\n", "f.yaml:1:4: error: YAML tags ('!…') are not supported: write the plain value\n"},
		{"? [a]\n: b\n", "f.yaml:1:3: error: a key must be text, not a list or a map\n"},
		{"a: \"x\\0y\"\n", "f.yaml:1:4: error: a NUL character in a text\n"},
		{"a: b\nc: \xff\xfe\n", "f.yaml:2:4: error: not UTF-8 text (invalid leading UTF-8 octet): save the file as UTF-8\n"},
		{"a: @b\n",
	         "f.yaml:1:4: error: not valid YAML: while scanning for the next token, found character that cannot start "
	         "any token; put the value in quotes\n"},
	};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		refused(list[i].text, strlen(list[i].text), list[i].want);
}

static void input_is_bounded(void **state)
{
	(void)state;
	size_t n = YAML_MAX_BYTES + 1;
	char *text = mem_alloc(n);
	memset(text, ' ', n);
	refused(text, n, "f.yaml: error: larger than 8 MiB, the most that is read\n");
	memset(text, '[', YAML_MAX_DEPTH + 1);
	refused(text, YAML_MAX_DEPTH + 1, "f.yaml:1:33: error: nested more than 32 deep\n");
	text[0] = '[';
	for (size_t i = 1; i + 1 < n; i += 2)
		memcpy(text + i, "a,", 2);
	refused(text, n - 1, "f.yaml:1:4000000: error: too many values for one file (2,000,000)\n");
	free(text);
}

/* --- damage --- */

static const char *const seed_config =
	"layer_dependencies: {ods: [], dwd: [ods], ads: [dwd]}\n"
	"table_dependencies:\n  ads: {ads_b: [ads_a, ods.ods_a]}\n"
	"sources:\n  ods_a: {path: raw/a, options: {delim: '|', header: true, columns: {x: INTEGER}}}\n"
	"schedules:\n  daily: {cron: '30 6 * * *', select: [+ads, dwd], start_date: 2013-01-01}\n"
	"pools: {p: 2}\n"
	"defaults:\n  retries: 2\n  retry_delay: 10s\n  pool: p\n  timezone: Europe/Berlin\n";
static const char *const seed_tables =
	"project: {name: x, env: \"${ENV:-dev}\"}\n"
	"storage:\n  s3_bucket: ${BUCKET}\n  base_uri: s3a://${s3_bucket}/x\n"
	"tables:\n"
	"  ods_a: {tags: [a, b], primary_keys: [x], columns: {x: {type: INTEGER}, y: DATE}}\n"
	"  dwd.dwd_a:\n    path: ${base_uri}/dwd/dwd_a\n    description: >-\n      folded ünïcode\n      text\n"
	"  ads_ext: {path: /x, timeout: 5m}\n";

static char *damage(const char *text, size_t *ret_n)
{
	static const char bits[] = "{}[]:,-#&*!|>'\"%@`$ \n\t?~\0\xff\xc3\xa9x0";
	size_t n = strlen(text);
	char *copy = mem_alloc(2 * n + 64);
	memcpy(copy, text, n);
	for (int k = rand() % 6; k >= 0; k--) {
		size_t at = (size_t)rand() % n, len = (size_t)rand() % 12 % (n - at + 1);
		switch (rand() % 4) {
		case 0:
			copy[at] = bits[(size_t)rand() % (sizeof bits - 1)];
			break;
		case 1: /* insert */
			if (n < 2 * strlen(text)) {
				memmove(copy + at + 1, copy + at, n - at);
				copy[at] = bits[(size_t)rand() % (sizeof bits - 1)];
				n++;
			}
			break;
		case 2: /* delete */
			if (n > len + 1) {
				memmove(copy + at, copy + at + len, n - at - len);
				n -= len;
			}
			break;
		default: /* repeat a piece elsewhere */
			memmove(copy + (size_t)rand() % (n - len + 1), copy + at, len);
			break;
		}
	}
	*ret_n = n;
	return copy;
}

/* Whatever the texts are: no crash, every complaint has a text and a file, every place is in the file. */
static void damage_never_crashes(void **state)
{
	(void)state;
	srand(20130101);
	for (int round = 0; round < 3000; round++) {
		struct fixture f = {.printed = BUF_INIT(1 << 20)};
		struct project_input in =
			fixture_input(&f, "", "", "ods/ods_a.sql dwd/dwd_a.sql ads/ads_a.sql ads/ads_b.sh* misc/misc_a.sql");
		char *config = damage(seed_config, &in.config_len), *tables = damage(seed_tables, &in.tables_len);
		in.config = config;
		in.tables = tables;
		f.p = project_read(&in, &f.diags);
		assert_non_null(f.p);
		assert_true(f.p->npools >= 1);
		for (size_t i = 0; i < f.diags.len; i++) {
			const struct diag *d = &f.diags.items[i];
			assert_true(d->text && *d->text && d->loc.file);
			assert_true(d->loc.line >= 0 && (size_t)d->loc.line <= in.config_len + in.tables_len + 1);
		}
		for (uint32_t i = 0; i < f.p->ntables; i++) {
			assert_int_equal(f.p->tables[i].index, i);
			assert_ptr_equal(project_table(f.p, f.p->tables[i].qname), &f.p->tables[i]);
			assert_true(f.p->tables[i].policy.pool < f.p->npools);
		}
		free(config);
		free(tables);
		fixture_free(&f);
	}
}

static void undamaged_is_clean(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, seed_config, seed_tables, "ods/ods_a.sql dwd/dwd_a.sql ads/ads_a.sql ads/ads_b.sh*");
	assert_string_equal(buf_cstr(&f.printed), "");
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),         cmocka_unit_test(a_tree_knows_its_places),
		cmocka_unit_test(empty_documents_and_byte_order_marks), cmocka_unit_test(what_is_refused),
		cmocka_unit_test(input_is_bounded),  cmocka_unit_test(undamaged_is_clean),
		cmocka_unit_test(damage_never_crashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
