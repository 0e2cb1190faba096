/* Schedulers as processes: each on a stack of its own, which waits in its loop for the next event. What a process does is
 * cli/cmd_scheduler.c's and cli/lead.c's: read the project, wait for the lake's lock in the database, wait for whoever
 * has the flock in the lake and kill him after 10 s, and then stay (daemon_run). */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "core/diag.h"
#include "scheduler/locks.h"
#include "tests/sim/daemon.h"
#include "tests/sim/world_worker.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { STACK_SIZE = 1 << 20, NAP_US = 250 * 1000 };

struct host hosts[HOSTS];
static ucontext_t outside; /* the world's own stack */

static struct host *host_of(uint32_t id)
{
	CHECK(id > 0 && id < HOSTS);
	return &hosts[id];
}

struct host *host_self(void)
{
	return host_of(world.host);
}

struct host *host_leader(void)
{
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (hosts[i].exists && hosts[i].holds && hosts[i].ready)
			return &hosts[i];
	}
	return NULL;
}

uint32_t hosts_alive(void)
{
	uint32_t n = 0;
	for (uint32_t i = 1; i < HOSTS; i++)
		n += hosts[i].exists;
	return n;
}

void hosts_reset(void)
{
	for (uint32_t i = 0; i < HOSTS; i++) {
		char *stack = hosts[i].stack;
		hosts[i] = (struct host){.id = i, .stack = stack};
	}
}

/* ---- whose turn it is ---- */

static void gone(struct host *h)
{
	trace("process %u is gone: %d", h->life, h->result);
	h->exists = h->holds = h->ready = h->waits = h->napping = false;
	world_forget_scheduler(h->id);
	world_forget(h);
	wake_reset(h);
	db_crash(h->id);
	check_host_gone(h);
	if (db.lock_host == h->id) { /* before it was the journal's */
		db.lock_host = 0;
		db_lock_free();
	}
	if (h->ws.workers) {
		workers_crash(h->ws.workers);
		h->ws.workers->gone = true;
	}
}

static void resume(struct host *h)
{
	CHECK(h->exists && !h->over);
	world.host = h->id;
	world.alive = true;
	swapcontext(&outside, &h->context);
	world.alive = false;
	world.host = 0;
	if (h->over)
		gone(h);
}

static void yield(struct host *h)
{
	swapcontext(&h->context, &outside);
}

_Noreturn void world_end(void)
{
	struct host *h = host_self();
	story->crashes++;
	h->over = true;
	h->result = -9;
	for (;;)
		yield(h);
}

void host_kill(struct host *h, const char *why)
{
	CHECK(h->id != world.host);
	trace("--- process %u is killed: %s", h->life, why);
	story->crashes++;
	h->over = true;
	h->result = -9;
	gone(h);
}

void hosts_turn(int64_t until_us)
{
	struct world_event e;
	if (!world_take(OF_SCHEDULER, EVERY_HOST, until_us, &e)) {
		world.now_us = until_us;
		return;
	}
	if (e.owner == OF_WORLD) {
		world_run(&e);
		return;
	}
	struct host *h = host_of(e.host);
	h->event = e;
	resume(h);
}

bool world_turn(int64_t until_us)
{
	struct host *h = host_self();
	struct world_event e;
	if (until_us <= world.now_us) {
		if (!world_take(OF_SCHEDULER, h->id, until_us, &e))
			return false;
	} else {
		yield(h);
		e = h->event;
	}
	world_run(&e);
	return true;
}

/* Also that of a process which is about to start: nothing reaches it before. */
static void on_nap_over(void *ctx)
{
	struct host *h = ctx;
	h->napping = false;
	resume(h);
}

static void nap(int64_t us)
{
	struct host *h = host_self();
	int64_t until = world.now_us + us;
	if (until < h->frozen_until_us)
		until = h->frozen_until_us;
	h->napping = true;
	world_later(until - world.now_us, OF_WORLD, on_nap_over, h, "a system call returns");
	yield(h);
}

bool world_pass(int64_t until_us)
{
	if (world.now_us >= until_us)
		return false;
	nap(until_us - world.now_us < NAP_US ? until_us - world.now_us : NAP_US);
	return true;
}

int64_t world_late(uint32_t host, int64_t at_us)
{
	const struct host *h = host_of(host);
	if (h->napping)
		return INT64_MAX;
	return at_us < h->frozen_until_us ? h->frozen_until_us : at_us;
}

bool world_crosses(void)
{
	struct host *h = host_self();
	return h->crash_in && --h->crash_in == 0;
}

/* ---- one process ---- */

static void on_lock_free(void *ctx)
{
	(void)ctx;
}

void db_lock_free(void)
{
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (hosts[i].exists && hosts[i].waits)
			world_later_of(i, 1000 + (int64_t)below(300000), on_lock_free, &hosts[i], "the lake's lock is free");
	}
}

static bool take_lock(struct host *h)
{
	int64_t until = db.lock_until_us > db.away_until_us ? db.lock_until_us : db.away_until_us;
	if (db.lock_host)
		return false;
	if (world.now_us < until) {
		world_later(until - world.now_us, OF_SCHEDULER, on_lock_free, h, "the lake's lock may be free");
		return false;
	}
	db.lock_host = h->id;
	return true;
}

static struct host *holder(void)
{
	for (uint32_t i = 1; i < HOSTS; i++) {
		if (hosts[i].exists && hosts[i].holds)
			return &hosts[i];
	}
	return NULL;
}

static bool still_leads(const struct host *h)
{
	return db.lock_host == h->id && db.epoch == h->leader.epoch;
}

/* workspace_hold: who has lost the lock in the database and lives is waited for. */
static bool hold(struct host *h)
{
	struct host *other;
	int64_t until = world.now_us + 1000 * (int64_t)LOCKS_GRACE_MS;
	while ((other = holder())) {
		if (!still_leads(h))
			return false;
		if (world.now_us >= until)
			host_kill(other, "its successor has waited for it");
		else
			nap(NAP_US);
	}
	if (!still_leads(h))
		return false;
	h->holds = true;
	return true;
}

static int serve(struct host *h)
{
	struct err err = {0};
	bool waited = false;
	if (disk->broken)
		return 2;
	h->edition = disk;
	h->ws.project = world_read_project(disk->text);
	for (h->waits = true; !take_lock(h); waited = true)
		world_turn(INT64_MAX);
	h->waits = false;
	db_lead(&h->leader);
	trace("process %u leads: epoch %" PRId64, h->life, h->leader.epoch);
	story->takeovers += waited;
	if (!hold(h))
		return 5;
	h->ws.workers = workers_new(&(struct workers_config){.most = h->ws.jobs});
	int rc = daemon_run(&(struct daemon_config){.ws = &h->ws, .conn = NULL, .leader = &h->leader, .requested_by = "systemd", .stale = waited}, &err);
	trace("process %u ends: %d %s", h->life, rc, rc ? err.text : "");
	workers_close(h->ws.workers);
	while (!workers_gone(h->ws.workers))
		world_turn(INT64_MAX);
	workers_free(h->ws.workers);
	return rc;
}

static void main_of_host(void)
{
	struct host *h = host_self();
	h->result = serve(h);
	h->over = true;
	for (;;)
		yield(h);
}

/* On its own: getcontext returns as setjmp does, and what its caller has in registers is lost to the compiler. */
static void prepare(struct host *h)
{
	getcontext(&h->context);
	h->context.uc_stack.ss_sp = h->stack;
	h->context.uc_stack.ss_size = STACK_SIZE;
	h->context.uc_link = NULL;
	makecontext(&h->context, main_of_host, 0);
}

void host_start(void)
{
	uint32_t i = 1;
	while (i < HOSTS && hosts[i].exists)
		i++;
	if (i == HOSTS)
		return;
	struct host *h = &hosts[i];
	char *stack = h->stack;
	*h = (struct host){.id = i, .stack = stack, .exists = true, .napping = true, .life = ++world.life, .began_us = world.now_us};
	if (!h->stack)
		h->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(h->stack != MAP_FAILED);
	ASAN_UNPOISON_MEMORY_REGION(h->stack, STACK_SIZE); /* whoever had it died in the middle of something */
	h->ws = (struct workspace){.jobs = 1 + below(4), .hold_fd = -1, .db = {.lake_id = 1, .conninfo = "", .source = DB_FLAG}};
	h->ws.turns.loop = &h->ws.loop;
	snprintf(h->ws.lake.dir, sizeof h->ws.lake.dir, "/lake");
	prepare(h);
	trace("--- process %u starts, %u jobs", h->life, h->ws.jobs);
	world_later((int64_t)below(3000000), OF_WORLD, on_nap_over, h, "a process starts");
}

/* ---- what it is told ---- */

void world_logged(const char *event, const struct world_field *fields, size_t n)
{
	if (!world.host)
		return;
	struct host *h = host_self();
	if (str_eq(event, "scheduler.ready")) {
		h->ready = true;
		h->ready_us = world.now_us;
		story->recoveries++;
	} else if (str_eq(event, "scheduler.draining")) {
		h->draining = true;
		h->draining_us = world.now_us;
	}
	check_logged(h, event, fields, n);
}
