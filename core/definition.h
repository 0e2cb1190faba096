/* The statements of the analysts' catalog (the files of catalog/migrations): which one defines or drops what.
 *
 *     size_t at = 0;
 *     struct definition d;
 *     while (definition_next(&arena, text, n, &at, &d))
 *         if (!definition_why_skip(&d, is_table, ctx))
 *             ...
 *
 * Lexical only (core/sqltext.h): what is not recognised is DEFINITION_OTHER, and whether a query is one is
 * DuckDB's to say. */
#ifndef STRATA_CORE_DEFINITION_H
#define STRATA_CORE_DEFINITION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

enum definition_verb { DEFINITION_OTHER, DEFINITION_CREATE, DEFINITION_DROP, DEFINITION_COMMENT };
enum definition_thing { THING_SCHEMA, THING_VIEW, THING_MACRO, THING_TABLE_MACRO };

struct definition {
	enum definition_verb verb;
	enum definition_thing thing; /* of CREATE and DROP */
	bool recursive;              /* CREATE RECURSIVE VIEW */
	bool if_absent;              /* IF NOT EXISTS */
	const char *schema, *name;   /* in lower case; "main" where no schema is named; of a schema only `name` */
	size_t start, end;           /* the statement in the text, without the comments around it */
	size_t name_at;              /* where its name begins */
	/* CREATE of a view or macro. NULL: it has no AS. Else one query that reads all that the definition
	 * reads; its second line begins at query_at of the text. */
	const char *query;
	size_t query_at;
	bool overloaded;             /* a macro of several bodies, of which query_at is the first */
};

/* The next statement from *at on, which moves behind it; false at the end. Texts are the arena's. */
bool definition_next(struct arena *arena, const char *text, size_t n, size_t *at, struct definition *ret);

/* NULL: it belongs into the catalog; else why not. is_table(ctx, "dwd.dwd_x"): is that one of strata's tables?
 * Their _dt macros are theirs too. */
const char *definition_why_skip(const struct definition *d, bool (*is_table)(const void *ctx, const char *qname),
                                const void *ctx);

#endif
