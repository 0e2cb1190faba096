/* See load.h. */
#include "scheduler/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/text.h"
#include "core/digest.h"
#include "core/selection.h"
#include "scheduler/analyses.h"
#include "scheduler/cache.h"
#include "scheduler/load_views.h"
#include "scheduler/scan.h"

enum { YAML_MAX = 16 << 20, TEXT_MAX = 64 << 20 };

/* One table's file, or one view, on its way to an analysis. */
struct item {
	struct table *table; /* NULL: of a view */
	struct view *view;
	struct stamp stamp;
	struct cache_entry *entry; /* new, or a copy of the cached one with a new stamp */
	struct buf text;           /* only while it must be analyzed */
};

uint32_t load_cores(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 ? (uint32_t)n : 1;
}

static const char *from_environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

struct names {
	char **items;
	size_t len, cap;
};

static const char *name_at(const void *names, size_t i)
{
	return ((const struct names *)names)->items[i];
}

/* A folder beside where `path` would be, by a name like its own, into out; "": there is none. */
static void nearest_folder(char *out, size_t size, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *parent = mem_strndup(path, (size_t)(name - path));
	DIR *dir = opendir(parent);
	struct names names = {0};
	struct stat st;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (e->d_name[0] == '.' || fstatat(dirfd(dir), e->d_name, &st, 0) < 0 || !S_ISDIR(st.st_mode))
			continue;
		MEM_GROW(names.items, names.len, names.cap);
		names.items[names.len++] = mem_strdup(e->d_name);
	}
	const char *near = str_nearest(name, name_at, &names, names.len);
	snprintf(out, size, "%s%s", near ? parent : "", near ? near : "");
	while (names.len)
		free(names.items[--names.len]);
	free(names.items);
	if (dir)
		closedir(dir);
	free(parent);
}

/* A lake that is named and not there is misspelt, or its disk is not mounted: to make one would begin another history. */
static int check_given(const char *dir, const char *how, struct err *err)
{
	struct stat st;
	if (stat(dir, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : err_set(err, ERR_USAGE, "%s: '%s' is no folder; name the one that is the lake", how, dir);
	if (errno != ENOENT)
		return err_errno(err, ERR_LAKE, "%s: '%s'", how, dir);
	char near[PATH_MAX];
	nearest_folder(near, sizeof near, dir);
	struct buf word = BUF_INIT(4 * PATH_MAX);
	text_add_word(&word, dir);
	err_set(err, ERR_USAGE, "%s: there is no folder '%s'%s%s%s; for a new lake make it first: mkdir -p %s", how, dir,
	        *near ? " (did you mean '" : "", near, *near ? "'?)" : "", buf_cstr(&word));
	buf_free(&word);
	return ERR_USAGE;
}

int load_lake(const struct project *p, const char *option, char *out, size_t size, struct err *err)
{
	const char *given = option ? option : getenv("STRATA_LAKE"), *uri = given;
	if (!uri || !*uri)
		uri = p->base_uri && *p->base_uri ? p->base_uri : p->dir;
	if (str_has_prefix(uri, "s3://") || str_has_prefix(uri, "s3a://"))
		return err_set(err, ERR_USAGE, "lake '%s': this version keeps lakes in local folders only; give --lake a path", uri);
	if (str_has_prefix(uri, "file:///"))
		uri += strlen("file://");
	else if (str_has_prefix(uri, "file://"))
		return err_set(err, ERR_USAGE, "lake '%s': after 'file://' comes an absolute path: write 'file:///%s'", uri,
		               uri + strlen("file://"));
	else if (strstr(uri, "://"))
		return err_set(err, ERR_USAGE, "lake '%s': unknown kind of URI; give a path, file:///path", uri);
	bool fits = uri[0] == '/' ? (size_t)snprintf(out, size, "%s", uri) < size : path_join(out, size, p->dir, uri);
	if (!fits)
		return err_set(err, ERR_USAGE, "lake '%s': the path is too long", uri);
	path_tidy(out);
	return given && *given ? check_given(out, option ? "--lake" : "STRATA_LAKE", err) : 0;
}

static int read_if_there(struct arena *arena, const char *dir, const char *name, const char **ret, size_t *ret_n,
                         struct err *err)
{
	char *path = mem_printf("%s/%s", dir, name);
	struct buf text = BUF_INIT(YAML_MAX);
	int rc = file_read(AT_FDCWD, path, &text, err);
	if (rc < 0 && errno == ENOENT)
		rc = 0;
	else if (rc == 0) {
		*ret = arena_strndup(arena, buf_cstr(&text), text.len);
		*ret_n = text.len;
	}
	buf_free(&text);
	free(path);
	return rc;
}

static int absolute_dir(const char *dir, char out[PATH_MAX], struct err *err)
{
	struct stat st;
	dir = dir ? dir : ".";
	if (!realpath(dir, out) || stat(out, &st) < 0) {
		if (errno != ENOENT)
			return err_errno(err, ERR_PROJECT, "project folder '%s'", dir);
		return err_set(err, ERR_PROJECT, "there is no project folder '%s'; correct -C, or start one with: strata init %s", dir, dir);
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_PROJECT, "'%s' is no folder; -C takes the project's", dir);
	return 0;
}

/* A cache is good for one program: the version, and the worker binary with its engine; and for the macros whose
 * calls the analyses tell. */
static char *cache_identity(struct arena *arena, const json_t *macros)
{
	char worker[PATH_MAX];
	struct stat st = {0};
	if (workers_find_program(worker, sizeof worker, NULL))
		stat(worker, &st);
	char *names = macros ? json_dumps(macros, JSON_COMPACT) : NULL, hex[DIGEST_HEX] = "";
	if (names)
		digest_of(hex, names, strlen(names));
	free(names);
	return arena_printf(arena, "strata analyses 2 %s %lld %lld %s", STRATA_VERSION, (long long)st.st_size,
	                    (long long)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec, hex);
}

static size_t find_file(const struct scan *scan, const char *folder, const char *name)
{
	size_t lo = 0, hi = scan->nfiles;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(scan->files[mid].folder, folder);
		if (!c)
			c = strcmp(scan->files[mid].name, name);
		if (!c)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return scan->nfiles;
}

static const struct stamp *stamp_of(const struct scan *scan, const struct table *t)
{
	const char *name = strrchr(t->file, '/');
	size_t i = name ? find_file(scan, t->layer->name, name + 1) : scan->nfiles;
	return i < scan->nfiles ? &scan->stamps[i] : NULL;
}

/* Take the cached analysis, or leave the file's text in the item. */
static int look_up(struct project *p, const struct cache *cache, struct item *it, struct err *err)
{
	const struct cache_entry *old = cache_find(cache, it->table->file);
	if (old && stamp_equal(&old->stamp, &it->stamp) && !stamp_in_doubt(&old->stamp, old->read_at_ns)) {
		it->entry = arena_copy(&p->arena, old, sizeof *old);
		return 0;
	}
	int64_t read_at_ns = clock_wall_us() * 1000;
	it->text = BUF_INIT(TEXT_MAX);
	char *path = mem_printf("%s/%s", p->dir, it->table->file);
	int rc = file_read(AT_FDCWD, path, &it->text, err);
	free(path);
	if (rc < 0) {
		buf_free(&it->text);
		return rc;
	}
	char hex[DIGEST_HEX];
	digest_of(hex, buf_cstr(&it->text), it->text.len);
	it->entry = arena_alloc(&p->arena, sizeof *it->entry);
	*it->entry = (struct cache_entry){.path = it->table->file,
	                                  .stamp = it->stamp,
	                                  .read_at_ns = read_at_ns,
	                                  .sha256 = arena_strdup(&p->arena, hex)};
	if (old && str_eq(old->sha256, hex)) {
		it->entry->analysis = old->analysis;
		buf_free(&it->text);
	}
	return 0;
}

/* The same for a view, whose text is at hand. */
static void look_up_view(struct project *p, const struct cache *cache, struct item *it)
{
	char hex[DIGEST_HEX];
	const char *path = arena_printf(&p->arena, "view %d %s.%s", it->view->thing, it->view->schema, it->view->name);
	const struct cache_entry *old = cache_find(cache, path);
	it->text = BUF_INIT(TEXT_MAX);
	load_view_text(it->view, &it->text);
	digest_of(hex, buf_cstr(&it->text), it->text.len);
	it->entry = arena_alloc(&p->arena, sizeof *it->entry);
	*it->entry = (struct cache_entry){.path = path, .sha256 = arena_strdup(&p->arena, hex)};
	if (old && str_eq(old->sha256, hex))
		it->entry->analysis = old->analysis;
}

static bool needs_analysis(const struct item *it)
{
	return !it->entry->analysis.canonical;
}

static int analyze_missing(struct project *p, struct item *items, size_t n, struct turns *turns, struct workers *workers,
                           struct err *err)
{
	json_t *macros = load_macros(p);
	struct analysis_job *jobs = mem_array(n, sizeof *jobs);
	size_t njobs = 0;
	for (size_t i = 0; i < n; i++) {
		const struct table *t = items[i].table;
		if (needs_analysis(&items[i]))
			jobs[njobs++] = (struct analysis_job){.qname = t ? t->qname : items[i].view->qname,
			                                      .exec = t && t->kind == TABLE_EXEC,
			                                      .text = buf_cstr(&items[i].text),
			                                      .n = items[i].text.len,
			                                      .out = &items[i].entry->analysis};
	}
	int rc = njobs ? analyses_get(&p->arena, turns, workers, jobs, njobs, macros, err) : 0;
	json_decref(macros);
	free(jobs);
	return rc;
}

/* With the loop and workers of the caller, or with its own for the duration. */
static int analyze_with_workers(struct project *p, struct item *items, size_t n, const struct load_options *o,
                                struct err *err)
{
	if (o->get_workers) {
		struct workers *theirs = o->get_workers(o->ctx, p, err);
		return theirs ? analyze_missing(p, items, n, o->turns, theirs, err) : err->code;
	}
	char program[PATH_MAX];
	if (!workers_find_program(program, sizeof program, err))
		return ERR_IO;
	uv_loop_t loop;
	uv_loop_init(&loop);
	struct turns turns = {.loop = &loop};
	char *locks = mem_printf("%s/.strata/workers/look", p->dir);
	uint32_t jobs = o->jobs ? o->jobs : load_cores();
	struct workers *workers = workers_new(&(struct workers_config){
		.loop = &loop, .program = program, .lake = p->dir, .lock_dir = locks, .most = jobs, .threads = 1});
	int rc = analyze_missing(p, items, n, &turns, workers, err);
	workers_close(workers);
	while (!workers_gone(workers))
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_DEFAULT);
	workers_free(workers);
	uv_loop_close(&loop);
	free(locks);
	return rc;
}

static int let_turn(const struct load_options *o, struct err *err)
{
	return o->turns ? turns_pass(o->turns, err) : 0;
}

static int read_as_analyzed(const struct project *p, const struct table *t, const char *sha256, struct buf *out, struct err *err)
{
	char *path = mem_printf("%s/%s", p->dir, t->file), hex[DIGEST_HEX];
	size_t before = out->len;
	int rc = file_read(AT_FDCWD, path, out, err);
	free(path);
	if (rc < 0)
		return rc;
	digest_of(hex, buf_cstr(out) + before, out->len - before);
	return str_eq(hex, sha256) ? 0 : err_set(err, ERR_PROJECT, "%s changed after the project was read; start again", t->file);
}

static int keep_texts(struct project *p, struct item *items, size_t n, const struct load_options *o, struct err *err)
{
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		struct item *it = &items[i];
		if (!it->table || it->table->kind == TABLE_EXEC)
			continue;
		if (!it->text.len) {
			it->text = BUF_INIT(TEXT_MAX);
			rc = read_as_analyzed(p, it->table, it->entry->sha256, &it->text, err);
		}
		it->table->text = arena_strndup(&p->arena, buf_cstr(&it->text), it->text.len);
		it->table->text_len = it->text.len;
		buf_free(&it->text);
		if (rc == 0)
			rc = let_turn(o, err);
	}
	return rc;
}

static int analyze(struct project *p, const struct scan *scan, const struct load_options *o, struct err *err)
{
	json_t *macros = load_macros(p);
	const char *identity = cache_identity(&p->arena, macros);
	json_decref(macros);
	struct cache *cache = cache_open(&p->arena, p->dir, identity);
	struct item *items = mem_array(p->ntables + p->nviews, sizeof *items);
	size_t n = 0, missing = 0, fresh_stamps = 0;
	int rc = 0;
	for (size_t i = 0; i < p->ntables && rc == 0; i++) {
		struct table *t = &p->tables[i];
		const struct stamp *stamp = t->file ? stamp_of(scan, t) : NULL;
		if (!stamp)
			continue;
		items[n] = (struct item){.table = t, .stamp = *stamp};
		rc = let_turn(o, err);
		if (rc == 0)
			rc = look_up(p, cache, &items[n], err);
		if (rc == 0) {
			missing += needs_analysis(&items[n]);
			const struct cache_entry *old = cache_find(cache, t->file);
			fresh_stamps += !old || old->read_at_ns != items[n].entry->read_at_ns;
			n++;
		}
	}
	for (size_t i = 0; i < p->nviews && rc == 0; i++, n++) {
		items[n] = (struct item){.view = &p->views[i]};
		look_up_view(p, cache, &items[n]);
		missing += needs_analysis(&items[n]);
		fresh_stamps += needs_analysis(&items[n]);
	}
	if (rc == 0 && missing)
		rc = analyze_with_workers(p, items, n, o, err);
	if (rc == 0 && fresh_stamps) {
		const struct cache_entry **entries = mem_array(n, sizeof *entries);
		for (size_t i = 0; i < n; i++)
			entries[i] = items[i].entry;
		cache_store(p->dir, identity, entries, n);
		free(entries);
	}
	if (rc == 0 && o->keep_texts)
		rc = keep_texts(p, items, n, o, err);
	for (size_t i = 0; i < n; i++) {
		if (items[i].view) {
			items[i].view->analysis = &items[i].entry->analysis;
		} else {
			items[i].table->analysis = &items[i].entry->analysis;
			items[i].table->sha256 = items[i].entry->sha256;
		}
		buf_free(&items[i].text);
	}
	free(items);
	cache_close(cache);
	return rc;
}

int project_load(const struct load_options *o, struct project **ret, struct diags *diags, struct err *err)
{
	struct arena arena = {0};
	char dir[PATH_MAX];
	struct scan scan;
	struct project_input in = {.env = from_environment};
	int rc = absolute_dir(o->dir, dir, err);
	if (rc == 0)
		rc = scan_project(&arena, dir, &scan, err);
	if (rc == 0)
		rc = read_if_there(&arena, dir, "dags/dw_config.yaml", &in.config, &in.config_len, err);
	if (rc == 0)
		rc = read_if_there(&arena, dir, "tables.yaml", &in.tables, &in.tables_len, err);
	if (rc == 0)
		rc = let_turn(o, err);
	if (rc == 0) {
		in.dir = dir;
		in.files = scan.files;
		in.nfiles = scan.nfiles;
		in.folders = scan.folders;
		in.nfolders = scan.nfolders;
		struct project *p = project_read(&in, diags);
		if (o->analyze)
			rc = load_views(p, diags, err);
		if (rc == 0 && o->analyze)
			rc = analyze(p, &scan, o, err);
		if (rc == 0)
			rc = let_turn(o, err);
		if (rc == 0 && o->analyze) {
			project_resolve(p, diags);
			selection_check_config(p, diags);
		}
		if (rc == 0)
			*ret = p;
		else
			project_free(p);
	}
	arena_free(&arena);
	return rc;
}

int load_text(const struct project *p, const struct table *t, struct buf *out, struct err *err)
{
	if (!t->text)
		return read_as_analyzed(p, t, t->sha256, out, err);
	buf_add(out, t->text, t->text_len);
	return 0;
}
