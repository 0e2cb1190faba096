/* strata logs RUN TASK: what a try's engine and script wrote. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/state.h"
#include "cli/task_name.h"
#include "core/states.h"

enum { RECHECK_MS = 1000 }; /* the end of a try is in the database, not in the file */

/* Copy what is there from the current place on, as long as stdout takes it. */
static int copy(int fd, struct err *err)
{
	char chunk[65536];
	ssize_t n;
	while (!ferror(stdout) && (n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_IO, "read the log");
		output_write(chunk, (size_t)n);
	}
	output_flush();
	return 0;
}

static bool has_ended(const struct query *q, const char *run_id, const struct task_name *name, int32_t try_no)
{
	struct try_row *tries;
	size_t n;
	if (query_tries(q, run_id, name->table, name->partition_given ? name->partition : NULL, &tries, &n, NULL) < 0)
		return true;
	for (size_t i = 0; i < n; i++) {
		if (tries[i].try_no == try_no)
			return strcmp(tries[i].state, try_state_name(TRY_ENDED)) == 0;
	}
	return true;
}

static int follow(int fd, const char *path, const struct query *q, const char *run_id, const struct task_name *name,
                  int32_t try_no, struct err *err)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY) < 0)
		return err_errno(err, ERR_IO, "watch '%s'", path);
	int rc = 0;
	for (bool ended = false; rc == 0; ) {
		rc = copy(fd, err);
		if (ended || ferror(stdout))
			break;
		struct pollfd p = {.fd = watch, .events = POLLIN};
		char events[4096];
		poll(&p, 1, RECHECK_MS);
		while (read(watch, events, sizeof events) > 0)
			;
		ended = has_ended(q, run_id, name, try_no);
	}
	close(watch);
	return rc;
}

static const struct try_row *choose(const struct try_row *tries, size_t n, long wanted)
{
	for (size_t i = n; i-- > 0;) {
		if (!wanted || tries[i].try_no == wanted)
			return &tries[i];
	}
	return NULL;
}

static int show(const struct invocation *inv, struct state *s, long wanted, struct err *err)
{
	struct run_row r;
	struct task_name name;
	struct try_row *tries;
	size_t n = 0;
	int rc = query_run(&s->query, inv->operands[0], &r, err);
	if (rc == 0)
		rc = task_name_read(s->ws.project, inv->operands[1], inv->noperands > 2 ? inv->operands[2] : NULL, &name, err);
	if (rc == 0)
		rc = task_tries(&s->query, r.run_id, &name, &tries, &n, err);
	if (rc < 0)
		return rc;
	const struct try_row *t = choose(tries, n, wanted);
	if (!t)
		return err_set(err, ERR_USAGE, "there is no try %ld; it had %zu", wanted, n);
	int fd = open(t->log_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_IO, "open the log '%s'", t->log_path);
	bool live = options_flag(inv->options, "follow") && strcmp(t->state, try_state_name(TRY_ENDED)) != 0;
	rc = live ? follow(fd, t->log_path, &s->query, r.run_id, &name, t->try_no, err) : copy(fd, err);
	close(fd);
	return rc;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	long wanted;
	int rc = options_number(inv->options, "try", 0, 1, 1000000, &wanted, err);
	if (rc < 0)
		return rc;
	rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = show(inv, &s, wanted, err);
	state_close(&s);
	return rc;
}

static const struct option options[] = {
	{.name = "try", .value = "N", .help = "the N-th try; default: the last"},
	{.name = "follow", .letter = 'f', .help = "go on while the try runs"},
	{0},
};

const struct command command_logs = {
	.name = "logs",
	.elsewhere = "log tail",
	.group = "Look at what happened",
	.synopsis = "RUN TASK [--try N] [--follow]",
	.summary = "what a try's engine and script wrote",
	.details = "RUN is an id, the beginning of one, or 'latest'. TASK is TABLE@DATE, or TABLE for an unpartitioned one.",
	.examples = "strata logs latest dwd_flights@2013-01-03\n"
	            "strata logs latest ads_delay_league --try 1\n"
	            "strata logs latest dwd_flights@2013-01-03 --follow",
	.options = options,
	.least_operands = 2,
	.most_operands = 3,
	.completes = {COMPLETES_RUN, COMPLETES_TABLE},
	.run = run,
};
