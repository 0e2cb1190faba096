/* core/catalog: what tables.yaml says reaches the tables; variables, the lake, external tables. And the
 * repository's own sample project, which must be without fault. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "core/keys.h"
#include "tests/unit/project_fixture.h"

#define CONFIG "layer_dependencies: {ods: [], dwd: [ods]}\npools: {slow: 1}\ndefaults: {retries: 1, timeout: 1h, pool: slow}\n"

static void entries_reach_their_tables(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, CONFIG,
	             "project: {name: flights, env: \"${STRATA_ENV:-stage}\"}\n"
	             "storage:\n"
	             "  base_uri: s3a://${s3_bucket}/${s3_prefix:-none}//\n"
	             "  s3_bucket: ${BUCKET}\n"
	             "tables:\n"
	             "  dwd_a:\n"
	             "    description: costs $5, $$6 and $${x}\n"
	             "    owner: ${EMPTY:-a${BUCKET}z}\n"
	             "    path: s3a://b1/none/dwd/dwd_a/\n"
	             "    tags: [daily, '2']\n"
	             "    primary_keys: [x, y]\n"
	             "    timestamp_col: at\n"
	             "    columns: {x: {type: INTEGER, description: first}, y: 'DECIMAL(18, 3)', z: }\n"
	             "    retries: 0\n"
	             "    pool: default\n"
	             "    retry_on: any\n"
	             "    allow_empty: no\n"
	             "    depends_on_past: true\n"
	             "    priority_weight: 7\n"
	             "  ods.ods_act: {output: none, deterministic: true}\n"
	             "  dwd_b: {output: none}\n"
	             "  ods_countries: {path: s3a://shared/countries/*.parquet, columns: {code: VARCHAR}}\n"
	             "  dwd.dwd_other: {path: elsewhere/other}\n",
	             "dwd/dwd_a.sql dwd/dwd_b.sql ods/ods_act.sh*");
	assert_string_equal(buf_cstr(&f.printed), "");
	const struct project *p = f.p;
	assert_string_equal(p->name, "flights");
	assert_string_equal(p->env, "stage");
	assert_string_equal(p->base_uri, "s3://b1/none");
	const struct table *a = project_table(p, "dwd_a"), *b = project_table(p, "dwd_b");
	assert_string_equal(a->description, "costs $5, $6 and ${x}");
	assert_string_equal(a->owner, "ab1z");
	assert_null(a->path);
	assert_int_equal(a->ntags, 2);
	assert_string_equal(a->tags[1], "2");
	assert_int_equal(a->nprimary_keys, 2);
	assert_string_equal(a->timestamp_col, "at");
	assert_int_equal(a->ncolumns, 3);
	assert_string_equal(a->columns[0].description, "first");
	assert_string_equal(a->columns[1].type, "DECIMAL(18, 3)");
	assert_null(a->columns[2].type);
	assert_int_equal(a->policy.retries, 0);
	assert_int_equal(a->policy.pool, 0);
	assert_true(a->policy.retry_any);
	assert_false(a->policy.allow_empty);
	assert_true(a->policy.depends_on_past);
	assert_int_equal(a->policy.priority_weight, 7);
	assert_int_equal(a->policy.timeout_ms, 3600 * 1000);
	assert_string_equal(a->policy.engine, "duckdb");
	assert_string_equal(a->format, "parquet");
	assert_int_equal(b->policy.retries, 1);
	assert_int_equal(b->policy.pool, 1);
	assert_string_equal(p->pools[b->policy.pool].name, "slow");
	const struct table *act = project_table(p, "ods_act");
	assert_true(act->output_none);
	assert_true(b->output_none); /* SQL, too */
	assert_true(act->policy.deterministic);
	assert_string_equal(act->policy.engine, "exec");
	const struct table *countries = project_table(p, "ods.ods_countries");
	assert_int_equal(countries->kind, TABLE_EXTERNAL);
	assert_string_equal(countries->path, "s3://shared/countries/*.parquet");
	assert_string_equal(countries->layer->name, "ods");
	assert_int_equal(countries->loc.line, 22);
	assert_null(countries->file);
	assert_int_equal(countries->ncolumns, 1);
	assert_non_null(project_table(p, "dwd_other"));
	for (uint32_t i = 0; i < p->ntables; i++)
		assert_int_equal(p->tables[i].index, i);
	assert_string_equal(p->tables[0].name, "ods_act");
	assert_string_equal(p->tables[p->ntables - 1].name, "dwd_other");
	fixture_free(&f);
}

/* A duplicate key's later value holds, as other YAML readers have it. */
static void later_duplicates_hold(void **state)
{
	(void)state;
	struct fixture f;
	fixture_read(&f, CONFIG, "tables:\n  dwd_a: {owner: x, owner: y}\n  dwd_a: {tags: [t], owner: z, owner: w}\n",
	             "dwd/dwd_a.sql");
	assert_int_equal(f.diags.warnings, 3);
	assert_int_equal(f.diags.errors, 0);
	assert_string_equal(project_table(f.p, "dwd_a")->owner, "w");
	fixture_free(&f);
}

/* --- the sample project --- */

struct listing {
	struct project_file *files;
	size_t nfiles, files_cap;
	const char **folders;
	size_t nfolders, folders_cap;
};

static void list_folder(struct listing *l, const char *folder)
{
	char *path = mem_printf("dags/%s", folder);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir));) {
		struct stat st;
		if (fstatat(dirfd(dir), e->d_name, &st, 0) < 0 || !S_ISREG(st.st_mode))
			continue;
		MEM_GROW(l->files, l->nfiles, l->files_cap);
		l->files[l->nfiles++] =
			(struct project_file){folder, mem_strdup(e->d_name), (st.st_mode & S_IXUSR) != 0, (size_t)st.st_size};
	}
	closedir(dir);
	free(path);
}

static void the_sample_is_without_fault(void **state)
{
	(void)state;
	struct listing l = {0};
	DIR *dir = opendir("dags");
	if (!dir)
		skip();
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		MEM_GROW(l.folders, l.nfolders, l.folders_cap);
		l.folders[l.nfolders++] = mem_strdup(e->d_name);
	}
	closedir(dir);
	for (size_t i = 0; i < l.nfolders; i++)
		list_folder(&l, l.folders[i]);
	struct buf config = BUF_INIT(1 << 20), tables = BUF_INIT(1 << 20), printed = BUF_INIT(1 << 20);
	assert_int_equal(file_read(AT_FDCWD, FILE_CONFIG, &config, NULL), 0);
	assert_int_equal(file_read(AT_FDCWD, FILE_TABLES, &tables, NULL), 0);
	struct project_input in = {"/p", config.data, config.len, tables.data, tables.len, l.files, l.nfiles,
	                           l.folders, l.nfolders, fixture_env, NULL};
	struct diags diags = {0};
	struct project *p = project_read(&in, &diags);
	diags_print(&diags, DIAG_NOTE, &printed);
	assert_string_equal(buf_cstr(&printed), "");
	assert_true(p->ntables >= 12);
	project_free(p);
	diags_free(&diags);
	for (size_t i = 0; i < l.nfiles; i++)
		free((char *)(uintptr_t)l.files[i].name);
	for (size_t i = 0; i < l.nfolders; i++)
		free((char *)(uintptr_t)l.folders[i]);
	free(l.files);
	free(l.folders);
	buf_free(&config);
	buf_free(&tables);
	buf_free(&printed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_reach_their_tables),
		cmocka_unit_test(later_duplicates_hold),
		cmocka_unit_test(the_sample_is_without_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
