/* What is known of one table's SQL without running it: who it reads, which dates, whether it can be
 * fresh. Made by a worker from DuckDB's own parse (executor/analyze.h) and cached, so that a warm start
 * parses nothing. */
#ifndef STRATA_CORE_ANALYSIS_H
#define STRATA_CORE_ANALYSIS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/span.h"

enum ref_kind {
	REF_TABLE, /* layer.table or tmp_<ods_table> or a bare name */
	REF_MACRO, /* layer.table_dt('...'): name is without "_dt" */
	REF_CALL,  /* a call of what has the name of an analysts' macro */
};

/* One table reference in the text; CTE names, sub-query aliases and calls of other functions are none. */
struct ref {
	enum ref_kind kind;
	const char *schema; /* "" when unqualified; case folded to lower */
	const char *name;   /* case folded to lower */
	int line, col;      /* in the file, from 1; 0: unknown */
	struct span *spans; /* at least one */
	size_t nspans;
	const char *via;    /* NULL, or the analysts' view that it is read through; set by project_resolve */
};

struct column {
	const char *name;
	const char *type; /* as DuckDB prints it: "DECIMAL(18,3)" */
};

struct analysis_error {
	const char *text;
	int line, col; /* in the file, from 1; 0: unknown */
};

struct analysis {
	bool partitioned;      /* the template uses PARTITION_DATE (or, an exec file, STRATA_PARTITION_DATE) */
	bool comment_only;     /* ... but only in a comment (a warning) */
	bool uses_run_id;
	bool parsed;           /* false: reads everything upstream; `parse_error` may say why */
	const char *canonical; /* hex SHA-256 of the canonical SQL with stand-in dates; of the raw bytes if !parsed */
	const char *volatile_by; /* NULL, or what keeps it from ever being fresh: "now()", "read_csv()" */
	const char *error;     /* NULL, or why the text is no query at all: an error of the project */
	int error_line, error_col; /* in the file */
	const struct analysis_error *more; /* further errors of the text, where several were found at once */
	size_t nmore;
	struct ref *refs;
	size_t nrefs;
};

/* The cache's form: one record of lines ending in an empty line. decode returns the bytes used, 0 when
 * it is not a whole record. Both are inverse to each other. */
void analysis_encode(const struct analysis *a, struct buf *out);
size_t analysis_decode(struct arena *arena, const char *text, size_t n, struct analysis *ret);

#endif
