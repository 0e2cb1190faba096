/* See checks.h. */
#include "executor/checks.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "executor/verify.h"

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

/* One pass: the groups of a unique key have one row each, and none of them is of a NULL. */
static int count_keys(struct attempt *t, int64_t *ret_nulls, int64_t *ret_twice)
{
	struct buf keys = BUF_INIT(1 << 20), null = BUF_INIT(1 << 20), sql = BUF_INIT(1 << 22);
	for (size_t i = 0; i < t->rq->nprimary_keys; i++) {
		duck_ident(&keys, t->rq->primary_keys[i]);
		buf_addf(&keys, " AS k%zu, ", i);
		buf_addf(&null, "%sk%zu IS NULL", i ? " OR " : "", i);
	}
	buf_addf(&sql, "SELECT CAST(coalesce(sum(n) FILTER (WHERE %s), 0) AS BIGINT), count(*) FILTER (WHERE n > 1) FROM "
	               "(SELECT %scount(*) AS n FROM staged GROUP BY ALL)", buf_cstr(&null), buf_cstr(&keys));
	int64_t found[2] = {0};
	int rc = count(t, buf_cstr(&sql), found, 2);
	*ret_nulls = found[0];
	*ret_twice = found[1];
	buf_free(&keys);
	buf_free(&null);
	buf_free(&sql);
	return rc;
}

static int check_primary_keys(struct attempt *t)
{
	struct buf keys = BUF_INIT(1 << 20), failure = BUF_INIT(1 << 20);
	for (size_t i = 0; i < t->rq->nprimary_keys; i++) {
		if (!has_column(t, t->rq->primary_keys[i])) {
			note(t, "primary_keys", arena_printf(t->arena, "no column '%s'", t->rq->primary_keys[i]));
			buf_free(&keys);
			return 0;
		}
		buf_adds(&keys, i ? ", " : "");
		duck_ident(&keys, t->rq->primary_keys[i]);
	}
	int64_t nulls, twice;
	int rc = count_keys(t, &nulls, &twice);
	if (rc == 0 && nulls > 0)
		buf_addf(&failure, "%" PRId64 " row%s NULL in (%s)", nulls, nulls == 1 ? " has" : "s have", buf_cstr(&keys));
	if (rc == 0 && twice > 0)
		buf_addf(&failure, "%s%" PRId64 " value%s of (%s) %s there more than once", failure.len ? ", and " : "", twice,
		         twice == 1 ? "" : "s", buf_cstr(&keys), twice == 1 ? "is" : "are");
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
	struct buf b = BUF_INIT(1 << 16);
	buf_adds(&b, "SELECT count(*) FROM staged WHERE ");
	duck_ident(&b, name);
	buf_adds(&b, " IS NULL");
	int64_t nulls = 0;
	int rc = count(t, buf_cstr(&b), &nulls, 1);
	buf_free(&b);
	if (rc < 0)
		return rc;
	note(t, "timestamp_col", nulls == 0 ? NULL : arena_printf(t->arena, "%" PRId64 " row%s NULL in %s", nulls,
	                                                         nulls == 1 ? " has" : "s have", name));
	return 0;
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

static int run_all(struct attempt *t)
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

int checks_run(struct attempt *t)
{
	if (run_all(t) < 0)
		return -1;
	struct buf b = BUF_INIT(8192);
	for (size_t i = 0; i < t->nchecks; i++) {
		if (strcmp(t->checks[i].status, "failed") == 0)
			buf_addf(&b, "%scheck %s failed: %s", b.len ? "; " : "", t->checks[i].name, t->checks[i].detail);
	}
	int rc = 0;
	if (b.len) {
		t->keep = t->nfiles > 0;
		rc = attempt_fail(t, "check", "%s", buf_cstr(&b));
	}
	buf_free(&b);
	return rc;
}
