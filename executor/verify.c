/* See verify.h. */
#include "executor/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/str.h"
#include "core/digest.h"
#include "executor/parquet.h"

static int by_name(const void *a, const void *b)
{
	const struct manifest_file *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static int list(struct attempt *t)
{
	DIR *d = opendir(t->out);
	if (!d)
		return attempt_fail(t, "transient", "list '%s': %s", t->out, strerror(errno));
	size_t cap = 0;
	struct dirent *e;
	int rc = 0;
	while (rc == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		struct stat st;
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		    !str_has_suffix(e->d_name, ".parquet")) {
			rc = attempt_fail(t, "permanent", "'%s/%s' was staged and is no Parquet file", t->out, e->d_name);
			break;
		}
		if (t->nfiles == cap) {
			struct manifest_file *more = arena_array(t->arena, cap = cap ? cap * 2 : 4, sizeof *more);
			if (t->nfiles)
				memcpy(more, t->files, t->nfiles * sizeof *more);
			t->files = more;
		}
		t->files[t->nfiles++] = (struct manifest_file){.name = arena_strdup(t->arena, e->d_name), .size = st.st_size};
		t->bytes += st.st_size;
	}
	closedir(d);
	if (t->nfiles)
		qsort(t->files, t->nfiles, sizeof *t->files, by_name);
	return rc;
}

static void file_list(const struct attempt *t, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < t->nfiles; i++) {
		const char *path = arena_printf(t->arena, "%s/%s", t->out, t->files[i].name);
		buf_adds(out, i ? ", " : "");
		duck_literal(out, path);
	}
	buf_addc(out, ']');
}

void verify_select(const struct attempt *t, struct buf *out)
{
	buf_adds(out, "SELECT *");
	if (t->rq->partitioned) {
		buf_adds(out, ", ");
		duck_literal(out, t->rq->partition);
		buf_adds(out, " AS dt");
	}
	buf_adds(out, " FROM read_parquet(");
	file_list(t, out);
	buf_adds(out, ", hive_partitioning = false)");
}

/* Rows of each file by its own footer. */
static int read_footers(struct attempt *t)
{
	for (size_t i = 0; i < t->nfiles; i++) {
		struct err err = {0};
		const char *path = arena_printf(t->arena, "%s/%s", t->out, t->files[i].name);
		if (FAULT("validate.footer"))
			return attempt_fail(t, "transient", "read the footer of '%s': %s", path, strerror(errno));
		if (parquet_rows(path, &t->files[i].rows, &err) < 0)
			return attempt_fail_err(t, "transient", &err);
		t->rows += t->files[i].rows;
	}
	return 0;
}

static int digest_files(struct attempt *t)
{
	static char chunk[1 << 18];
	for (size_t i = 0; i < t->nfiles; i++) {
		const char *path = arena_printf(t->arena, "%s/%s", t->out, t->files[i].name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return attempt_fail(t, "transient", "open '%s': %s", path, strerror(errno));
		struct digest d;
		digest_init(&d);
		ssize_t n;
		int64_t size = 0;
		while ((n = read(fd, chunk, sizeof chunk)) > 0) {
			digest_raw(&d, chunk, (size_t)n);
			size += n;
		}
		close(fd);
		char hex[DIGEST_HEX];
		t->files[i].sha256 = arena_strdup(t->arena, digest_hex(&d, hex));
		if (n < 0 || size != t->files[i].size)
			return attempt_fail(t, "transient", "read '%s': %s", path, n < 0 ? strerror(errno) : "its size changed");
	}
	return 0;
}

static int read_schema(struct attempt *t)
{
	if (t->schema)
		return 0;
	struct buf sql = BUF_INIT(1 << 24);
	buf_adds(&sql, "SELECT * FROM read_parquet(");
	file_list(t, &sql);
	buf_adds(&sql, ", hive_partitioning = false)");
	struct duck_error e;
	int rc = duck_describe(t->session.con, t->arena, buf_cstr(&sql), &t->schema, &t->nschema, &e);
	buf_free(&sql);
	return rc < 0 ? attempt_fail_duck(t, &e, -1) : 0;
}

int verify_read(struct attempt *t)
{
	if (list(t) < 0)
		return -1;
	return t->nfiles == 0 ? 0 : read_footers(t) < 0 ? -1 : read_schema(t);
}

int verify_staged(struct attempt *t)
{
	if (verify_read(t) < 0)
		return -1;
	if (t->nfiles == 0) {
		if (t->loaded_rows > 0)
			return attempt_fail(t, "transient", "the engine reported %" PRId64 " rows, but staged no file", t->loaded_rows);
		return 0;
	}
	if (t->rows != t->loaded_rows)
		return attempt_fail(t, "transient", "the engine reported %" PRId64 " rows, but %" PRId64 " are staged",
		                    t->loaded_rows, t->rows);
	return digest_files(t);
}
