/* Engine exec: the table is made by a program of the project. It writes Parquet, CSV or JSON files into
 * STRATA_OUTPUT_DIR, which are stored as zstd Parquet and audited like a query's result. */
#include "executor/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "executor/inputs.h"
#include "executor/load.h"
#include "executor/spawn.h"

enum { OWN_VARIABLES = 5, TAIL_BYTES = 2048 };
extern char **environ;

/* Ours in front of the environment; a variable of ours that was there before is left out. */
static char **make_env(struct attempt *t, const char *output_dir)
{
	size_t n = 0, used = 0;
	while (environ[n])
		n++;
	char **env = arena_array(t->arena, n + OWN_VARIABLES + 1, sizeof *env);
	for (size_t i = 0; i < n; i++) {
		if (!str_has_prefix(environ[i], "STRATA_"))
			env[used++] = environ[i];
	}
	const struct {
		const char *name, *value;
	} own[OWN_VARIABLES] = {
		{"STRATA_OUTPUT_DIR", output_dir},
		{"STRATA_PARTITION_DATE", t->rq->partitioned ? t->rq->partition : t->rq->run_date},
		{"STRATA_RUN_ID", t->rq->run_id},
		{"STRATA_TABLE", t->rq->qname},
		{"STRATA_INPUTS", t->staging ? inputs_file(t) : NULL},
	};
	for (size_t i = 0; i < OWN_VARIABLES; i++) {
		if (own[i].value)
			env[used++] = arena_printf(t->arena, "%s=%s", own[i].name, own[i].value);
	}
	return env;
}

/* The last lines that the program wrote after `from`, for the error message. */
static const char *log_tail(struct attempt *t, off_t from)
{
	int fd = t->rq->log_path ? open(t->rq->log_path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return "";
	off_t end = lseek(fd, 0, SEEK_END);
	if (end - from > TAIL_BYTES)
		from = end - TAIL_BYTES;
	char text[TAIL_BYTES + 1];
	ssize_t n = end > from ? pread(fd, text, (size_t)(end - from), from) : 0;
	close(fd);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? arena_printf(t->arena, ": %s", text) : "";
}

static int run_program(struct attempt *t, const char *output_dir)
{
	struct spawn s = {.file = t->rq->file, .dir = t->rq->project_dir, .env = make_env(t, output_dir), .log_fd = t->log_fd};
	off_t from = t->log_fd >= 0 ? lseek(t->log_fd, 0, SEEK_END) : 0;
	struct err err = {0};
	int status = 0;
	if (spawn_run(t->w, &s, &status, &err) < 0)
		return attempt_fail_err(t, err.code == ERR_ENGINE ? "permanent" : "transient", &err);
	if (WIFSIGNALED(status))
		return attempt_fail(t, "permanent", "'%s' was ended by signal %d (%s)%s", s.file, WTERMSIG(status),
		                    strsignal(WTERMSIG(status)), log_tail(t, from));
	if (WEXITSTATUS(status) != 0)
		return attempt_fail(t, "permanent", "'%s' exited with %d%s", s.file, WEXITSTATUS(status), log_tail(t, from));
	return 0;
}

/* What the program left, all of one format. */
struct made {
	const char *format; /* "parquet", "csv", "json"; NULL: nothing */
	struct buf files;   /* "'a', 'b'" */
};

static const char *format_of(const char *name)
{
	static const struct {
		const char *suffix, *format;
	} known[] = {
		{".parquet", "parquet"}, {".csv", "csv"}, {".csv.gz", "csv"}, {".json", "json"}, {".jsonl", "json"},
		{".ndjson", "json"}, {".json.gz", "json"},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (str_has_suffix(name, known[i].suffix))
			return known[i].format;
	}
	return NULL;
}

static int add_made(struct attempt *t, struct made *m, const char *dir, const char *name, const struct stat *st)
{
	const char *format = format_of(name);
	if (S_ISLNK(st->st_mode))
		return attempt_fail(t, "permanent", "'%s' in STRATA_OUTPUT_DIR is a link; write the file itself there", name);
	if (!format || !S_ISREG(st->st_mode))
		return attempt_fail(t, "permanent", "'%s' in STRATA_OUTPUT_DIR is no *.parquet, *.csv or *.json file", name);
	if (m->format && strcmp(m->format, format) != 0)
		return attempt_fail(t, "permanent", "STRATA_OUTPUT_DIR holds %s and %s; write one format", m->format, format);
	if (st->st_size == 0)
		return 0;
	m->format = format;
	buf_adds(&m->files, m->files.len ? ", " : "");
	duck_literal(&m->files, arena_printf(t->arena, "%s/%s", dir, name));
	return 0;
}

static int list_made(struct attempt *t, const char *dir, struct made *m)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);
	if (n < 0)
		return attempt_fail(t, "transient", "list '%s': %s", dir, strerror(errno));
	int rc = 0;
	for (int i = 0; i < n; i++) {
		struct stat st;
		const char *path = arena_printf(t->arena, "%s/%s", dir, names[i]->d_name);
		if (rc == 0 && names[i]->d_name[0] != '.' && lstat(path, &st) == 0)
			rc = add_made(t, m, dir, names[i]->d_name, &st);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* Declared types win over guessed ones: '007' of a VARCHAR column keeps its zeros. */
static int declared_types(struct attempt *t, const char *select, struct buf *out)
{
	struct column *found;
	size_t n, used = 0;
	struct duck_error e;
	if (duck_describe(t->session.con, t->arena, select, &found, &n, &e) < 0)
		return attempt_fail_duck(t, &e, -1);
	for (size_t i = 0; i < t->rq->ncolumns; i++) {
		const struct column *c = &t->rq->columns[i];
		for (size_t k = 0; k < n && c->type && *c->type; k++) {
			if (strcasecmp(found[k].name, c->name) != 0)
				continue;
			buf_adds(out, used++ ? ", " : ", types = {");
			duck_literal(out, found[k].name);
			buf_adds(out, ": ");
			duck_literal(out, c->type);
		}
	}
	buf_adds(out, used ? "}" : "");
	return 0;
}

static int convert(struct attempt *t, struct made *m)
{
	struct err err = {0};
	if (session_open(t->w, t->rq->threads, t->rq->memory_bytes, &t->session, &err) < 0)
		return attempt_fail_err(t, "transient", &err);
	if (!m->format)
		return 0; /* nothing written: an empty result */
	struct buf sql = BUF_INIT(1 << 24), types = BUF_INIT(1 << 20);
	buf_addf(&sql, "SELECT * FROM read_%s([%s], hive_partitioning = false, union_by_name = true", m->format,
	         buf_cstr(&m->files));
	int rc = 0;
	if (strcmp(m->format, "parquet") != 0)
		buf_adds(&sql, ", sample_size = -1");
	if (strcmp(m->format, "csv") == 0) {
		buf_adds(&sql, ", header = true");
		const char *plain = arena_printf(t->arena, "%s)", buf_cstr(&sql));
		rc = declared_types(t, plain, &types);
		buf_adds(&sql, buf_cstr(&types));
	}
	buf_addc(&sql, ')');
	if (rc == 0)
		rc = load_query(t, buf_cstr(&sql), true);
	buf_free(&sql);
	buf_free(&types);
	return rc;
}

static int exec_load(struct attempt *t)
{
	if (!t->rq->file)
		return attempt_fail(t, "permanent", "'%s' has no executable file", t->rq->qname);
	if (t->rq->output_none)
		return run_program(t, NULL);
	const char *dir = arena_printf(t->arena, "%s/raw", t->staging);
	if (mkdir(dir, 0777) < 0)
		return attempt_fail(t, "transient", "make folder '%s': %s", dir, strerror(errno));
	if (run_program(t, arena_printf(t->arena, "%s/%s", t->w->lake, dir)) < 0)
		return -1;
	struct made m = {.files = BUF_INIT(1 << 24)};
	int rc = list_made(t, dir, &m);
	if (rc == 0)
		rc = convert(t, &m);
	buf_free(&m.files);
	return rc;
}

const struct engine engine_exec = {.name = "exec", .views = false, .load = exec_load};
