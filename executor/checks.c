/* See checks.h. */
#include "executor/checks.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "executor/verify.h"

enum { VALUE_CHARS = 60 }; /* of each value of an example */

static void note(struct attempt *t, const char *name, const char *failure)
{
	if (t->nchecks == t->checks_cap) {
		struct manifest_check *more = arena_array(t->arena, t->checks_cap = t->checks_cap ? t->checks_cap * 2 : 4,
		                                          sizeof *more);
		if (t->nchecks)
			memcpy(more, t->checks, t->nchecks * sizeof *more);
		t->checks = more;
	}
	t->checks[t->nchecks++] = (struct manifest_check){
		.name = name, .status = failure ? "failed" : "passed", .detail = failure ? failure : ""};
}

static bool has_column(const struct attempt *t, const char *name)
{
	if (t->rq->partitioned && strcasecmp(name, "dt") == 0)
		return true;
	for (size_t i = 0; i < t->nschema; i++) {
		if (strcasecmp(t->schema[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Numbers of the staged rows: the BIGINT columns of `what`, a SELECT from `staged`. */
static int count(struct attempt *t, const char *what, int64_t *ret, size_t n)
{
	struct buf sql = BUF_INIT(1 << 24);
	buf_adds(&sql, "WITH staged AS (");
	verify_select(t, &sql);
	buf_addf(&sql, ") %s", what);
	struct duck_error e;
	int rc = duck_bigints(t->session.con, buf_cstr(&sql), ret, n, &e);
	buf_free(&sql);
	return rc < 0 ? attempt_fail_duck(t, &e, -1) : 0;
}

/* The groups of the key: its columns as k0, k1, … and n, the rows of each. */
static void add_groups(const struct attempt *t, const char *rows, struct buf *out)
{
	buf_adds(out, "(SELECT ");
	for (size_t i = 0; i < t->rq->nprimary_keys; i++) {
		duck_ident(out, t->rq->primary_keys[i]);
		buf_addf(out, " AS k%zu, ", i);
	}
	buf_addf(out, "count(*) AS n FROM staged%s GROUP BY ALL)", rows);
}

/* "k0 IS NULL OR k1 IS NULL" */
static void add_null(const struct attempt *t, struct buf *out)
{
	for (size_t i = 0; i < t->rq->nprimary_keys; i++)
		buf_addf(out, "%sk%zu IS NULL", i ? " OR " : "", i);
}

/* For people, one of the keys that a check fails for: "; for example id = 7, origin = NULL in 2 rows". `rows` says which rows
 * of `staged`, `groups` which of their groups. */
static int add_example(struct attempt *t, const char *rows, const char *groups, struct buf *out)
{
	struct buf sql = BUF_INIT(1 << 24);
	buf_adds(&sql, "WITH staged AS (");
	verify_select(t, &sql);
	buf_adds(&sql, ") SELECT '; for example ");
	for (size_t i = 0; i < t->rq->nprimary_keys; i++) {
		buf_adds(&sql, i ? " || ', ' || " : "' || ");
		duck_literal(&sql, arena_printf(t->arena, "%s = ", t->rq->primary_keys[i]));
		buf_addf(&sql, " || coalesce(left(regexp_replace(CAST(k%zu AS VARCHAR), '[[:cntrl:]]', ' ', 'g'), %d), 'NULL')", i, VALUE_CHARS);
	}
	buf_adds(&sql, " || ' in ' || n || if(n = 1, ' row', ' rows') FROM ");
	add_groups(t, rows, &sql);
	buf_addf(&sql, "%s ORDER BY n DESC", groups);
	for (size_t i = 0; i < t->rq->nprimary_keys; i++)
		buf_addf(&sql, ", k%zu", i);
	buf_adds(&sql, " LIMIT 1");
	struct duck_error e;
	int rc = duck_text(t->session.con, buf_cstr(&sql), out, &e);
	buf_free(&sql);
	return rc < 0 ? attempt_fail_duck(t, &e, -1) : 0;
}

/* One pass: the groups of a unique key have one row each, and none of them is of a NULL. */
static int count_keys(struct attempt *t, int64_t *ret_nulls, int64_t *ret_twice)
{
	struct buf sql = BUF_INIT(1 << 22);
	buf_adds(&sql, "SELECT CAST(coalesce(sum(n) FILTER (WHERE ");
	add_null(t, &sql);
	buf_adds(&sql, "), 0) AS BIGINT), count(*) FILTER (WHERE n > 1) FROM ");
	add_groups(t, "", &sql);
	int64_t found[2] = {0};
	int rc = count(t, buf_cstr(&sql), found, 2);
	*ret_nulls = found[0];
	*ret_twice = found[1];
	buf_free(&sql);
	return rc;
}

/* What is wrong with the key, into `failure`; nothing: it is right. */
static int find_bad_keys(struct attempt *t, const char *keys, struct buf *failure)
{
	int64_t nulls, twice;
	if (count_keys(t, &nulls, &twice) < 0)
		return -1;
	if (nulls > 0)
		buf_addf(failure, "%" PRId64 " row%s NULL in (%s)", nulls, nulls == 1 ? " has" : "s have", keys);
	if (twice > 0)
		buf_addf(failure, "%s%" PRId64 " value%s of (%s) %s there more than once", failure->len ? ", and " : "", twice,
		         twice == 1 ? "" : "s", keys, twice == 1 ? "is" : "are");
	if (!failure->len)
		return 0;
	struct buf bad = BUF_INIT(1 << 20);
	buf_adds(&bad, " WHERE n > 1 OR ");
	add_null(t, &bad);
	int rc = add_example(t, "", buf_cstr(&bad), failure);
	buf_free(&bad);
	return rc;
}

/* The first column of the key that is not there; NULL: all are. */
static const char *missing_key(const struct attempt *t)
{
	for (size_t i = 0; i < t->rq->nprimary_keys; i++) {
		if (!has_column(t, t->rq->primary_keys[i]))
			return t->rq->primary_keys[i];
	}
	return NULL;
}

static int check_primary_keys(struct attempt *t)
{
	const char *missing = missing_key(t);
	if (missing) {
		note(t, "primary_keys", arena_printf(t->arena, "no column '%s'", missing));
		return 0;
	}
	struct buf keys = BUF_INIT(1 << 20), failure = BUF_INIT(1 << 20);
	for (size_t i = 0; i < t->rq->nprimary_keys; i++) {
		buf_adds(&keys, i ? ", " : "");
		duck_ident(&keys, t->rq->primary_keys[i]);
	}
	int rc = find_bad_keys(t, buf_cstr(&keys), &failure);
	if (rc == 0)
		note(t, "primary_keys", failure.len ? arena_strdup(t->arena, buf_cstr(&failure)) : NULL);
	buf_free(&keys);
	buf_free(&failure);
	return rc;
}

static int check_timestamp(struct attempt *t)
{
	const char *name = t->rq->timestamp_col;
	if (!has_column(t, name)) {
		note(t, "timestamp_col", arena_printf(t->arena, "no column '%s'", name));
		return 0;
	}
	struct buf null = BUF_INIT(1 << 16), failure = BUF_INIT(1 << 20);
	buf_adds(&null, " WHERE ");
	duck_ident(&null, name);
	buf_adds(&null, " IS NULL");
	int64_t nulls = 0;
	int rc = count(t, arena_printf(t->arena, "SELECT count(*) FROM staged%s", buf_cstr(&null)), &nulls, 1);
	if (rc == 0 && nulls > 0)
		buf_addf(&failure, "%" PRId64 " row%s NULL in %s", nulls, nulls == 1 ? " has" : "s have", name);
	if (rc == 0 && nulls > 0 && t->rq->nprimary_keys && !missing_key(t))
		rc = add_example(t, buf_cstr(&null), "", &failure);
	if (rc == 0)
		note(t, "timestamp_col", failure.len ? arena_strdup(t->arena, buf_cstr(&failure)) : NULL);
	buf_free(&null);
	buf_free(&failure);
	return rc;
}

/* Is `declared` another spelling of `actual` ("int" of INTEGER)? */
static bool same_type(struct attempt *t, const char *declared, const char *actual)
{
	if (strcasecmp(declared, actual) == 0)
		return true;
	struct buf out = BUF_INIT(1 << 16);
	struct duck_error e;
	bool same = duck_type_name(t->session.con, declared, &out, &e) == 0 && strcasecmp(buf_cstr(&out), actual) == 0;
	buf_free(&out);
	return same;
}

static void check_columns(struct attempt *t)
{
	struct buf b = BUF_INIT(4096);
	for (size_t i = 0; i < t->rq->ncolumns; i++) {
		const struct column *want = &t->rq->columns[i];
		if (t->rq->partitioned && strcasecmp(want->name, "dt") == 0)
			continue;
		size_t k = 0;
		while (k < t->nschema && strcasecmp(t->schema[k].name, want->name) != 0)
			k++;
		if (k == t->nschema)
			buf_addf(&b, "%sno column '%s'", b.len ? ", " : "", want->name);
		else if (want->type && *want->type && !same_type(t, want->type, t->schema[k].type))
			buf_addf(&b, "%s'%s' is %s, declared %s", b.len ? ", " : "", want->name, t->schema[k].type, want->type);
	}
	note(t, "columns", b.len ? arena_strdup(t->arena, buf_cstr(&b)) : NULL);
	buf_free(&b);
}

int checks_evaluate(struct attempt *t)
{
	const struct try_request *rq = t->rq;
	if (!rq->allow_empty)
		note(t, "allow_empty", t->rows == 0 ? "the result has no rows" : NULL);
	if (t->nfiles == 0)
		return 0; /* no input: there is nothing to look at */
	if (rq->ncolumns)
		check_columns(t);
	if (rq->nprimary_keys && check_primary_keys(t) < 0)
		return -1;
	return rq->timestamp_col ? check_timestamp(t) : 0;
}

int checks_verdict(struct attempt *t)
{
	struct buf b = BUF_INIT(8192);
	for (size_t i = 0; i < t->nchecks; i++) {
		if (strcmp(t->checks[i].status, "failed") == 0)
			buf_addf(&b, "%scheck %s failed: %s", b.len ? "; " : "", t->checks[i].name, t->checks[i].detail);
	}
	int rc = 0;
	if (b.len) {
		t->keep = t->nfiles > 0 && !t->rq->check_only;
		rc = attempt_fail(t, "check", "%s%s", buf_cstr(&b), t->rq->check_only ? "; this is what is published, and it stays" : "");
	}
	buf_free(&b);
	return rc;
}

int checks_run(struct attempt *t)
{
	return checks_evaluate(t) < 0 ? -1 : checks_verdict(t);
}
