/* See definition.h. */
#include "core/definition.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/str.h"
#include "core/sqltext.h"

enum { QUERY_MAX = 64 << 20, NAME_SIZE = 512 };

/* One statement, token by token: [start, end) is the current one. */
struct scan {
	const char *text;
	size_t n, start, end;
	enum sql_part part;
};

/* False at the end of the text, or at a ';', which then is the current token. */
static bool next(struct scan *s)
{
	s->start = s->end;
	while (s->start < s->n) {
		s->end = sql_part_end(s->text, s->n, s->start, &s->part);
		if (s->part != SQL_BLANK && s->part != SQL_COMMENT)
			return s->part != SQL_CODE || s->text[s->start] != ';';
		s->start = s->end;
	}
	return false;
}

static bool is(const struct scan *s, const char *word)
{
	size_t n = strlen(word);
	return s->start < s->n && s->part == SQL_CODE && s->end - s->start == n &&
	       strncasecmp(s->text + s->start, word, n) == 0;
}

/* Past one word, if it is there. */
static bool accept(struct scan *s, const char *word)
{
	if (!is(s, word))
		return false;
	next(s);
	return true;
}

static const char *identifier(struct arena *arena, const struct scan *s)
{
	char *out = arena_alloc(arena, s->end - s->start + 1), *to = out;
	bool quoted = s->part == SQL_QUOTED;
	for (size_t i = s->start + quoted; i < s->end; i++) {
		char c = s->text[i];
		if (quoted && c == '"' && (++i >= s->end || s->text[i] != '"'))
			break;
		*to++ = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	return out;
}

/* [catalog.][schema.]name */
static void read_name(struct arena *arena, struct scan *s, struct definition *d)
{
	if (s->start >= s->n)
		return;
	d->name_at = s->start;
	d->schema = d->thing == THING_SCHEMA ? "" : "main";
	d->name = identifier(arena, s);
	next(s);
	while (accept(s, ".")) {
		if (d->thing != THING_SCHEMA)
			d->schema = d->name;
		d->name = identifier(arena, s);
		next(s);
	}
}

static bool opens(const struct scan *s)
{
	return is(s, "(") || is(s, "[") || is(s, "{");
}

static bool closes(const struct scan *s)
{
	return is(s, ")") || is(s, "]") || is(s, "}");
}

/* Past the parentheses that the current token opens; false when they do not end here. */
static bool skip_group(struct scan *s)
{
	size_t depth = 0;
	do {
		depth += opens(s);
		depth -= closes(s) && depth > 0;
	} while (next(s) && depth > 0);
	return depth == 0;
}

/* A macro's further body: , (parameters) AS [TABLE]. Moves to the body. */
static bool next_overload(struct scan *s, bool table)
{
	struct scan ahead = *s;
	if (!accept(&ahead, ",") || !is(&ahead, "(") || !skip_group(&ahead) || !accept(&ahead, "as") ||
	    (table && !accept(&ahead, "table")))
		return false;
	*s = ahead;
	return true;
}

/* To the end of the body that begins at the current token: the end of its last token. */
static size_t skip_body(struct scan *s, bool overloads, bool table)
{
	size_t end = s->start, depth = 0;
	while (s->start < s->n) {
		struct scan ahead = *s;
		if (overloads && depth == 0 && next_overload(&ahead, table))
			break;
		depth += opens(s);
		depth -= closes(s) && depth > 0;
		end = s->end;
		next(s);
	}
	return end;
}

static void read_query(struct arena *arena, struct scan *s, struct definition *d)
{
	while (s->start < s->n && !is(s, "as")) {
		if (opens(s))
			skip_group(s);
		else
			next(s);
	}
	if (!accept(s, "as"))
		return;
	bool macro = d->thing == THING_MACRO, table = macro && accept(s, "table");
	if (table)
		d->thing = THING_TABLE_MACRO;
	d->query_at = s->start;
	size_t end = skip_body(s, macro, table);
	if (end == d->query_at)
		return;
	struct scan more = *s;
	d->overloaded = macro && next_overload(&more, table);
	struct buf query = BUF_INIT(QUERY_MAX);
	bool closed = d->overloaded || (macro && !table);
	buf_adds(&query, !closed ? "\n" : table ? "(\n" : "SELECT (\n");
	buf_add(&query, s->text + d->query_at, end - d->query_at);
	while (macro && next_overload(s, table)) {
		size_t start = s->start;
		end = skip_body(s, true, table);
		buf_adds(&query, table ? "\n) UNION ALL (\n" : "\n), (\n");
		buf_add(&query, s->text + start, end - start);
	}
	buf_adds(&query, closed ? "\n)" : "");
	if (!query.overflow)
		d->query = arena_strdup(arena, buf_cstr(&query));
	buf_free(&query);
}

static bool read_thing(struct scan *s, struct definition *d)
{
	if (accept(s, "view"))
		d->thing = THING_VIEW;
	else if (accept(s, "schema"))
		d->thing = THING_SCHEMA;
	else if (accept(s, "macro") || accept(s, "function"))
		d->thing = d->verb == DEFINITION_DROP && accept(s, "table") ? THING_TABLE_MACRO : THING_MACRO;
	else
		return false;
	return true;
}

static void read_statement(struct arena *arena, struct scan *s, struct definition *d)
{
	if (accept(s, "comment")) {
		d->verb = DEFINITION_COMMENT;
		return;
	}
	bool create = accept(s, "create");
	if (!create && !accept(s, "drop"))
		return;
	d->verb = create ? DEFINITION_CREATE : DEFINITION_DROP;
	if (accept(s, "or"))
		accept(s, "replace");
	if (!accept(s, "temp"))
		accept(s, "temporary");
	d->recursive = accept(s, "recursive");
	if (!read_thing(s, d)) {
		d->verb = DEFINITION_OTHER;
		return;
	}
	if (accept(s, "if")) {
		d->if_absent = accept(s, "not");
		accept(s, "exists");
	}
	read_name(arena, s, d);
	if (!d->name)
		d->verb = DEFINITION_OTHER;
	else if (create && d->thing != THING_SCHEMA)
		read_query(arena, s, d);
}

bool definition_next(struct arena *arena, const char *text, size_t n, size_t *at, struct definition *ret)
{
	struct scan s = {.text = text, .n = n, .end = *at};
	while (!next(&s)) {
		if (s.start >= n) {
			*at = n;
			return false;
		}
	}
	*ret = (struct definition){.start = s.start};
	struct scan rest = s;
	do
		ret->end = rest.end;
	while (next(&rest));
	*at = rest.start < n ? rest.end : n;
	s.n = ret->end;
	read_statement(arena, &s, ret);
	return true;
}

const char *definition_why_skip(const struct definition *d, bool (*is_table)(const void *ctx, const char *qname),
                                const void *ctx)
{
	char qname[NAME_SIZE];
	if (d->verb == DEFINITION_OTHER)
		return "only schemas, views, macros and comments belong into the catalog";
	if (d->verb == DEFINITION_COMMENT || d->thing == THING_SCHEMA)
		return NULL;
	snprintf(qname, sizeof qname, "%s.%s", d->schema, d->name);
	bool taken = is_table(ctx, qname);
	if (!taken && str_has_suffix(qname, "_dt")) {
		qname[strlen(qname) - strlen("_dt")] = '\0';
		taken = is_table(ctx, qname);
	}
	return taken ? "that name is one of strata's tables" : NULL;
}
