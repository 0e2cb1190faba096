/* The floor under strata: the same SQL through one bare DuckDB, with nothing planned, pinned, checked or recorded.
 *
 *   floor tasks [--threads N] [--loops N] [--together N] PLAN LAKE    every task of PLAN in its order, published below LAKE
 *   floor parse LIST                                   json_serialize_sql of every file named in LIST
 *
 * A line of PLAN is "layer<TAB>table<TAB>date or nothing<TAB>inputs<TAB>SQL"; inputs are "layer.table" or
 * "layer.table@date" with spaces between, those of a table side by side, each published by an earlier line. What stands
 * before another tab in the SQL is run before it. Invariant: a task costs the
 * file system what a publish of strata costs it: zstd Parquet, manifest.json and _SUCCESS in a staged
 * folder, an fsync of each and of the folder, one rename without replacement, an fsync of both parents. With --together,
 * up to so many tasks of one table that follow each other share one syncfs before their renames and one after them.
 *
 * Prints "tasks seconds", where seconds are without the start of the process. Whoever measures takes the
 * whole process. Any failure ends the program: a floor that skips a task is no floor. */
#include <duckdb.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct task {
	char *layer, *table, *date, *sql, *before; /* before: NULL, or run before sql */
	struct task **inputs;
	size_t ninputs;
	bool published;
};

struct view {
	const struct task *at; /* what "layer.table" shows in this loop's catalog */
};

static struct task *tasks;
static size_t ntasks, next_task;
static const char *lake;
static int threads = 1, loops = 1, together = 1;
static duckdb_database database;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t published = PTHREAD_COND_INITIALIZER;

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *pattern, ...) {
	char *text;
	va_list args;
	va_start(args, pattern);
	int n = vasprintf(&text, pattern, args);
	va_end(args);
	if (n < 0)
		errx(1, "out of memory");
	return text;
}

static void *room(size_t n, size_t size) {
	void *p = calloc(n ? n : 1, size);
	if (!p)
		errx(1, "out of memory");
	return p;
}

static void execute(duckdb_connection connection, const char *sql) {
	duckdb_result result;
	if (duckdb_query(connection, sql, &result) != DuckDBSuccess)
		errx(1, "%s\n%s", duckdb_result_error(&result), sql);
	duckdb_destroy_result(&result);
}

static void sync_folder(const char *path) {
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		err(1, "%s", path);
	close(fd);
}

/* Writing starts for all of them before the first fsync waits, as strata does it. */
static void sync_files(char *const *paths, size_t n) {
	int fds[8];
	for (size_t i = 0; i < n; i++) {
		fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			err(1, "%s", paths[i]);
		sync_file_range(fds[i], 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	for (size_t i = 0; i < n; i++) {
		if (fsync(fds[i]) != 0)
			err(1, "%s", paths[i]);
		close(fds[i]);
	}
}

static void write_file(const char *path, const char *text) {
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t n = strlen(text);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		err(1, "%s", path);
	close(fd);
}

/* Whether it was new. */
static bool make_folder(const char *path) {
	if (mkdir(path, 0755) == 0)
		return true;
	if (errno != EEXIST)
		err(1, "%s", path);
	return false;
}

static char *folder_of(const struct task *t) {
	if (!t->date)
		return format("%s/%s/%s", lake, t->layer, t->table);
	return format("%s/%s/%s/dt=%s", lake, t->layer, t->table, t->date);
}

/* The view of one table that a task reads, over its `n` inputs of it. */
static void show(duckdb_connection connection, struct task *const *inputs, size_t n) {
	const struct task *first = inputs[0];
	char *files = format("%s", "");
	for (size_t i = 0; i < n; i++) {
		char *folder = folder_of(inputs[i]);
		char *more = format("%s%s'%s/1-%zu-0.parquet'", files, i ? ", " : "", folder, (size_t)(inputs[i] - tasks));
		free(files);
		free(folder);
		files = more;
	}
	char *sql = format("CREATE OR REPLACE VIEW %s.%s AS SELECT * FROM read_parquet([%s], %s)", first->layer, first->table, files,
		first->date ? "hive_partitioning=true, hive_types={'dt': VARCHAR}, union_by_name=true" :
			      "hive_partitioning=false, union_by_name=true");
	execute(connection, sql);
	free(sql);
	free(files);
}

/* A manifest of the size that a small table's has. */
static char *manifest_of(const struct task *t, size_t n, int64_t size) {
	char *inputs = format("%s", "");
	for (size_t i = 0; i < t->ninputs; i++) {
		char *more = format("%s%s{\"table\": \"%s.%s\", \"partition\": \"%s\", \"version\": 1}", inputs, i ? ", " : "",
			t->inputs[i]->layer, t->inputs[i]->table, t->inputs[i]->date ? t->inputs[i]->date : "");
		free(inputs);
		inputs = more;
	}
	char *text = format("{\n  \"dest\": \"%s.%s\",\n  \"partition_date\": \"%s\",\n  \"file_count\": 1,\n"
			    "  \"status\": \"published\",\n  \"version\": 1,\n  \"fence\": %zu,\n"
			    "  \"files\": [{\"name\": \"1-%zu-0.parquet\", \"size\": %lld}],\n  \"inputs\": [%s]\n}\n",
		t->layer, t->table, t->date ? t->date : "", n, n, (long long)size, inputs);
	free(inputs);
	return text;
}

static void sync_lake(void) {
	int fd = open(lake, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) != 0 || fsync(fd) != 0)
		err(1, "%s", lake);
	close(fd);
}

static char *staging_of(const struct task *t) {
	return format("%s/.strata/staging/%zu", lake, (size_t)(t - tasks));
}

/* Manifest and _SUCCESS beside the file; all of it durable if it is published alone. */
static void stage(const struct task *t, bool alone) {
	struct stat st;
	size_t n = (size_t)(t - tasks);
	char *staging = staging_of(t);
	char *staged[] = {format("%s/1-%zu-0.parquet", staging, n), format("%s/manifest.json", staging), format("%s/_SUCCESS", staging)};
	if (stat(staged[0], &st) != 0)
		err(1, "%s", staged[0]);
	char *text = manifest_of(t, n, (int64_t)st.st_size);
	write_file(staged[1], text);
	write_file(staged[2], "");
	if (alone) {
		sync_files(staged, 3);
		sync_folder(staging);
	}
	char *made[] = {text, staging, staged[0], staged[1], staged[2]};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		free(made[i]);
}

static void exchange(const struct task *t, bool alone) {
	char *layer = format("%s/%s", lake, t->layer), *parent = t->date ? format("%s/%s", layer, t->table) : format("%s", layer);
	char *target = folder_of(t), *staging = staging_of(t), *above = format("%s/.strata/staging", lake);
	if (make_folder(parent))
		sync_folder(layer);
	if (renameat2(AT_FDCWD, staging, AT_FDCWD, target, RENAME_NOREPLACE) != 0)
		err(1, "%s", target);
	if (alone) {
		sync_folder(parent);
		sync_folder(above);
	}
	char *made[] = {layer, parent, target, staging, above};
	for (size_t i = 0; i < sizeof made / sizeof *made; i++)
		free(made[i]);
}

/* The last `n` tasks up to `last`, which nothing of between them reads. */
static void publish(size_t last, size_t n) {
	for (size_t i = last + 1 - n; i <= last; i++)
		stage(&tasks[i], n == 1);
	if (n > 1)
		sync_lake();
	for (size_t i = last + 1 - n; i <= last; i++)
		exchange(&tasks[i], n == 1);
	if (n > 1)
		sync_lake();
}

static void run_task(duckdb_connection connection, size_t n) {
	struct task *t = &tasks[n];
	char *staging = staging_of(t);
	char *copy = format("COPY (\n%s\n) TO '%s/1-%zu-0.parquet' (FORMAT parquet, COMPRESSION zstd)", t->sql, staging, n);
	make_folder(staging);
	if (t->before)
		execute(connection, t->before);
	execute(connection, copy);
	free(copy);
	free(staging);
}

/* The task and those before it that wait are published: there are enough of them, or the next one is of another table. */
static bool is_last_of_batch(size_t n, size_t waiting) {
	return waiting == (size_t)together || n + 1 == ntasks || strcmp(tasks[n].table, tasks[n + 1].table) != 0;
}

/* Take the next task of the order, wait for what it reads, run it. A catalog of its own for each loop: the
 * loops would else write the same views. A view is made once and again only when it must show another date. */
static void *loop(void *arg) {
	size_t self = (size_t)(uintptr_t)arg;
	struct view *views = room(ntasks, sizeof *views); /* by the first task of a table */
	duckdb_connection connection;
	if (duckdb_connect(database, &connection) != DuckDBSuccess)
		errx(1, "cannot connect");
	char *sql = format("ATTACH ':memory:' AS loop_%zu; USE loop_%zu", self, self);
	execute(connection, sql);
	free(sql);
	for (size_t i = 0; i < ntasks; i++) { /* each layer once: names repeat, IF NOT EXISTS is cheap beside a task */
		if (i && !strcmp(tasks[i].layer, tasks[i - 1].layer))
			continue;
		sql = format("CREATE SCHEMA IF NOT EXISTS %s", tasks[i].layer);
		execute(connection, sql);
		free(sql);
	}
	for (size_t waiting = 0;;) {
		pthread_mutex_lock(&lock);
		size_t n = next_task < ntasks ? next_task++ : ntasks;
		for (size_t i = 0; n < ntasks && i < tasks[n].ninputs; i++)
			while (!tasks[n].inputs[i]->published)
				pthread_cond_wait(&published, &lock);
		pthread_mutex_unlock(&lock);
		if (n == ntasks)
			break;
		for (size_t i = 0, same; i < tasks[n].ninputs; i += same) {
			struct task *const *inputs = tasks[n].inputs + i, *first = tasks;
			for (same = 1; i + same < tasks[n].ninputs && !strcmp(inputs[same]->table, inputs[0]->table);)
				same++;
			while (strcmp(first->table, inputs[0]->table))
				first++;
			struct view *view = &views[first - tasks];
			if (same > 1 || view->at != inputs[0])
				show(connection, inputs, same);
			view->at = same > 1 ? NULL : inputs[0];
		}
		run_task(connection, n);
		if (!is_last_of_batch(n, ++waiting))
			continue;
		publish(n, waiting);
		pthread_mutex_lock(&lock);
		for (; waiting; waiting--)
			tasks[n + 1 - waiting].published = true;
		pthread_cond_broadcast(&published);
		pthread_mutex_unlock(&lock);
	}
	duckdb_disconnect(&connection);
	free(views);
	return NULL;
}

/* Whether `name` is "layer.table", or "layer.table@date". */
static bool is_named(const struct task *t, const char *name) {
	size_t layer = strlen(t->layer), table = strlen(t->table);
	if (strncmp(name, t->layer, layer) != 0 || name[layer] != '.' || strncmp(name + layer + 1, t->table, table) != 0)
		return false;
	const char *rest = name + layer + 1 + table;
	return t->date ? *rest == '@' && !strcmp(rest + 1, t->date) : !*rest;
}

static struct task *find(const char *name, size_t before) {
	for (size_t i = before; i-- > 0;)
		if (is_named(&tasks[i], name))
			return &tasks[i];
	errx(1, "no earlier line publishes %s", name);
}

static void read_plan(const char *path) {
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0, room_for = 0;
	if (!file)
		err(1, "%s", path);
	for (ssize_t n; (n = getline(&line, &size, file)) > 0; ntasks++) {
		line[n - 1] = '\0';
		if (ntasks == room_for) {
			/* inputs point into the array: count the lines once more than needed, never move it */
			room_for = room_for ? room_for : 1u << 16;
			if (tasks)
				errx(1, "%s: more than %zu tasks", path, room_for);
			tasks = room(room_for, sizeof *tasks);
		}
		char *rest = strdup(line);
		struct task *t = &tasks[ntasks];
		t->layer = strsep(&rest, "\t");
		t->table = strsep(&rest, "\t");
		t->date = strsep(&rest, "\t");
		char *inputs = strsep(&rest, "\t");
		t->sql = rest;
		char *second = rest ? strchr(rest, '\t') : NULL;
		if (second) {
			*second = '\0';
			t->before = rest;
			t->sql = second + 1;
		}
		if (!t->sql)
			errx(1, "%s: line %zu has too few fields", path, ntasks + 1);
		if (!*t->date)
			t->date = NULL;
		t->inputs = room(strlen(inputs) / 2 + 1, sizeof *t->inputs);
		for (char *name; (name = strsep(&inputs, " "));)
			if (*name)
				t->inputs[t->ninputs++] = find(name, ntasks);
	}
	free(line);
	fclose(file);
}

static void open_database(void) {
	duckdb_config config;
	char *number = format("%d", threads);
	if (duckdb_create_config(&config) != DuckDBSuccess || duckdb_set_config(config, "threads", number) != DuckDBSuccess)
		errx(1, "cannot configure DuckDB");
	if (duckdb_open_ext(NULL, &database, config, NULL) != DuckDBSuccess)
		errx(1, "cannot open DuckDB");
	duckdb_destroy_config(&config);
	free(number);
}

static void run_tasks(const char *plan, const char *into) {
	read_plan(plan);
	double begin = now();
	lake = into;
	const char *folders[] = {"", "/.strata", "/.strata/staging"};
	for (size_t i = 0; i < 3 + ntasks; i++) { /* a layer's folder is made once */
		if (i > 3 && !strcmp(tasks[i - 3].layer, tasks[i - 4].layer))
			continue;
		char *path = i < 3 ? format("%s%s", lake, folders[i]) : format("%s/%s", lake, tasks[i - 3].layer);
		make_folder(path);
		free(path);
	}
	open_database();
	pthread_t thread[64];
	for (int i = 1; i < loops; i++)
		if (pthread_create(&thread[i], NULL, loop, (void *)(uintptr_t)i))
			errx(1, "cannot start a thread");
	loop(NULL);
	for (int i = 1; i < loops; i++)
		pthread_join(thread[i], NULL);
	printf("%zu %.6f\n", ntasks, now() - begin);
}

static char *contents(const char *path) {
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		err(1, "%s", path);
	char *text = room((size_t)st.st_size + 1, 1);
	if (read(fd, text, (size_t)st.st_size) != (ssize_t)st.st_size)
		err(1, "%s", path);
	close(fd);
	return text;
}

static void parse(const char *list) {
	double begin = now();
	FILE *file = fopen(list, "re");
	char *line = NULL;
	size_t size = 0, n = 0;
	duckdb_connection connection;
	duckdb_prepared_statement statement;
	if (!file)
		err(1, "%s", list);
	open_database();
	if (duckdb_connect(database, &connection) != DuckDBSuccess ||
		duckdb_prepare(connection, "SELECT json_serialize_sql(?::VARCHAR)", &statement) != DuckDBSuccess)
		errx(1, "cannot prepare");
	for (ssize_t length; (length = getline(&line, &size, file)) > 0; n++) {
		line[length - 1] = '\0';
		char *text = contents(line);
		duckdb_result result;
		duckdb_bind_varchar(statement, 1, text);
		if (duckdb_execute_prepared(statement, &result) != DuckDBSuccess)
			errx(1, "%s: %s", line, duckdb_result_error(&result));
		char *json = duckdb_value_varchar(&result, 0, 0);
		if (!json || strstr(json, "\"error\":true"))
			errx(1, "%s: not parsed", line);
		duckdb_free(json);
		duckdb_destroy_result(&result);
		free(text);
	}
	duckdb_destroy_prepare(&statement);
	duckdb_disconnect(&connection);
	free(line);
	fclose(file);
	printf("%zu %.6f\n", n, now() - begin);
}

int main(int argc, char **argv) {
	const char *usage = "usage: floor tasks [--threads N] [--loops N] [--together N] PLAN LAKE | floor parse LIST";
	int at = 2;
	if (argc == 3 && !strcmp(argv[1], "parse")) {
		parse(argv[2]);
		return 0;
	}
	if (argc < 2 || strcmp(argv[1], "tasks"))
		errx(2, "%s", usage);
	for (; at + 1 < argc && !strncmp(argv[at], "--", 2); at += 2) {
		long n = strtol(argv[at + 1], NULL, 10);
		if (n < 1 || n > 64)
			errx(2, "%s: from 1 to 64", argv[at]);
		*(!strcmp(argv[at], "--loops") ? &loops : !strcmp(argv[at], "--together") ? &together : &threads) = (int)n;
	}
	if (argc - at != 2 || (loops > 1 && together > 1))
		errx(2, "%s", usage);
	run_tasks(argv[at], argv[at + 1]);
	return 0;
}
