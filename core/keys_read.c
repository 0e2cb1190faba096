/* See keys.h: one map of a file into its section's struct, by the table of keys. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "core/date.h"
#include "core/duration.h"
#include "core/keys.h"

static_assert(sizeof(enum tristate) == sizeof(int), "choices and tristates are stored as int");

/* A decimal number without sign or exponent; strtod would follow the locale. */
static bool parse_factor(const char *text, double *ret)
{
	double value = 0, place = 1;
	bool digits = false, point = false;
	for (const char *p = text; *p; p++) {
		if (*p == '.' && !point) {
			point = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			return false;
		digits = true;
		value = value * 10 + (*p - '0');
		place *= point ? 10 : 1;
	}
	*ret = value / place;
	return digits;
}

static bool parse_bool(const char *text, int *ret)
{
	static const char *const words[][2] = {
		{"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"}, {"no", "yes"}, {"No", "Yes"},
		{"NO", "YES"},     {"off", "on"},     {"Off", "On"},     {"OFF", "ON"},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		for (int v = 0; v < 2; v++)
			if (strcmp(text, words[i][v]) == 0) {
				*ret = v;
				return true;
			}
	return false;
}

static bool parse_choice(const struct key *k, const char *text, int *ret)
{
	for (int i = 0; k->choices[i]; i++)
		if (strcmp(k->choices[i], text) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

/* Store a text's value at `at`; false when it is none of the key's. */
static bool store_scalar(const struct key *k, const char *text, void *at)
{
	int64_t n;
	double f;
	int v;
	switch (k->type) {
	case KEY_BOOL:
		if (!parse_bool(text, &v))
			return false;
		*(bool *)at = v;
		return true;
	case KEY_TRISTATE:
		return parse_bool(text, at);
	case KEY_COUNT:
		if (!str_to_i64(text, &n) || n < k->lo || n > k->hi)
			return false;
		*(uint32_t *)at = (uint32_t)n;
		return true;
	case KEY_INTEGER:
		if (!str_to_i64(text, &n) || n < k->lo || n > k->hi)
			return false;
		*(int32_t *)at = (int32_t)n;
		return true;
	case KEY_FACTOR:
		if (!parse_factor(text, &f) || f < (double)k->lo || f > (double)k->hi)
			return false;
		*(double *)at = f;
		return true;
	case KEY_DURATION:
		if (!duration_parse(text, &n) || n < k->lo)
			return false;
		*(int64_t *)at = n;
		return true;
	case KEY_DATE:
		return date_parse(text, at);
	case KEY_CHOICE:
		return parse_choice(k, text, at);
	default:
		return false;
	}
}

void section_reset(const struct section *s, void *target)
{
	for (size_t i = 0; i < s->nkeys; i++) {
		const struct key *k = &s->keys[i];
		void *at = (char *)target + k->offset;
		bool stored = k->fallback && store_scalar(k, k->fallback, at);
		if (stored)
			continue;
		switch (k->type) {
		case KEY_TEXT:
			*(const char **)at = k->fallback;
			break;
		case KEY_TEXTS:
			*(struct texts *)at = (struct texts){0};
			break;
		case KEY_TRISTATE:
			*(enum tristate *)at = TRI_UNSET;
			break;
		case KEY_DATE:
			*(int32_t *)at = DATE_NONE;
			break;
		case KEY_NAME:
		case KEY_MAP:
		case KEY_ANY:
			*(const struct yaml **)at = NULL;
			break;
		default: /* shared with another section, whose value holds */
			break;
		}
	}
}

/* What a value must be, for a complaint. */
static const char *expectation(const struct key *k, char *out, size_t size)
{
	switch (k->type) {
	case KEY_TEXT:
	case KEY_NAME:
		return "text";
	case KEY_TEXTS:
		return "a list of text";
	case KEY_BOOL:
	case KEY_TRISTATE:
		return "true or false";
	case KEY_COUNT:
	case KEY_INTEGER:
		snprintf(out, size, "a whole number from %lld to %lld", (long long)k->lo, (long long)k->hi);
		return out;
	case KEY_FACTOR:
		snprintf(out, size, "a number from %lld to %lld", (long long)k->lo, (long long)k->hi);
		return out;
	case KEY_DURATION:
		if (k->lo == 0)
			return "a duration such as 30s, 5m, 2h, 1d or plain seconds";
		snprintf(out, size, "a duration such as 30s, 5m, 2h, 1d or plain seconds, of at least %lldms", (long long)k->lo);
		return out;
	case KEY_DATE:
		return "a date, YYYY-MM-DD";
	case KEY_MAP:
		return "a map";
	default:
		break;
	}
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; k->choices && k->choices[i] && n < size; i++) {
		const char *glue = i == 0 ? "" : k->choices[i + 1] ? ", " : " or ";
		int wrote = snprintf(out + n, size - n, "%s'%s'", glue, k->choices[i]);
		n += wrote > 0 ? (size_t)wrote : 0;
	}
	return out;
}

static void complain(const struct keys_reader *r, const struct key *k, const struct yaml *node)
{
	char expected[128], say[YAML_SAY_SIZE], hint[160] = "";
	if (k->type == KEY_CHOICE && node->kind == YAML_TEXT)
		str_did_you_mean(hint, sizeof hint, node->text, k->choices);
	diag_add(r->diags, DIAG_ERROR, node->loc, "'%s' must be %s, not %s%s", k->name,
	         expectation(k, expected, sizeof expected), yaml_say(say, node), hint);
}

bool keys_texts(const struct keys_reader *r, const struct yaml *node, const char *what, struct texts *ret)
{
	char say[YAML_SAY_SIZE];
	if (node->kind != YAML_LIST && node->kind != YAML_NULL) {
		const char *advice = node->kind == YAML_TEXT ? ": put it in [ ]" : "";
		diag_add(r->diags, DIAG_ERROR, node->loc, "'%s' must be a list of text, not %s%s", what,
		         yaml_say(say, node), advice);
		return false;
	}
	const char **items = arena_array(r->arena, node->len, sizeof *items);
	size_t n = 0;
	bool good = true;
	YAML_FOR_EACH(it, node) {
		if (it->kind == YAML_TEXT) {
			items[n++] = arena_strdup(r->arena, it->text);
			continue;
		}
		good = false;
		diag_add(r->diags, DIAG_ERROR, it->loc, "'%s' must be a list of text, but %s is in it", what,
		         yaml_say(say, it));
	}
	if (good)
		*ret = (struct texts){items, n};
	return good;
}

static void read_value(const struct keys_reader *r, const struct key *k, const struct yaml *node, void *at)
{
	if (node->kind == YAML_NULL || node->bad)
		return;
	bool text = node->kind == YAML_TEXT;
	switch (k->type) {
	case KEY_TEXT:
		if (!text)
			break;
		*(const char **)at = arena_strdup(r->arena, node->text);
		return;
	case KEY_TEXTS:
		keys_texts(r, node, k->name, at);
		return;
	case KEY_NAME:
		if (!text)
			break;
		*(const struct yaml **)at = node;
		return;
	case KEY_MAP:
		if (node->kind != YAML_MAP)
			break;
		*(const struct yaml **)at = node;
		return;
	case KEY_ANY:
		*(const struct yaml **)at = node;
		return;
	default:
		if (!text || !store_scalar(k, node->text, at))
			break;
		return;
	}
	complain(r, k, node);
}

static const struct key *find_key(const struct section *s, const char *name)
{
	for (size_t i = 0; i < s->nkeys; i++)
		if (*s->keys[i].name == *name && strcmp(s->keys[i].name, name) == 0)
			return &s->keys[i];
	return NULL;
}

static const char *key_name(const void *ctx, size_t i)
{
	return ((const struct section *)ctx)->keys[i].name;
}

static void unknown_key(const struct keys_reader *r, const struct section *s, const struct yaml *node,
                        const char *what)
{
	const char *nearest = str_nearest(node->key, key_name, s, s->nkeys);
	if (nearest) {
		diag_add(r->diags, DIAG_ERROR, node->key_loc, "unknown key '%s' in %s (did you mean '%s'?)",
		         node->key, what, nearest);
		return;
	}
	struct buf known = BUF_INIT(1024);
	for (size_t i = 0; i < s->nkeys; i++)
		buf_addf(&known, "%s%s", i ? ", " : "", s->keys[i].name);
	diag_add(r->diags, DIAG_ERROR, node->key_loc, "unknown key '%s' in %s; it takes %s", node->key, what,
	         buf_cstr(&known));
	buf_free(&known);
}

bool section_read(const struct keys_reader *r, const struct section *s, const struct yaml *node, const char *what,
                  void *target)
{
	if (node->kind != YAML_MAP && node->kind != YAML_NULL) {
		char say[YAML_SAY_SIZE];
		diag_add(r->diags, DIAG_ERROR, node->loc, "%s must be a map, not %s", what, yaml_say(say, node));
		return false;
	}
	YAML_FOR_EACH(it, node) {
		const struct key *k = find_key(s, it->key);
		if (k)
			read_value(r, k, it, (char *)target + k->offset);
		else
			unknown_key(r, s, it, what);
	}
	bool complete = true;
	for (size_t i = 0; i < s->nkeys; i++) {
		const struct yaml *value = s->keys[i].required ? yaml_get(node, s->keys[i].name) : NULL;
		if (!s->keys[i].required || (value && value->kind != YAML_NULL))
			continue;
		complete = false;
		diag_add(r->diags, DIAG_ERROR, node->key ? node->key_loc : node->loc, "%s has no '%s': add it", what,
		         s->keys[i].name);
	}
	return complete;
}

static int by_folded_key(const void *a, const void *b)
{
	const struct yaml *x = *(const struct yaml *const *)a, *y = *(const struct yaml *const *)b;
	int c = strcasecmp(x->key, y->key);
	if (c)
		return c;
	if (x->key_loc.line != y->key_loc.line)
		return x->key_loc.line < y->key_loc.line ? -1 : 1;
	return x->key_loc.col < y->key_loc.col ? -1 : x->key_loc.col > y->key_loc.col;
}

void keys_folded_twins(const struct keys_reader *r, const struct yaml *map, const char *what)
{
	if (map->len < 2)
		return;
	const struct yaml **sorted = mem_array(map->len, sizeof *sorted);
	size_t n = 0;
	YAML_FOR_EACH(it, map)
		sorted[n++] = it;
	qsort(sorted, n, sizeof *sorted, by_folded_key);
	for (size_t i = 1; i < n; i++)
		if (strcasecmp(sorted[i - 1]->key, sorted[i]->key) == 0)
			diag_add(r->diags, DIAG_ERROR, sorted[i]->key_loc,
			         "columns '%s' and '%s' of %s differ in case only, which SQL does not see: rename one",
			         sorted[i - 1]->key, sorted[i]->key, what);
	free(sorted);
}
