/* The whole screen, without a terminal, in the hands of a monkey: keys of the table and others, clicks, words after ':' and '/',
 * at every size from 0x0 to 30x12 and at large ones, on a real Postgres whose runs come, change and go, and with a project that is edited meanwhile. The
 * sanitizers (MODE=asan) see what is written where it must not be; every mode sees a crash, an end and a standstill.
 *
 * STRATA_SEED is the first seed, STRATA_STEPS how many pictures are drawn. Loads are in a thread, so a seed is much the
 * same story, not to the letter. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "scheduler/workspace.h"
#include "tests/unit/scheduler/pg_fixture.h"
#include "ui-tui/ui.h"

enum { STEPS = 4000, SMALL_WIDTH = 31, SMALL_HEIGHT = 13, SIZES = SMALL_WIDTH * SMALL_HEIGHT, TITLES_MAX = 16 };

/* --- chance --- */

static uint64_t chance_state;

static uint32_t chance(uint32_t n)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (uint32_t)((chance_state >> 16) % n);
}

/* --- what it looks at --- */

static PGconn *hand; /* the monkey's own, which changes what is looked at */
static int lake;

static const char setup_sql[] =
	"INSERT INTO strata.run (lake_id, run_id, kind, state, epoch, selection, first_date, last_date, tasks, created_at, started_at)"
	" SELECT $1::int, r, 'backfill', 'running', 1, s, f::date, l::date, n, now(), now() FROM (VALUES"
	"  ('empty', '', NULL, NULL, 0), ('undated', '', NULL, NULL, 9), ('wide', '注文の集計 und Größen', '2024-01-01', '2024-03-31', 400),"
	"  ('project', '+dws', '2024-01-01', '2024-01-05', 15), ('backwards', 'x', '2024-02-01', '2024-01-01', 3),"
	"  ('a-name-that-is-longer-than-any-screen-of-a-telephone-is-wide-and-then-some', 'e\u0301\u0301\u0301', '2024-01-01', '9999-12-31', 1)) v(r, s, f, l, n)"
	" ON CONFLICT DO NOTHING";
static const char tasks_sql[] =
	"INSERT INTO strata.task (lake_id, run_id, table_name, partition, state, result, wait, reason, cause, error, rows, bytes, started_at, ended_at)"
	" SELECT $1::int, r.run_id, t.name, d.d, s.s, s.r, s.w, 'new', '', CASE WHEN s.r = 'failed' THEN repeat('数据 ', 40) ELSE '' END,"
	"  CASE WHEN s.r = 'success' THEN 9223372036854775807 END, 1, now() - interval '1 day', CASE WHEN s.s = 'done' THEN now() END"
	" FROM strata.run r, (SELECT 'dwd.数据' || repeat('長い', i % 40) || i AS name, i FROM generate_series(1, 200) i"
	"  UNION ALL VALUES ('dws.dws_week', 1), ('dwd.dwd_orders', 2), ('nolayer', 3), ('', 4)) t,"
	"  (VALUES (''), ('2024-01-02'), ('2024-03-01'), ('0001-01-01'), ('not a date')) d(d),"
	"  LATERAL (SELECT (ARRAY['done done waiting running ready'])[1], t.i) z,"
	"  (VALUES (0, 'done', 'success', ''), (1, 'done', 'failed', ''), (2, 'running', '', ''), (3, 'waiting', '', 'retry'), (4, 'ready', '', '')) s(k, s, r, w)"
	" WHERE r.lake_id = $1::int AND s.k = (t.i + length(d.d)) % 5 AND r.run_id <> 'empty' AND random() < 0.3 ON CONFLICT DO NOTHING";
static const char tries_sql[] =
	"INSERT INTO strata.try (lake_id, fence, try_id, run_id, table_name, partition, try_no, state, outcome, worker, log_path, error, error_line, error_col, started_at)"
	" SELECT $1::int, (SELECT coalesce(max(fence), 0) FROM strata.try) + row_number() OVER (), gen_random_uuid(), run_id, table_name, partition, 1,"
	"  CASE state WHEN 'running' THEN 'running' ELSE 'ended' END, CASE state WHEN 'running' THEN '' ELSE 'error' END, 'w1',"
	"  CASE WHEN random() < 0.5 THEN '/etc/passwd' ELSE '/none' END, error, 1, 99, now()"
	" FROM strata.task WHERE lake_id = $1::int AND state IN ('running', 'done') AND random() < 0.2";
static const char *const changes[] = {
	setup_sql, tasks_sql, tries_sql,
	"DELETE FROM strata.task WHERE lake_id = $1::int AND random() < 0.5",
	"DELETE FROM strata.try WHERE lake_id = $1::int AND random() < 0.5",
	"DELETE FROM strata.run WHERE lake_id = $1::int AND random() < 0.3",
	"UPDATE strata.run SET last_date = first_date + (random() * 30)::int WHERE lake_id = $1::int",
	"UPDATE strata.run SET state = 'done', result = 'failed', ended_at = now() WHERE lake_id = $1::int AND random() < 0.3",
	"UPDATE strata.scheduler SET pid = CASE WHEN random() < 0.5 THEN 1 END WHERE lake_id = $1::int",
};

static void change(const char *sql)
{
	char id[16];
	const char *const values[] = {id};
	snprintf(id, sizeof id, "%d", lake);
	PGresult *r = PQexecParams(hand, sql, 1, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(hand));
	PQclear(r);
	snprintf(id, sizeof id, "strata_changed_%d", lake);
	PQclear(PQexecParams(hand, "SELECT pg_notify($1, '')", 1, NULL, (const char *const[]){id}, NULL, NULL, 0));
}

static void write_file(const char *name, const char *text)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", fixture_home, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void write_project(void)
{
	static const char *const folders[] = {"dags", "dags/ods", "dags/dwd", "dags/dws"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char path[1024];
		snprintf(path, sizeof path, "%s/%s", fixture_home, folders[i]);
		mkdir(path, 0755);
	}
	write_file("dags/dw_config.yaml", "layer_dependencies: {dwd: [ods], dws: [dwd]}\n"
	                                  "pools: {reports: 2}\n"
	                                  "schedules: {nightly: {cron: '30 6 * * *', timezone: UTC, select: [+dws]}}\n");
	write_file("dags/ods/ods_orders.sql", "SELECT 1 AS id, '${PARTITION_DATE}' AS dt\n");
	write_file("dags/dwd/dwd_orders.sql", "SELECT id FROM ods.ods_orders WHERE dt = '${PARTITION_DATE}'\n");
	write_file("dags/dws/dws_week.sql", "SELECT count(*) AS n FROM dwd.dwd_orders\n");
	write_file("tables.yaml", "tables:\n  dws_week: {description: 注文の集計 und Größen, owner: 数据}\n");
}

/* The screen reads it again after a while, broken or not. */
static void edit_project(void)
{
	static const char *const texts[] = {"SELECT 1 AS a\n", "SELEC\n", "", "SELECT * FROM dwd.dwd_none\n", "SELECT n FROM dws.dws_week\n"};
	write_file("dags/dws/dws_edited.sql", texts[chance(sizeof texts / sizeof *texts)]);
}

/* --- the terminal, instead of ui-tui/term.c --- */

static struct {
	long steps, left;   /* pictures that are drawn in all, and still to be */
	int width, height, size; /* size: of SIZES, those that come next */
	int batch;          /* keys that are still to be pressed before it is drawn */
	bool armed;         /* the screen knows that there are keys */
	int pipe[2];
	const char *word;   /* being typed */
	char titles[TITLES_MAX][32]; /* of the panels that were seen */
	size_t ntitles;
} monkey;

static void arm(void)
{
	if (!monkey.armed && write(monkey.pipe[1], "x", 1) == 1)
		monkey.armed = true;
}

static void next_size(void)
{
	if (chance(4) == 0) {
		monkey.width = 40 + (int)chance(260);
		monkey.height = 10 + (int)chance(90);
		return;
	}
	monkey.size = (monkey.size + 1) % SIZES;
	monkey.width = monkey.size % SMALL_WIDTH;
	monkey.height = monkey.size / SMALL_WIDTH;
}

/* Which panel it is: what is behind the last "›", where the title has room for all of it. */
static void note_title(const struct canvas *c)
{
	struct buf row = BUF_INIT(1 << 14);
	char word[32];
	canvas_row(c, 0, &row);
	const char *text = buf_cstr(&row), *last = text;
	for (const char *at = text; (at = strstr(at, "› ")); at += strlen("› "))
		last = at + strlen("› ");
	last += strspn(last, " ");
	snprintf(word, sizeof word, "%.*s", (int)strcspn(last, " "), last);
	for (size_t i = 0; panel_class_nth(i); i++) {
		if (strcmp(panel_class_nth(i)->title, word) != 0)
			continue;
		size_t k = 0;
		while (k < monkey.ntitles && strcmp(monkey.titles[k], word) != 0)
			k++;
		if (k == monkey.ntitles)
			snprintf(monkey.titles[monkey.ntitles++], sizeof monkey.titles[0], "%s", word);
	}
	buf_free(&row);
}

void term_show(const struct canvas *c, const int cursor[2])
{
	struct buf row = BUF_INIT(1 << 14);
	bool loading = false;
	(void)cursor;
	assert_int_equal(c->width, monkey.width);
	assert_int_equal(c->height, monkey.height);
	if (c->width >= 100)
		note_title(c);
	if (c->height > 1) {
		canvas_row(c, 1, &row);
		loading = strcmp(buf_cstr(&row), "loading …") == 0;
	}
	buf_free(&row);
	monkey.left--;
	next_size();
	if (chance(40) == 0)
		change(changes[chance(sizeof changes / sizeof *changes)]);
	if (chance(200) == 0)
		edit_project();
	/* What is loaded comes by itself, and mostly it is waited for. */
	if (!loading || chance(8) == 0)
		arm();
}

static int key_of_the_table(void)
{
	size_t n = 0;
	while (binding_nth(n))
		n++;
	const struct binding *b = binding_nth(chance((uint32_t)n));
	int key = b->keys[chance(3)];
	return (b->command == CMD_QUIT && chance(30)) || !key ? TERM_DOWN : key;
}

static int some_key(struct term_mouse *ret_mouse)
{
	static const int others[] = {TERM_TAB, TERM_ENTER, TERM_ESCAPE, TERM_DELETE, TERM_BACKSPACE, TERM_BACK_TAB, TERM_RESIZE, TERM_CTRL('w'),
	                             TERM_CTRL('u'), TERM_CTRL('k'), 'y', 'n', 'c', 0xe9, 0x6570, 0x301, 0x1f600};
	static const char *const words[] = {"dws", "2024-01-01", "数据", "theme ", ":re", ":map\r", ":graph\r", ":time\r", ":log\r", ":task\r", ":table\r", ":text\r", ":quit", ":runs\r", "/zzz\r", "2\rm", "2\rd", "2\rt", "2jja\r"};
	if (monkey.word && *monkey.word)
		return (unsigned char)*monkey.word++;
	switch (chance(20)) {
	case 0: case 1: case 2:
		*ret_mouse = (struct term_mouse){.x = (int)chance((uint32_t)monkey.width + 2), .y = (int)chance((uint32_t)monkey.height + 2), .press = chance(2),
		                                 .wheel = (int)chance(3) - 1};
		return TERM_MOUSE;
	case 3: return others[chance(sizeof others / sizeof *others)];
	case 4: return ' ' + (int)chance(95);
	case 5: monkey.word = words[chance(sizeof words / sizeof *words)]; return TERM_DOWN;
	default: return key_of_the_table();
	}
}

int term_key(struct term_mouse *ret_mouse)
{
	char byte;
	if (!monkey.batch) {
		if (!monkey.armed || read(monkey.pipe[0], &byte, 1) != 1)
			return TERM_NONE;
		monkey.armed = false;
		monkey.batch = 1 + (int)chance(4);
	} else if (--monkey.batch == 0) {
		return TERM_NONE;
	}
	if (monkey.left <= 0) {
		monkey.batch = 2;
		return TERM_CTRL('c'); /* out of dialogs first, then out of the screen */
	}
	return some_key(ret_mouse);
}

int term_open(const struct term_options *options, struct err *err)
{
	(void)options;
	(void)err;
	monkey.batch = 0;
	return 0;
}
int term_width(void) { return monkey.width; }
int term_height(void) { return monkey.height; }
bool term_is_mono(void) { return false; }
void term_close(void) {}
void term_theme(enum theme theme) { (void)theme; }
void term_redraw(void) {}
void term_resized(void) {}
void term_leave(void) {}
void term_return(void) {}
void term_copy(const char *text) { (void)text; }

/* --- the test --- */

static long number_of(const char *name, long otherwise)
{
	const char *text = getenv(name);
	return text ? strtol(text, NULL, 10) : otherwise;
}

static void the_screen_lives_through_a_monkey(void **state)
{
	static const char *const global[] = {NULL};
	static const char *const first[] = {"overview", "runs", "tables"};
	struct db db = fixture_open();
	struct workspace ws;
	struct err err = {0};
	uint64_t seed = (uint64_t)number_of("STRATA_SEED", 1);
	(void)state;
	write_project();
	workspace_init(&ws, &(struct workspace_options){.dir = fixture_home, .db = db.conninfo, .jobs = 1});
	if (workspace_project(&ws, false, &err) < 0 || workspace_db(&ws, &err) < 0)
		fail_msg("%s", err.text);
	hand = db.conn;
	lake = ws.db.lake_id;
	for (size_t i = 0; i < 3; i++)
		change(changes[i]);
	chance_state = seed * 0x9e3779b97f4a7c15u;
	monkey.steps = monkey.left = number_of("STRATA_STEPS", STEPS);
	monkey.width = 80;
	monkey.height = 24;
	assert_int_equal(pipe2(monkey.pipe, O_NONBLOCK | O_CLOEXEC), 0);
	int keys = dup(STDIN_FILENO);
	dup2(monkey.pipe[0], STDIN_FILENO);
	while (monkey.left > 0) { /* its first panel may be left by a key */
		if (ui_run(&(struct ui_options){.ws = &ws, .global = global, .first = panel_class_find(first[chance(3)])}, &err) < 0)
			fail_msg("%s", err.text);
	}
	dup2(keys, STDIN_FILENO);
	close(keys);
	for (size_t i = 0; panel_class_nth(i); i++) {
		bool seen = false;
		for (size_t k = 0; k < monkey.ntitles; k++)
			seen |= strcmp(monkey.titles[k], panel_class_nth(i)->title) == 0;
		if (!seen && monkey.steps >= STEPS)
			fail_msg("the monkey has never seen the panel %s", panel_class_nth(i)->title);
	}
	workspace_close(&ws);
	db_close(&db);
}

/* Actions of the screen start their own program, which is this one: it says something, as a command does. */
static int be_command(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%s%c", argv[i], i + 1 < argc && argc % 2 ? ' ' : '\n');
	return argc % 3 == 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_screen_lives_through_a_monkey)};
	char worker[4096];
	if (argc > 1)
		return be_command(argc, argv);
	ssize_t n = readlink("/proc/self/exe", worker, sizeof worker - 64);
	if (n > 0 && !getenv("STRATA_WORKER")) { /* build/MODE/ has it, and this below tests/unit/ui */
		worker[n] = '\0';
		char *name = strrchr(worker, '/');
		snprintf(name, sizeof worker - (size_t)(name - worker), "/../../../strata-worker");
		setenv("STRATA_WORKER", worker, 1);
	}
	setenv("PAGER", "true", 1);
	return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
