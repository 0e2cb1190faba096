/* What a child process gets of our environment. */
#ifndef STRATA_SCHEDULER_ENVIRONMENT_H
#define STRATA_SCHEDULER_ENVIRONMENT_H

/* The environment without the way to the state database, which may hold a password, and with `more` ("NAME=value",
 * NULL-terminated; NULL: none). The caller frees the array, not its strings. */
char **environment_of_child(const char *const *more);

#endif
