/* Diagnostics: every problem of a project, collected in one pass and printed together.
 *
 *     dags/dw_config.yaml:12:5: error: unknown layer 'dwx' (did you mean 'dwd'?)
 *
 * What first, the subject in quotes, then what to do. */
#ifndef STRATA_CORE_DIAG_H
#define STRATA_CORE_DIAG_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

struct loc {
	const char *file; /* relative to the project folder; NULL: no file */
	int line;         /* from 1; 0: the file as a whole */
	int col;          /* from 1, in bytes; 0: the line as a whole */
};

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag {
	enum diag_level level;
	struct loc loc;
	const char *text; /* one line, whatever it quotes */
};

struct diags {
	struct arena arena;
	struct diag *items; /* in order of discovery until diags_sort */
	size_t len, cap;
	size_t errors, warnings;
};

void diag_add(struct diags *d, enum diag_level level, struct loc loc, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void diags_sort(struct diags *d);                          /* by file, line, column; stable */
void diags_print(const struct diags *d, enum diag_level most, struct buf *out); /* levels up to `most`, a line each */
/* The first error with its place, and how many more there are; where there is none, `otherwise`. */
void diags_first_error(const struct diags *d, const char *otherwise, struct buf *out);
void diags_free(struct diags *d);

#endif
