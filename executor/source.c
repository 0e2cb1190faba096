/* The view tmp_<table> over RAW files (source.h). */
#include "executor/source.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "executor/dialect.h"
#include "executor/inputs.h"

/* read_csv and friends over the files that have content: an empty one has no header either. */
static size_t file_args(const struct raw_files *f, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < f->len; i++) {
		if (f->items[i].size == 0)
			continue;
		buf_adds(out, n++ ? ", " : "[");
		duck_literal(out, f->items[i].path);
	}
	buf_adds(out, n ? "]" : "");
	return n;
}

static void option_text(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(out, ", %s = ", name);
	duck_literal(out, value);
}

/* `plain`: the delimiter of files that are RFC 4180 otherwise; 0: to be sniffed. Every line is data: left to itself,
 * the sniffer skips all lines before one that has more fields, and takes lines that begin with # for comments. */
static void csv_options(const struct try_source *s, size_t nfiles, char plain, struct buf *out)
{
	buf_addf(out, ", skip = 0, comment = '', header = %s%s", s->header == TRI_FALSE ? "false" : "true",
	         s->ncolumns ? "" : ", sample_size = -1");
	option_text(out, "delim", plain ? (char[]){plain, '\0'} : s->delim);
	buf_adds(out, plain ? ", quote = '\"', escape = '\"'" : "");
	option_text(out, "nullstr", s->nullstr);
	option_text(out, "encoding", s->encoding);
	if (s->all_varchar == TRI_TRUE)
		buf_adds(out, ", all_varchar = true");
	if (nfiles > 1 && s->ncolumns == 0)
		buf_adds(out, ", union_by_name = true");
}

static void column_option(const struct try_source *s, struct buf *out)
{
	if (s->ncolumns == 0)
		return;
	buf_adds(out, ", columns = {");
	for (size_t i = 0; i < s->ncolumns; i++) {
		const char *type = s->columns[i].type;
		buf_adds(out, i ? ", " : "");
		duck_literal(out, s->columns[i].name);
		buf_adds(out, ": ");
		duck_literal(out, type && *type ? type : "VARCHAR");
	}
	buf_adds(out, "}");
}

/* "SELECT * FROM read_csv([...], ...)"; false when no file has content. */
static bool read_select(const struct try_source *s, const struct raw_files *f, char plain, struct buf *out)
{
	struct buf files = BUF_INIT(1 << 24);
	size_t n = file_args(f, &files);
	buf_addf(out, "SELECT * FROM read_%s(%s, hive_partitioning = false", s->format, buf_cstr(&files));
	buf_free(&files);
	if (strcmp(s->format, "csv") == 0) {
		csv_options(s, n, plain, out);
		column_option(s, out);
	} else if (strcmp(s->format, "json") == 0) {
		buf_adds(out, ", sample_size = -1");
		if (n > 1 && s->ncolumns == 0)
			buf_adds(out, ", union_by_name = true");
		column_option(s, out);
	} else if (n > 1) {
		buf_adds(out, ", union_by_name = true");
	}
	buf_addc(out, ')');
	return n > 0;
}

/* One CSV file is sniffed once, and the view says what was found: each query that binds the view would sniff
 * the whole file again. False: the plain view shall try, and complain. */
static bool sniffed_select(struct attempt *t, const struct try_source *s, const struct raw_files *f, char plain, struct buf *out)
{
	static const char start[] = "FROM read_csv(", end[] = ");";
	struct buf sql = BUF_INIT(1 << 20), found = BUF_INIT(1 << 24);
	struct duck_error e;
	size_t content = 0;
	for (size_t i = 0; i < f->len; i++)
		content += f->items[i].size > 0;
	bool ok = content == 1 && s->ncolumns == 0 && strcmp(s->format, "csv") == 0;
	if (ok) {
		buf_adds(&sql, "SELECT Prompt FROM sniff_csv(");
		for (size_t i = 0; i < f->len; i++) {
			if (f->items[i].size > 0)
				duck_literal(&sql, f->items[i].path);
		}
		csv_options(s, 1, plain, &sql);
		buf_addc(&sql, ')');
		ok = duck_text(t->session.con, buf_cstr(&sql), &found, &e) == 0 && str_has_prefix(buf_cstr(&found), start) &&
		     str_has_suffix(buf_cstr(&found), end);
	}
	if (ok)
		buf_addf(out, "SELECT * %.*s, hive_partitioning = false)", (int)(found.len - strlen(end)), found.data);
	buf_free(&sql);
	buf_free(&found);
	return ok;
}

static int create_view(struct attempt *t, const struct try_source *s, const char *select, struct duck_error *e)
{
	struct buf sql = BUF_INIT(1 << 24);
	buf_adds(&sql, "CREATE VIEW ");
	duck_ident(&sql, s->view);
	buf_addf(&sql, " AS %s", select);
	int rc = duck_run(t->session.con, buf_cstr(&sql), e);
	buf_free(&sql);
	return rc;
}

/* The view with the header of these files and no row; false: they have no content, or cannot be read. */
static bool header_view(struct attempt *t, const struct try_source *s, const struct raw_files *f)
{
	struct duck_error e = {0};
	struct buf select = BUF_INIT(1 << 24);
	bool content = read_select(s, f, '\0', &select);
	buf_adds(&select, " LIMIT 0");
	bool made = content && create_view(t, s, buf_cstr(&select), &e) == 0;
	buf_free(&select);
	if (content && !made)
		attempt_log(t, "source.unreadable", "%s%s gives no columns: %s", f->items[0].path, f->len > 1 ? ", or one beside it," : "", e.message);
	return made;
}

/* By the newest date that has content which can be read; of a date whose files cannot be read together, by its
 * last one that can. */
static bool newest_header(struct attempt *t, const struct try_source *s)
{
	const char *const *dates;
	size_t n;
	struct err err = {0};
	if (source_dates(t->arena, s->path, &dates, &n, &err) < 0)
		return false;
	while (n-- > 0) {
		struct raw_files f;
		if (source_list(t->arena, s->path, dates[n], s->format, &f, &err) < 0 || f.len == 0)
			continue;
		if (header_view(t, s, &f))
			return true;
		for (size_t i = f.len; f.len > 1 && i-- > 0;) {
			if (header_view(t, s, &(struct raw_files){.items = &f.items[i], .len = 1}))
				return true;
		}
	}
	return false;
}

/* No rows: the columns come from the options, the declared columns of the table, or the newest files. */
static int empty_view(struct attempt *t, const struct try_source *s)
{
	bool given = s->ncolumns || t->rq->ncolumns;
	struct duck_error e;
	struct buf select = BUF_INIT(1 << 24);
	if (given)
		given = s->ncolumns ? inputs_empty_select(s->columns, s->ncolumns, false, &select)
		                    : inputs_empty_select(t->rq->columns, t->rq->ncolumns, false, &select);
	int rc = given && create_view(t, s, buf_cstr(&select), &e) < 0 ? attempt_fail_duck(t, &e, -1) : 0;
	buf_free(&select);
	if (!given && !(*s->date && newest_header(t, s)))
		t->no_input = s->view;
	return rc;
}

static int note_files(struct attempt *t, const struct raw_files *f)
{
	for (size_t i = 0; i < f->len; i++) {
		attempt_note_input(t, arena_printf(t->arena, "source:%s", f->items[i].path), "", 0,
		                   source_identity(t->arena, &f->items[i]));
		t->input_bytes += f->items[i].size;
	}
	return 0;
}

static int absent(struct attempt *t, const struct try_source *s, const struct raw_files *f)
{
	if (!f->exists)
		return attempt_fail(t, "permanent", "source path '%s' of %s does not exist below the lake %s; put the files there, or correct "
		                    "`sources` in dags/dw_config.yaml", s->path, s->view, t->w->lake);
	if (f->nothers) {
		t->result->note = arena_printf(t->arena, "%zu file%s in %s match%s no *.%s: %s", f->nothers, f->nothers == 1 ? "" : "s",
		                               f->folder, f->nothers == 1 ? "es" : "", s->format, f->others);
		attempt_log(t, "source.others", "%s", t->result->note);
	}
	if (strcmp(s->missing, "fail") == 0)
		return attempt_fail(t, "permanent", "the source '%s' has no files for '%s' (missing: fail)", s->path, s->date);
	bool empty = s->wait_for && source_marked(t->arena, s->path, s->date, s->wait_for); /* it says so */
	if (strcmp(s->missing, "wait") == 0 && !empty)
		return attempt_fail(t, "transient", "the source '%s' has no files for '%s' yet (missing: wait)", s->path, s->date);
	return 0;
}

/* The delimiter that all files have in common, if all of them are plain; else 0. */
static char plain_delim(const struct try_source *s, const struct raw_files *f)
{
	char delim = '\0';
	for (size_t i = 0; i < f->len && strcmp(s->format, "csv") == 0; i++) {
		if (f->items[i].size > 0 && !dialect_plain(f->items[i].path, s->delim, &delim))
			return '\0';
	}
	return delim;
}

/* Where lines have different numbers of fields, the sniffer finds a file of one column named "id,note". `plain`: the
 * delimiter that the first lines have, though reading by it failed. */
static int refuse_ragged(struct attempt *t, const struct try_source *s, const struct raw_files *f, char plain)
{
	struct column *columns;
	size_t n;
	struct duck_error e;
	struct buf sql = BUF_INIT(1 << 20);
	buf_adds(&sql, "FROM ");
	duck_ident(&sql, s->view);
	int rc = duck_describe(t->session.con, t->arena, buf_cstr(&sql), &columns, &n, &e);
	buf_free(&sql);
	if (rc < 0)
		return attempt_fail_duck(t, &e, -1);
	const char *delims = plain ? (char[]){plain, '\0'} : ",;\t|";
	for (size_t i = 0; i < n && (n == 1 || plain); i++) {
		if (strpbrk(columns[i].name, delims))
			return attempt_fail(t, "permanent",
			                    "the lines of '%s'%s do not all have as many fields as its first line, '%s': mend the "
			                    "file, or give the source its options.delim or options.columns",
			                    f->items[0].path, f->len > 1 ? ", or of a file beside it," : "", columns[i].name);
	}
	return 0;
}

/* options.columns go by place and may rename; but a name that the header has at another place is another column. */
static int compare_header(struct attempt *t, const struct try_source *s, const char *path, char plain)
{
	struct column *found;
	size_t n;
	struct duck_error e;
	struct buf sql = BUF_INIT(1 << 20);
	buf_adds(&sql, "FROM read_csv(");
	duck_literal(&sql, path);
	csv_options(s, 1, plain, &sql);
	buf_adds(&sql, s->all_varchar == TRI_TRUE ? ")" : ", all_varchar = true)");
	int rc = duck_describe(t->session.con, t->arena, buf_cstr(&sql), &found, &n, &e);
	buf_free(&sql);
	for (size_t i = 0; rc == 0 && i < s->ncolumns; i++) {
		const char *name = s->columns[i].name;
		for (size_t k = 0; k < n; k++) {
			if (k == i || strcasecmp(found[k].name, name) != 0 || (i < n && strcasecmp(found[i].name, name) == 0))
				continue;
			return attempt_fail(t, "permanent",
			                    "'%s' is column %zu of options.columns, but column %zu in the header of '%s': they go by place, "
			                    "so bring them into one order",
			                    name, i + 1, k + 1, path);
		}
	}
	return 0; /* a file that cannot be read says so itself */
}

static int compare_headers(struct attempt *t, const struct try_source *s, const struct raw_files *f, char plain)
{
	if (s->ncolumns == 0 || s->header == TRI_FALSE || strcmp(s->format, "csv") != 0)
		return 0;
	for (size_t i = 0; i < f->len; i++) {
		if (f->items[i].size > 0 && compare_header(t, s, f->items[i].path, plain) < 0)
			return -1;
	}
	return 0;
}

int source_view(struct attempt *t, const struct try_source *s)
{
	struct raw_files f;
	struct err err = {0};
	if (source_list(t->arena, s->path, s->date, s->format, &f, &err) < 0)
		return attempt_fail_err(t, "transient", &err);
	if (f.len == 0 && absent(t, s, &f) < 0)
		return -1;
	note_files(t, &f);
	struct buf select = BUF_INIT(1 << 24);
	struct duck_error e;
	int rc = 0;
	char plain = plain_delim(s, &f);
	if (compare_headers(t, s, &f, plain) < 0)
		return -1;
	bool made = sniffed_select(t, s, &f, plain, &select) && create_view(t, s, buf_cstr(&select), &e) == 0;
	buf_clear(&select);
	if (!made && plain)
		made = read_select(s, &f, plain, &select) && create_view(t, s, buf_cstr(&select), &e) == 0;
	buf_clear(&select);
	bool told = made && plain;
	if (!made && read_select(s, &f, '\0', &select))
		rc = create_view(t, s, buf_cstr(&select), &e) < 0 ? attempt_fail_duck(t, &e, -1) : 0;
	else if (!made)
		rc = empty_view(t, s);
	buf_free(&select);
	if (rc == 0 && !told && !t->no_input && f.len && !s->delim && !s->ncolumns && strcmp(s->format, "csv") == 0)
		rc = refuse_ragged(t, s, &f, plain);
	return rc;
}
