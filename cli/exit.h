/* The process's exit statuses: what a script may test. `strata help exit` prints them. */
#ifndef STRATA_CLI_EXIT_H
#define STRATA_CLI_EXIT_H

enum exit_status {
	EXIT_GOOD = 0,
	EXIT_FAILED = 1,      /* a task or a check failed */
	EXIT_USAGE = 2,       /* the command line or the project is wrong */
	EXIT_UNREACHABLE = 3, /* state store, lake or engine out of reach */
	EXIT_NOTHING = 4,     /* nothing selected */
	EXIT_LOCKED = 5,      /* another run holds the lake, with --no-wait */
	EXIT_INTERRUPTED = 130,
};

/* The status of an ERR_* code of base/err.h; 0 is good. */
enum exit_status exit_status_of(int err_code);

#endif
