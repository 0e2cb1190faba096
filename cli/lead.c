/* See lead.h. */
#include "cli/lead.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <poll.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/state.h"
#include "scheduler/control.h"
#include "scheduler/systemd.h"

enum {
	TEXT_MAX = 1 << 16,
	GIVE_WAY_MS = 5000, /* a scheduler connects again after 2 s at most */
	SLICE_MS = 100,
	AGAIN_MS = 1000,    /* between a standby's looks for a database that is away, or for whom to replace */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
	(void)signum;
	interrupted = 1;
}

/* Who waits for the lake. */
struct waiting {
	struct workspace *ws;
	bool stays;       /* a standby, whose service manager wants to hear that it lives */
	bool daemon;      /* a scheduler has come up that takes orders */
	struct lead *lead;
	int64_t said_us, asked_us;
};

static bool is_daemon_up(struct workspace *ws)
{
	struct leader_holder holder;
	struct err ignored;
	bool up;
	return control_find(&(struct control){.conn = ws->db.conn, .lake_id = ws->db.lake_id}, &up, &holder, &ignored) == 0 && up;
}

int lead_ask_to_end(struct workspace *ws, struct lead *lead, struct err *err)
{
	struct control c = {.conn = ws->db.conn, .lake_id = ws->db.lake_id, .requested_by = state_user()};
	struct leader_holder holder;
	bool up;
	int64_t id;
	int rc = control_find(&c, &up, &holder, err);
	if (rc < 0 || !up || holder.since_us == lead->asked_us)
		return rc;
	rc = control_send(&c, "drain", json_object(), &id, err);
	if (rc == 0)
		lead->asked_us = holder.since_us;
	return rc;
}

/* Asked four times a second. */
static bool is_enough(void *ctx)
{
	struct waiting *w = ctx;
	int64_t now = clock_mono_us(), every = systemd_watchdog_us() / 2;
	if (w->stays && every && now - w->said_us >= every - 250 * 1000) {
		systemd_notify("WATCHDOG=1");
		w->said_us = now;
	}
	if (w->lead->replace && now - w->asked_us >= (int64_t)AGAIN_MS * 1000) {
		struct err ignored; /* the database is away: leader_wait finds that */
		w->asked_us = now;
		lead_ask_to_end(w->ws, w->lead, &ignored); /* a standby of long ago was faster than we */
	}
	if (!w->stays && control_heard(w->ws->db.conn))
		w->daemon = is_daemon_up(w->ws);
	return interrupted || w->daemon;
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
		fprintf(stderr, ", for %s", clock_human(took, sizeof took, clock_wall_us() - h->since_us));
	fprintf(stderr, "); Ctrl-C gives up\n");
}

/* Its workers could not be seen from here, should it die: a lake in a folder has one host. */
static bool is_elsewhere(const struct leader_holder *h)
{
	char here[sizeof h->host] = "";
	gethostname(here, sizeof here - 1);
	return h->host[0] && strcmp(h->host, here) != 0;
}

static struct sigaction catch_signals(struct sigaction *ret_term)
{
	struct sigaction before_int, sa = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &sa, &before_int);
	sigaction(SIGTERM, &sa, ret_term);
	return before_int;
}

static int wait_for(PGconn *conn, const struct leader_claim *claim, const struct leader_holder *holder, struct waiting *w, struct leader *ret,
                    struct err *err)
{
	struct sigaction before_term, before_int = catch_signals(&before_term);
	int rc = w->stays ? 0 : control_listen(w->ws->db.conn, claim->lake_id, err);
	w->daemon = rc == 0 && !w->stays && is_daemon_up(w->ws); /* before that was heard */
	if (!w->daemon)
		say_holder(holder);
	if (rc == 0 && !w->daemon)
		rc = leader_wait(conn, claim, is_enough, w, ret, err);
	if (rc == ERR_CANCELED && w->daemon && !interrupted)
		rc = 0;
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	return rc;
}

/* Its database was away, say: a scheduler that lives, and had the lake last, is there before us. With none that lives
 * nothing is waited for, nor with one that has the lock already. */
static void give_way(struct workspace *ws, PGconn *conn)
{
	int64_t end_us = clock_mono_us() + (int64_t)GIVE_WAY_MS * 1000;
	struct sigaction before_term, before_int = catch_signals(&before_term);
	struct control c = {.conn = conn, .lake_id = ws->db.lake_id};
	struct leader_holder last, holder;
	struct err ignored;
	bool up, told = false;
	if (leader_who(conn, ws->db.lake_id, &last, &ignored) < 0)
		last.stays = false;
	while (last.stays && !interrupted && clock_mono_us() < end_us && workspace_is_held(ws) && control_find(&c, &up, &holder, &ignored) == 0 &&
	       !holder.pid) {
		if (!told)
			fprintf(stderr, "strata: '%s' (process %ld on %s) has lost the state database; it has some seconds to be back first\n",
			        last.command, last.pid, last.host);
		told = true;
		poll(NULL, 0, SLICE_MS);
	}
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
}

static int take(struct workspace *ws, const struct leader_claim *claim, struct lead *lead, PGconn *conn, struct err *err)
{
	struct leader_holder holder = {0};
	struct waiting w = {.ws = ws, .stays = !lead->run_id, .lead = lead, .asked_us = clock_mono_us()};
	give_way(ws, conn);
	if (interrupted)
		return err_set(err, ERR_CANCELED, "stopped waiting for the lake");
	int rc = leader_try(conn, claim, &lead->leader, &holder, err);
	lead->elsewhere = rc == ERR_LOCKED && is_elsewhere(&holder);
	if (lead->elsewhere)
		err_set(err, ERR_LOCKED, "the lake is held by '%s' (process %ld on host %s); all who work on a lake in a folder are on one "
		                         "host: run there, or here when nothing runs there any more", holder.command, holder.pid, holder.host);
	else if (rc == ERR_LOCKED && lead->no_wait)
		err_set(err, ERR_LOCKED, "the lake is held by '%s' (process %ld on %s); try again when it is done, or wait for it without "
		                         "--no-wait", holder.command, holder.pid, holder.host);
	else if (rc == ERR_LOCKED)
		rc = wait_for(conn, claim, &holder, &w, &lead->leader, err);
	lead->daemon = w.daemon;
	return rc;
}

int lead_take(const struct invocation *inv, struct workspace *ws, struct lead *lead, struct err *err)
{
	struct buf command = BUF_INIT(TEXT_MAX);
	PGconn *conn = NULL;
	lead->elsewhere = lead->daemon = false;
	command_line(inv, &command);
	struct leader_claim claim = {.lake_id = ws->db.lake_id, .command = buf_cstr(&command), .run_id = lead->run_id};
	int rc = db_connect(ws->db.conninfo, &conn, err);
	if (rc == 0)
		rc = take(ws, &claim, lead, conn, err);
	if (rc == 0 && !lead->daemon)
		rc = workspace_hold(ws, conn, &lead->leader, err);
	if (rc == 0 && !lead->daemon)
		rc = workspace_lead(ws, err);
	bool taken = rc == 0 && !lead->daemon;
	if (!taken)
		PQfinish(conn);
	lead->conn = taken ? conn : NULL;
	buf_free(&command);
	return rc;
}

/* A moment, or until a signal. */
static int wait_again(struct err *err)
{
	struct sigaction before_term, before_int = catch_signals(&before_term);
	if (!interrupted)
		poll(NULL, 0, AGAIN_MS);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	systemd_notify("WATCHDOG=1");
	return interrupted ? err_set(err, ERR_CANCELED, "stopped waiting for the lake") : 0;
}

int lead_stand_by(const struct invocation *inv, struct workspace *ws, struct lead *lead, struct err *err)
{
	signal(SIGHUP, SIG_IGN); /* it reads the project when it takes over */
	systemd_notify("READY=1\nSTATUS=standby: another scheduler has the lake");
	log_event(LOG_INFO, "scheduler.standby", NULL);
	for (bool told = false;; told = true) {
		struct err why = {0};
		int rc = db_revive(&ws->db, true, &why);
		if (rc == 0)
			rc = lead_take(inv, ws, lead, &why);
		bool again = rc == ERR_STATE || (rc == ERR_LOCKED && !lead->elsewhere); /* the lake went to another one again */
		if (!again) {
			if (rc < 0)
				*err = why;
			return rc;
		}
		if (!told)
			log_event(LOG_WARN, "standby.waits", "error", why.text, NULL);
		if (wait_again(err) < 0)
			return err->code;
	}
}
