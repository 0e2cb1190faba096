/* RAW files: which there are, and the view tmp_<table> over them. */
#ifndef STRATA_EXECUTOR_SOURCE_H
#define STRATA_EXECUTOR_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "executor/attempt.h"

struct raw_file {
	const char *path;   /* relative to the lake, or absolute */
	int64_t size, mtime_ns, ctime_ns;
	uint64_t inode;
};

struct raw_files {
	bool exists;        /* the source's path itself is there (a partition below it may be absent) */
	struct raw_file *items; /* by path */
	size_t len, cap;
	const char *folder; /* that was listed; NULL: a glob or one file */
	const char *others; /* names of the first files in it that are of another format: "a.tsv, b.txt"; NULL: none */
	size_t nothers;     /* all of them; hidden ones and _* do not count */
};

/* The files of one date of a source ("" of an unpartitioned one, whose path may be a folder, a glob or a
 * file). ERR_IO. */
int source_list(struct arena *arena, const char *path, const char *date, const char *format, struct raw_files *ret,
                struct err *err);

/* Whether the file `name` is in the folder that has those files: of the date, of the path, or beside the file that
 * the path names; of a glob, in the folder before its first special character. */
bool source_marked(struct arena *arena, const char *path, const char *date, const char *name);

/* The dates for which there is a dt= folder, ascending. ERR_IO. */
int source_dates(struct arena *arena, const char *path, const char *const **ret_dates, size_t *ret_n, struct err *err);

/* The same by the same look at the folder, and what begins with dt= beside those and is no date: "dt=20240115, dt=2024-1-16";
 * NULL: nothing. */
int source_days(struct arena *arena, const char *path, const char *const **ret_dates, size_t *ret_n, const char **ret_strays,
                struct err *err);
/* The path as those of its files begin: relative to the lake, without slashes at its ends. */
const char *source_folder(struct arena *arena, const char *path);

/* "size:mtime_ns:ctime_ns:inode" */
const char *source_identity(struct arena *arena, const struct raw_file *f);

/* Make the view in the session and note its files as inputs. No files: a typed empty view by the
 * options' columns, the table's declared ones or the header of the newest files that can be read; else
 * t->no_input. Files of another format only: the result's note says so. */
int source_view(struct attempt *t, const struct try_source *s);

#endif
