/* executor/analyze: random joins, conditions and nestings give the same rows on what they are said to read.
 * Queries that DuckDB refuses must be refused both ways; a seed makes the run the same every time
 * (STRATA_SEED, STRATA_QUERIES for more). */
#include "read_set.h"

#include <stdlib.h>

static uint64_t seed;

static unsigned roll(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

static const char *pick(const char *const *words, unsigned n)
{
	return words[roll(n)];
}
#define PICK(...) pick((const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* Names that the query may use, by number: t0, t1, ... */
struct query {
	struct buf text;
	unsigned names, depth;
	bool cte; /* there is one named a */
};

static void add_constant(struct query *q)
{
	buf_adds(&q->text, PICK("'${PARTITION_DATE}'", "'${PARTITION_DATE-1}'", "'${PARTITION_DATE-2}'", "'2013-01-03'",
	                        "DATE '2013-01-04'", "'2013-01-02'"));
}

static void add_dt(struct query *q, unsigned from)
{
	if (roll(3) == 0 || from == q->names)
		buf_adds(&q->text, "dt");
	else
		buf_addf(&q->text, "t%u.dt", from + roll(q->names - from));
}

static void add_select(struct query *q);

static void add_condition(struct query *q, unsigned from, unsigned depth);

/* Its names are forgotten after it, so that others like them may shadow and be shadowed. */
static void add_subquery(struct query *q, unsigned from, unsigned depth)
{
	unsigned names = q->names, own = roll(4) ? names : roll(names + 1);
	const char *table = PICK("dwd.a", "dwd.b", "dws.a", "dim.d", "dim.e");
	buf_addf(&q->text, "t%u.k %sIN (SELECT k FROM %s t%u", roll(names + 1), PICK("", "", "NOT "), table, own);
	if (own == names)
		q->names++;
	if (roll(3) == 0)
		buf_addf(&q->text, " JOIN %s t%u USING (dt)", PICK("dwd.a", "dwd.b", "dim.e"), q->names++);
	buf_adds(&q->text, " WHERE ");
	add_condition(q, from, depth + 1);
	buf_adds(&q->text, ")");
	q->names = names;
}

static void add_condition(struct query *q, unsigned from, unsigned depth)
{
	switch (depth > 2 ? roll(6) : roll(10)) {
	case 0:
	case 1:
		add_dt(q, from);
		buf_adds(&q->text, PICK(" = ", " = ", " >= ", " < ", " <= ", " > ", " <> "));
		add_constant(q);
		break;
	case 2:
		add_dt(q, from);
		buf_adds(&q->text, " BETWEEN ");
		add_constant(q);
		buf_adds(&q->text, " AND ");
		add_constant(q);
		break;
	case 3:
		add_dt(q, from);
		buf_adds(&q->text, PICK(" IN (", " IN (", " NOT IN ("));
		add_constant(q);
		buf_adds(&q->text, ", ");
		add_constant(q);
		buf_adds(&q->text, ")");
		break;
	case 4:
		add_dt(q, from);
		buf_adds(&q->text, PICK(" = ", " <= ", " IS DISTINCT FROM "));
		add_dt(q, from);
		break;
	case 5:
		buf_addf(&q->text, "t%u.k %s %u", from + roll(q->names > from ? q->names - from : 1), PICK("=", "<", ">"),
		         roll(4) + 1);
		break;
	case 6:
		add_subquery(q, from, depth + 1);
		break;
	case 7:
		buf_adds(&q->text, PICK("NOT (", "EXISTS (SELECT 1 WHERE ", "("));
		add_condition(q, from, depth + 1);
		buf_adds(&q->text, ")");
		break;
	default:
		buf_adds(&q->text, "(");
		add_condition(q, from, depth + 1);
		buf_adds(&q->text, PICK(" AND ", " AND ", " OR "));
		add_condition(q, from, depth + 1);
		buf_adds(&q->text, ")");
		break;
	}
}

static void add_from(struct query *q, unsigned depth)
{
	unsigned first = q->names, kind = depth > 2 ? 0 : roll(8);
	if (kind < 3) {
		const char *table = PICK("dwd.a", "dwd.b", "dws.a", "dim.d", "dim.e", "dwd.a_dt('${PARTITION_DATE-1}')");
		buf_addf(&q->text, "%s t%u", q->cte && roll(3) == 0 ? "a" : table, q->names++);
		return;
	}
	if (kind == 3 && q->depth < 2) {
		buf_adds(&q->text, "(");
		struct query inner = {.text = q->text, .names = q->names, .depth = q->depth + 1, .cte = q->cte};
		add_select(&inner);
		q->text = inner.text;
		q->names = inner.names;
		buf_addf(&q->text, ") t%u", q->names++);
		return;
	}
	bool nest = roll(3) == 0;
	const char *join = PICK(" JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN ", " SEMI JOIN ", " ANTI JOIN ", ", ",
	                        " NATURAL JOIN ", " POSITIONAL JOIN ", " ASOF JOIN ", " ASOF LEFT JOIN ", " JOIN ", " LEFT JOIN ");
	/* Which row an ASOF or POSITIONAL join takes must not hang on the order of another join's rows. */
	bool ordered = strstr(join, "ASOF") || strstr(join, "POSITIONAL");
	add_from(q, ordered ? 9 : depth + 1);
	buf_adds(&q->text, join);
	buf_adds(&q->text, nest ? "(" : "");
	add_from(q, ordered ? 9 : depth + 1);
	buf_adds(&q->text, nest ? ")" : "");
	if (strstr(join, ",") || strstr(join, "NATURAL") || strstr(join, "POSITIONAL"))
		return;
	unsigned on = roll(4);
	if (strstr(join, "ASOF")) {
		buf_addf(&q->text, " ON t%u.k = t%u.k AND t%u.dt >= t%u.dt", first, q->names - 1, first, q->names - 1);
	} else if (on == 0) {
		buf_adds(&q->text, PICK(" USING (dt)", " USING (k)", " USING (dt, k)"));
	} else {
		buf_addf(&q->text, " ON t%u.k = t%u.k AND ", first, q->names - 1);
		add_condition(q, first, 1);
	}
}

static void add_select(struct query *q)
{
	unsigned first = q->names;
	bool limit = roll(6) == 0;
	buf_adds(&q->text, PICK("SELECT * FROM ", "SELECT * FROM ", "SELECT COLUMNS('^(k|dt)') FROM ", "SELECT DISTINCT * FROM "));
	add_from(q, q->depth);
	if (roll(5) > 0) {
		buf_adds(&q->text, " WHERE ");
		add_condition(q, first, 0);
	}
	if (limit)
		buf_addf(&q->text, " ORDER BY ALL LIMIT %u", roll(5) + 1);
}

static void random_queries_see_what_they_need(void **state)
{
	(void)state;
	const char *start = getenv("STRATA_SEED"), *count = getenv("STRATA_QUERIES");
	int64_t first = 1, n = 400;
	if (start)
		str_to_i64(start, &first);
	if (count)
		str_to_i64(count, &n);
	int64_t ran_in_all = 0, narrowed = 0;
	int bad = 0;
	struct buf message = BUF_INIT(1 << 16);
	for (int64_t i = first; i < first + n && bad < 5; i++) {
		struct arena arena = {0};
		struct query q = {.text = BUF_INIT(1 << 20)};
		seed = (uint64_t)i * 0x9e3779b97f4a7c15u;
		if (roll(4) == 0) {
			buf_adds(&q.text, "WITH a AS (");
			add_select(&q);
			buf_adds(&q.text, ") ");
			q.cte = true;
		}
		add_select(&q);
		struct analysis a = lake_analyze(&arena, buf_cstr(&q.text));
		bool ran = false;
		buf_clear(&message);
		if (!a.error && !lake_agrees(&arena, &a, buf_cstr(&q.text), 15706 + (int32_t)(i % 6), &ran, &message)) {
			struct buf refs = BUF_INIT(1 << 16);
			describe_refs(&a, &refs);
			print_error("STRATA_SEED=%d: %s\n  reads %s%s\n", (int)i, buf_cstr(&q.text), buf_cstr(&refs), buf_cstr(&message));
			buf_free(&refs);
			bad++;
		}
		ran_in_all += ran;
		for (size_t k = 0; ran && k < a.nrefs; k++)
			narrowed += a.refs[k].spans[0].lo.kind != BOUND_NONE || a.refs[k].spans[0].hi.kind != BOUND_NONE;
		buf_free(&q.text);
		arena_free(&arena);
	}
	buf_free(&message);
	print_message("%d of %d queries ran, %d references narrowed\n", (int)ran_in_all, (int)n, (int)narrowed);
	assert_int_equal(bad, 0);
	assert_true(ran_in_all > n / 10 && narrowed > n / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_queries_see_what_they_need),
	};
	return cmocka_run_group_tests_name("read_set_random", tests, lake_open, lake_close);
}
