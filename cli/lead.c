/* See lead.h. */
#include "cli/lead.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { TEXT_MAX = 1 << 16 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
	(void)signum;
	interrupted = 1;
}

static bool was_interrupted(void *ctx)
{
	(void)ctx;
	return interrupted;
}

static bool is_own_option(const struct command *c, const struct option *o)
{
	for (const struct option *own = c->options; own && own->name; own++) {
		if (own == o)
			return true;
	}
	return false;
}

/* "strata run +ads --force", for those who wait for us and for the record. Options of every command stay
 * out: --db may hold a password. */
static void command_line(const struct invocation *inv, struct buf *out)
{
	buf_addf(out, "strata %s", inv->command->name);
	for (size_t i = 0; i < inv->noperands; i++)
		buf_addf(out, " %s", inv->operands[i]);
	for (size_t i = 0; i < inv->options->ngiven; i++) {
		const struct option_given *g = &inv->options->given[i];
		if (is_own_option(inv->command, g->option))
			buf_addf(out, " --%s%s%s", g->option->name, *g->value ? " " : "", g->value);
	}
}

static void say_holder(const struct leader_holder *h)
{
	char took[32];
	fprintf(stderr, "strata: waiting for '%s'%s%s (process %ld on %s", h->command, h->run_id[0] ? ", run " : "", h->run_id, h->pid,
	        h->host[0] ? h->host : "another host");
	if (h->since_us)
		fprintf(stderr, ", since %s ago", clock_human(took, sizeof took, clock_wall_us() - h->since_us));
	fprintf(stderr, "); Ctrl-C gives up\n");
}

/* Its workers could not be seen from here, should it die: a lake in a folder has one host. */
static bool is_elsewhere(const struct leader_holder *h)
{
	char here[sizeof h->host] = "";
	gethostname(here, sizeof here - 1);
	return h->host[0] && strcmp(h->host, here) != 0;
}

static int wait_for(PGconn *conn, const struct leader_claim *claim, const struct leader_holder *holder, struct leader *ret, struct err *err)
{
	struct sigaction before_int, before_term, sa = {.sa_handler = on_interrupt};
	say_holder(holder);
	sigaction(SIGINT, &sa, &before_int);
	sigaction(SIGTERM, &sa, &before_term);
	int rc = leader_wait(conn, claim, was_interrupted, NULL, ret, err);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	return rc;
}

int lead_take(const struct invocation *inv, struct workspace *ws, const char *run_id, bool no_wait, struct leader *ret_leader,
              PGconn **ret_conn, struct err *err)
{
	struct buf command = BUF_INIT(TEXT_MAX);
	struct leader_holder holder = {0};
	PGconn *conn = NULL;
	command_line(inv, &command);
	struct leader_claim claim = {.lake_id = ws->db.lake_id, .command = buf_cstr(&command), .run_id = run_id};
	int rc = db_connect(ws->db.conninfo, &conn, err);
	if (rc == 0)
		rc = leader_try(conn, &claim, ret_leader, &holder, err);
	if (rc == ERR_LOCKED && is_elsewhere(&holder))
		err_set(err, ERR_LOCKED, "the lake is held by '%s' (process %ld on host %s); all who work on a lake in a folder are on one "
		                         "host: run there, or here when nothing runs there any more", holder.command, holder.pid, holder.host);
	else if (rc == ERR_LOCKED && no_wait)
		err_set(err, ERR_LOCKED, "the lake is held by '%s' (process %ld on %s); try again when it is done, or wait for it without "
		                         "--no-wait", holder.command, holder.pid, holder.host);
	else if (rc == ERR_LOCKED)
		rc = wait_for(conn, &claim, &holder, ret_leader, err);
	if (rc == 0)
		rc = workspace_hold(ws, conn, ret_leader, err);
	if (rc == 0)
		rc = workspace_lead(ws, err);
	if (rc < 0)
		PQfinish(conn);
	else
		*ret_conn = conn;
	buf_free(&command);
	return rc;
}
