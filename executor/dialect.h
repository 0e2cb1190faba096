/* Is a CSV file of the plain kind, RFC 4180 with one of the usual delimiters? DuckDB's sniffer tries every
 * combination of delimiter, quote and escape, 60 ms for any file; where the answer is plain to see, it is
 * told, and only the types are left to find (6 ms). */
#ifndef STRATA_EXECUTOR_DIALECT_H
#define STRATA_EXECUTOR_DIALECT_H

#include <stdbool.h>

/* `delim`: as the options say, or NULL: to be found, and the same in every file (pass the one found, '\0' before
 * the first). False in any doubt: quotes other than "", escapes, lines that do not agree, or an unreadable file. */
bool dialect_plain(const char *path, const char *delim, char *found);

#endif
