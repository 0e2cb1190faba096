/* Errors as values: a code for the program, a sentence for the person.
 *
 * Calling sequence:
 *     struct err err = {0};
 *     if (thing_do(arg, &err) < 0)
 *         return err_wrap(&err, "read '%s'", path);
 *
 * Functions return 0 or a negative ERR_* and fill `err` on failure only. `err` may be NULL. */
#ifndef STRATA_BASE_ERR_H
#define STRATA_BASE_ERR_H

/* The code decides the process's exit status (cli/exit.h); the text never does. */
enum err_code {
	ERR_USAGE = -1,    /* the caller's words are wrong: exit 2 */
	ERR_PROJECT = -2,  /* the project's files are wrong: exit 2 */
	ERR_STATE = -3,    /* Postgres is out of reach or refuses: exit 3 */
	ERR_LAKE = -4,     /* the lake is out of reach or refuses: exit 3 */
	ERR_ENGINE = -5,   /* the engine rejected or failed the work: exit 1 */
	ERR_IO = -6,       /* another read or write failed: exit 3 */
	ERR_LOCKED = -7,   /* somebody else holds it: exit 5 */
	ERR_PROTOCOL = -8, /* a peer process broke the protocol: exit 3 */
	ERR_CANCELED = -9, /* asked to stop: exit 130 */
	ERR_NOTHING = -10, /* the selection is empty: exit 4 */
};

struct err {
	int code;         /* 0, or an ERR_* */
	char text[2048];  /* no trailing newline; cut at the end when too long */
};

/* Set code and text; returns `code`, so that `return err_set(...)` reads well. */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set, with ": <strerror(errno)>" appended. */
int err_errno(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put "<fmt>: " before the text that is there; returns the code that is there. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
