/* executor/analyze: what each query reads, word for word, and that it gives the same rows when it sees
 * nothing else. D is ${PARTITION_DATE}. */
#include "read_set.h"

#define D "'${PARTITION_DATE}'"

static const struct {
	const char *reads, *sql;
} cases[] = {
	/* Plain. */
	{"dwd.a[*]", "SELECT * FROM dwd.a"},
	{"dwd.a[+0]", "SELECT * FROM dwd.a WHERE dt = " D},
	{"dwd.a[-1]", "SELECT * FROM dwd.a WHERE '${PARTITION_DATE-1}' = dt"},
	{"dwd.a[+1]", "SELECT * FROM dwd.a x WHERE x.dt = '${PARTITION_DATE+1}'"},
	{"dwd.a[01-03]", "SELECT * FROM dwd.a WHERE dt = '2013-01-03'"},
	{"dwd.a[-2:+0]", "SELECT * FROM dwd.a WHERE dt BETWEEN '${PARTITION_DATE-2}' AND " D},
	{"dwd.a[-2:+0]", "SELECT * FROM dwd.a WHERE dt >= '${PARTITION_DATE-2}' AND dt <= " D},
	{"dwd.a[-1]", "SELECT * FROM dwd.a WHERE dt > '${PARTITION_DATE-2}' AND dt < " D},
	{"dwd.a[*:+0]", "SELECT * FROM dwd.a WHERE " D " >= dt"},
	{"dwd.a[+1:*]", "SELECT * FROM dwd.a WHERE " D " < dt"},
	{"dwd.a[-3,-1:+0]", "SELECT * FROM dwd.a WHERE dt IN (" D ", '${PARTITION_DATE-1}', '${PARTITION_DATE-3}')"},
	{"dwd.a[-1:+0]", "SELECT * FROM dwd.a WHERE dt IN (" D ", '${PARTITION_DATE-1}')"},
	{"dwd.a[+0,01-02]", "SELECT * FROM dwd.a WHERE dt IN (" D ", '2013-01-02')"},
	{"dwd.a[-2,+0]", "SELECT * FROM dwd.a WHERE dt = " D " OR dt = '${PARTITION_DATE-2}'"},
	{"dwd.a[-2:+0]", "SELECT * FROM dwd.a WHERE (dt = " D " AND k = 1) OR (k > 1 AND dt BETWEEN '${PARTITION_DATE-2}' AND '${PARTITION_DATE-1}')"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt = " D " OR k = 1"},
	{"dwd.a[]", "SELECT * FROM dwd.a WHERE dt = " D " AND dt = '${PARTITION_DATE-1}'"},
	{"dwd.a[]", "SELECT * FROM dwd.a WHERE dt BETWEEN " D " AND '${PARTITION_DATE-2}'"},
	{"dwd.a[-1]", "SELECT * FROM dwd.a WHERE dt IN (" D ", '${PARTITION_DATE-1}') AND dt < " D},
	{"dwd.a[-3:+0]", "SELECT * FROM dwd.a WHERE dt BETWEEN '${PARTITION_DATE-3}' AND " D " AND dt >= '2013-01-02'"},
	{"dwd.a[01-02:+0]", "SELECT * FROM dwd.a WHERE dt >= '2013-01-02' AND dt <= " D},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE NOT dt = " D},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt <> " D},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt NOT IN (" D ")"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE CASE WHEN k = 1 THEN dt = " D " ELSE true END"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt LIKE '2013-01-0%'"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt = substr(" D ", 1, 10)"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt >= '2013-01'"},
	{"dwd.a[+0:*]", "SELECT * FROM dwd.a WHERE dt BETWEEN " D " AND '2013-2-1'"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt IN (" D ", NULL, substr(" D ", 1))"},
	/* Types of constants. */
	{"dwd.a[+0]", "SELECT * FROM dwd.a WHERE dt = DATE " D},
	{"dwd.a[+0]", "SELECT * FROM dwd.a WHERE dt = CAST(" D " AS VARCHAR)"},
	{"dwd.a[-2:+0]", "SELECT * FROM dwd.a WHERE dt::DATE BETWEEN DATE " D " - 2 AND DATE " D},
	{"dwd.a[-2:*]", "SELECT * FROM dwd.a WHERE CAST(dt AS DATE) >= DATE " D " - INTERVAL 2 DAY"},
	{"dwd.a[-2:*]", "SELECT * FROM dwd.a WHERE CAST(dt AS DATE) >= DATE " D " - INTERVAL '2' DAYS"},
	{"dwd.a[-2:*]", "SELECT * FROM dwd.a WHERE dt >= (DATE " D " - 2)::VARCHAR"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt >= (DATE " D " - INTERVAL 2 DAY)::VARCHAR"},
	{"dwd.a[-1:*]", "SELECT * FROM dwd.a WHERE dt >= ((DATE " D " - INTERVAL 2 DAY)::DATE + 1)::VARCHAR"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE CAST(dt AS DATE) >= DATE " D " - INTERVAL 1 MONTH"},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE strftime(dt::DATE, '%Y-%m-%d') = " D},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE dt < " D " || ' '"},
	{"dwd.a[+0]", "SELECT * FROM dwd.a WHERE TRY_CAST(dt AS DATE) = " D},
	/* Names. */
	{"dwd.a[+0]", "SELECT * FROM \"DWD\".\"A\" WHERE \"DT\" = " D},
	{"dwd.a[+0]", "SELECT * FROM dwd.a WHERE a.dt = " D},
	{"dwd.a[+0]", "SELECT * FROM dwd.a WHERE dwd.a.dt = " D},
	{"dwd.a[*]", "SELECT * FROM dwd.a WHERE s.dt = " D},
	{"dwd.a[+0]", "SELECT * FROM dwd.a AS dt WHERE dt = " D},
	{"dwd.a[+0]", "SELECT '2013-01-02' AS dt, k FROM dwd.a WHERE dt = " D},
	{"dwd.a[*]", "SELECT * FROM dwd.a AS x(dt, v2, l2, s2, c2, d2) WHERE x.dt::VARCHAR = " D},
	{"dwd.a[+0] dws.a[-1]", "SELECT x.k, y.v FROM dwd.a x JOIN dws.a y ON x.k = y.k WHERE x.dt = " D " AND y.dt = '${PARTITION_DATE-1}'"},
	{"dwd.a[+0] dws.a[-1]", "SELECT * FROM dwd.a, dws.a WHERE dwd.a.dt = " D " AND dws.a.dt = '${PARTITION_DATE-1}'"},
	{"dwd.a[+0]", "SELECT count(*) FROM dwd.a -- FROM dwd.b $$ " D "\nWHERE dt = " D " /* JOIN dws.a */"},
	{"dwd.a[+0]", "SELECT 'FROM dwd.b WHERE dt = 1' AS t, \"k\" FROM dwd.a WHERE dt = " D},
	{"dwd.a[*]", "FROM dwd.a"},
	{"dwd.a[+0]", "FROM dwd.a SELECT k WHERE dt = " D},
	{"dwd.a[*]", "TABLE dwd.a"},
	{"", "VALUES (1), (2)"},
	{"", "SELECT 1 AS x WHERE " D " = '2013-01-04'"},
	{"dwd.a[*]", "FROM (SUMMARIZE SELECT k FROM dwd.a)"},
	{"dwd.a[*]", "FROM (DESCRIBE dwd.a)"},
	{"dim.e[+0]", "SELECT * FROM dim.e WHERE dt = " D},
	/* CTEs. */
	{"dwd.a[+0]", "WITH x AS (SELECT * FROM dwd.a WHERE dt = " D ") SELECT * FROM x"},
	{"dwd.a[*]", "WITH x AS (SELECT * FROM dwd.a) SELECT * FROM x WHERE dt = " D},
	{"dwd.a[+0] dwd.a[*]", "WITH a AS (SELECT k FROM dwd.a WHERE dt = " D ") SELECT * FROM a, dwd.a z"},
	{"dwd.a[-1] dwd.b[+0]", "WITH x AS (SELECT * FROM dwd.a WHERE dt = '${PARTITION_DATE-1}'), y AS (SELECT * FROM x JOIN dwd.b USING (k) WHERE b.dt = " D ") SELECT * FROM y"},
	{"dwd.a[+0]", "WITH x AS (WITH x AS (SELECT k FROM dwd.a WHERE dt = " D ") SELECT k + 1 AS k FROM x) SELECT * FROM x"},
	{"dwd.a[*]", "WITH x AS MATERIALIZED (SELECT k FROM dwd.a) SELECT (SELECT max(k) FROM x) AS m, (WITH x AS (SELECT 9 AS k) SELECT k FROM x) AS n"},
	{"dwd.a[+0]", "WITH RECURSIVE r AS (SELECT k, 1 AS n FROM dwd.a WHERE dt = " D " UNION ALL SELECT k, n + 1 FROM r WHERE n < 3) SELECT * FROM r"},
	{"dwd.a[-1] dwd.b[*]", "WITH RECURSIVE r AS (SELECT min(k) AS k FROM dwd.a WHERE dt = '${PARTITION_DATE-1}' UNION SELECT b.k FROM r JOIN dwd.b b ON b.k = r.k + 1) SELECT * FROM r"},
	{"dwd.a[+0]", "WITH RECURSIVE r(k, n) USING KEY (k) AS (SELECT k, 1 FROM dwd.a WHERE dt = " D " UNION SELECT r.k, r.n + 1 FROM r JOIN recurring.r AS q ON q.k = r.k WHERE r.n < 3) SELECT * FROM r"},
	/* Macros. */
	{"dwd.a_dt[+0]", "SELECT * FROM dwd.a_dt(" D ")"},
	{"dwd.a_dt[-1] dwd.b_dt[01-02]", "SELECT x.k FROM dwd.a_dt('${PARTITION_DATE-1}') x JOIN dwd.b_dt('2013-01-02') y USING (k)"},
	{"dwd.a_dt[+0]", "SELECT * FROM DWD.A_DT(CAST(" D " AS DATE)::VARCHAR)"},
	{"dwd.a_dt[+0] dwd.a[-1]", "SELECT * FROM dwd.a_dt(" D ") UNION ALL SELECT * FROM dwd.a WHERE dt = '${PARTITION_DATE-1}'"},
	{"dwd.a_dt[*]", "SELECT * FROM dwd.a_dt(concat('2013-01-', '03'))"},
	{"dim.e[*] dwd.a_dt[*]", "SELECT * FROM dim.e, LATERAL (SELECT * FROM dwd.a_dt(e.dt))"},
	/* Sub-queries. */
	{"dwd.a[+0]", "SELECT * FROM (SELECT * FROM dwd.a WHERE dt = " D ") x"},
	{"dwd.a[*]", "SELECT * FROM (SELECT * FROM dwd.a) x WHERE x.dt = " D},
	{"dwd.a[+0] dwd.b[-1]", "SELECT * FROM dwd.a WHERE dt = " D " AND k IN (SELECT k FROM dwd.b WHERE dt = '${PARTITION_DATE-1}')"},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a WHERE dt = " D " AND EXISTS (SELECT 1 FROM dwd.b WHERE b.dt = a.dt AND a.dt = '${PARTITION_DATE-1}')"},
	{"dwd.b[-1] dwd.a[+0]", "SELECT k, (SELECT max(v) FROM dwd.b WHERE dt = '${PARTITION_DATE-1}') AS m FROM dwd.a WHERE dt = " D},
	{"dwd.a[*] dwd.b[-1]", "SELECT * FROM dwd.a WHERE dt = (SELECT max(dt) FROM dwd.b WHERE dt = '${PARTITION_DATE-1}')"},
	{"dwd.a[+0] dim.d[+0]", "SELECT * FROM dwd.a WHERE EXISTS (SELECT 1 FROM dim.d WHERE dt = " D " AND d.k = a.k) AND dt = " D},
	{"dwd.a[*] dwd.b[+0]", "SELECT * FROM dwd.a x WHERE NOT EXISTS (SELECT 1 FROM dwd.b x WHERE x.dt = " D " AND x.k > 3)"},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a x, LATERAL (SELECT sum(v) AS w FROM dwd.b WHERE b.dt <= x.dt) WHERE x.dt = " D},
	{"dwd.a[*]", "SELECT * FROM (FROM dwd.a ORDER BY dt, k LIMIT 3) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[-1]", "SELECT k FROM dwd.a WHERE dt = " D " ORDER BY (SELECT max(k) FROM dwd.b WHERE dt = '${PARTITION_DATE-1}'), k"},
	{"dwd.a[+0] dwd.b[*]", "SELECT k FROM dwd.a WHERE dt = " D " GROUP BY k HAVING k < (SELECT max(k) FROM dwd.b) AND max(dt) >= '${PARTITION_DATE-1}'"},
	/* Set operations. */
	{"dwd.a[+0] dwd.b[-1]", "SELECT k FROM dwd.a WHERE dt = " D " UNION SELECT k FROM dwd.b WHERE dt = '${PARTITION_DATE-1}'"},
	{"dwd.a[+0] dwd.b[*] dwd.a[-1]", "SELECT k FROM dwd.a WHERE dt = " D " EXCEPT SELECT k FROM dwd.b INTERSECT SELECT k FROM dwd.a WHERE dt = '${PARTITION_DATE-1}'"},
	{"dwd.a[+0] dwd.b[-1]", "SELECT k, dt FROM dwd.a WHERE dt = " D " UNION ALL BY NAME SELECT dt, v FROM dwd.b WHERE dt = '${PARTITION_DATE-1}' ORDER BY 1"},
	/* Joins. */
	{"dwd.a[+0] dim.d[+0]", "SELECT * FROM dwd.a JOIN dim.d USING (k) WHERE dt = " D},
	{"dwd.a[+0] dim.e[*]", "SELECT a.* FROM dwd.a JOIN dim.e ON a.k = e.k WHERE a.dt = " D},
	{"dwd.a[+0] dwd.b[+0]", "SELECT * FROM dwd.a JOIN dwd.b USING (dt, k) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[+0]", "SELECT * FROM dwd.a LEFT JOIN dwd.b USING (dt, k) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[+0]", "SELECT * FROM dwd.a RIGHT JOIN dwd.b USING (dt, k) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[+0]", "SELECT * FROM dwd.a FULL JOIN dwd.b USING (dt, k) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[+0] dws.a[+0]", "SELECT * FROM dwd.a FULL JOIN dwd.b USING (dt) FULL JOIN dws.a USING (dt) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[+0]", "SELECT * FROM dwd.a NATURAL JOIN dwd.b WHERE dt = " D},
	{"dwd.a[+0] dwd.b[+0] dws.a[*]", "SELECT * FROM dwd.a JOIN dwd.b USING (dt), dws.a WHERE dt = " D},
	{"dws.a[*] dwd.a[+0] dwd.b[+0]", "SELECT * FROM dws.a, dwd.a JOIN dwd.b USING (dt) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a LEFT JOIN dwd.b ON a.k = b.k WHERE a.dt = " D},
	{"dwd.a[*] dwd.b[+0]", "SELECT * FROM dwd.a LEFT JOIN dwd.b ON a.k = b.k AND b.dt = " D},
	{"dwd.a[*] dwd.b[*]", "SELECT * FROM dwd.a LEFT JOIN dwd.b ON a.k = b.k AND a.dt = " D},
	{"dwd.a[*] dwd.b[+0]", "SELECT * FROM dwd.a LEFT JOIN dwd.b ON a.k = b.k WHERE b.dt = " D},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a RIGHT JOIN dwd.b ON a.k = b.k AND a.dt = " D},
	{"dwd.a[*] dwd.b[*]", "SELECT * FROM dwd.a RIGHT JOIN dwd.b ON a.k = b.k AND b.dt = " D},
	{"dwd.a[*] dwd.b[*]", "SELECT * FROM dwd.a FULL JOIN dwd.b ON a.k = b.k AND b.dt = " D " AND a.dt = " D},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a FULL JOIN dwd.b ON a.k = b.k WHERE a.dt = " D},
	{"dwd.a[+0] dwd.b[-1]", "SELECT * FROM dwd.a JOIN dwd.b ON a.k = b.k AND a.dt = " D " AND b.dt = '${PARTITION_DATE-1}'"},
	{"dwd.a[+0] dwd.b[-1] dim.d[*]", "SELECT * FROM dwd.a LEFT JOIN (dwd.b JOIN dim.d ON b.k = d.k AND b.dt = '${PARTITION_DATE-1}') ON a.k = b.k WHERE a.dt = " D},
	{"dwd.a[*] dim.d[*] dwd.b[-1]", "SELECT * FROM dwd.a LEFT JOIN (dim.d LEFT JOIN dwd.b ON b.k = d.k) ON a.k = d.k AND b.dt = '${PARTITION_DATE-1}'"},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a SEMI JOIN dwd.b ON a.k = b.k WHERE dt = " D},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a ANTI JOIN dwd.b ON a.k = b.k AND b.v > 20 WHERE dt = " D},
	{"dwd.a[*] dwd.b[+0]", "SELECT * FROM dwd.a ANTI JOIN dwd.b ON a.k = b.k AND b.dt = " D " AND a.dt = " D},
	{"dwd.a[+0] dwd.b[-1]", "SELECT * FROM dwd.a SEMI JOIN dwd.b ON a.k = b.k AND b.dt = '${PARTITION_DATE-1}' AND a.dt = " D},
	{"dwd.a[+0] dwd.b[*]", "SELECT * FROM dwd.a ANTI JOIN dwd.b USING (dt, k) WHERE dt = " D},
	{"dwd.a[+0] dwd.b[*]", "SELECT a.k, a.v, b.v, b.dt FROM dwd.a ASOF LEFT JOIN dwd.b ON a.k = b.k AND a.v >= b.v WHERE a.dt = " D},
	{"dwd.a[*] dwd.b[*]", "SELECT a.k, a.v, b.v, b.dt FROM dwd.a ASOF JOIN dwd.b ON a.k = b.k AND a.v >= b.v WHERE b.dt = " D},
	{"dwd.a[*] dwd.b[*]", "SELECT * FROM (FROM dwd.a ORDER BY ALL) a POSITIONAL JOIN dwd.b WHERE b.dt = " D " AND a.v < 0"},
	{"dwd.a[-1] dwd.a[+0]", "SELECT x.k, x.v - y.v AS d FROM dwd.a x JOIN dwd.a y ON x.k = y.k WHERE x.dt = '${PARTITION_DATE-1}' AND y.dt = " D},
	{"dwd.a[+0] dwd.a[*]", "SELECT x.k FROM dwd.a x JOIN dwd.a y ON x.k = y.k AND y.dt < x.dt WHERE x.dt = " D},
	/* What comes after WHERE. */
	{"dwd.a[-2:+0]", "SELECT k, dt, sum(v) OVER (PARTITION BY k ORDER BY dt) AS w FROM dwd.a WHERE dt BETWEEN '${PARTITION_DATE-2}' AND " D},
	{"dwd.a[-2:+0]", "SELECT k, dt, v FROM dwd.a WHERE dt BETWEEN '${PARTITION_DATE-2}' AND " D " QUALIFY row_number() OVER (PARTITION BY k ORDER BY dt) = 1 AND dt = " D},
	{"dwd.a[*]", "SELECT k, dt, v FROM dwd.a QUALIFY row_number() OVER (PARTITION BY k ORDER BY dt DESC) = 1 AND dt = " D},
	{"dwd.a[*]", "SELECT dt, count(*) AS n FROM dwd.a GROUP BY dt HAVING dt = " D},
	{"dwd.a[+0]", "SELECT DISTINCT ON (k) k, v FROM dwd.a WHERE dt = " D " ORDER BY k, v"},
	{"dwd.a[-6:+0]", "SELECT k, avg(v) AS m FROM dwd.a WHERE dt BETWEEN '${PARTITION_DATE-6}' AND " D " GROUP BY ALL"},
	/* PIVOT and UNPIVOT. */
	{"dwd.a[+0]", "PIVOT (SELECT k, c, v FROM dwd.a WHERE dt = " D ") ON c IN ('p', 'q') USING sum(v) GROUP BY k"},
	{"dwd.a[*]", "PIVOT dwd.a ON c IN ('p', 'q') USING sum(v) GROUP BY dt"},
	{"dwd.a[*]", "SELECT * FROM (PIVOT dwd.a ON dt IN ('2013-01-02', '2013-01-03') USING sum(v) GROUP BY k)"},
	{"dwd.a[*]", "SELECT * FROM (SELECT k, c, v, dt FROM dwd.a) PIVOT (sum(v) FOR c IN ('p', 'q')) WHERE dt = " D},
	{"dwd.a[*]", "WITH x AS (SELECT k, v, dt FROM dwd.a) SELECT * FROM x UNPIVOT (w FOR n IN (k, v)) WHERE dt = " D},
	{"everything", "PIVOT (SELECT k, c, v FROM dwd.a WHERE dt = " D ") ON c USING sum(v) GROUP BY k"},
	{"everything", "SELECT * FROM query_table('raw.dwd_a')"},
};

static void each_query_reads_what_it_says(void **state)
{
	(void)state;
	struct buf refs = BUF_INIT(1 << 16), message = BUF_INIT(1 << 16);
	int bad = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena arena = {0};
		struct analysis a = lake_analyze(&arena, cases[i].sql);
		buf_clear(&refs);
		describe_refs(&a, &refs);
		if (!str_eq(buf_cstr(&refs), cases[i].reads)) {
			print_error("%s\n  reads %s\n  not   %s\n", cases[i].sql, buf_cstr(&refs), cases[i].reads);
			bad++;
		}
		for (int32_t day = 15706; day <= 15711 && !a.error; day++) {
			bool ran = false;
			buf_clear(&message);
			if (lake_agrees(&arena, &a, cases[i].sql, day, &ran, &message) && ran)
				continue;
			print_error("%s\n  on day %d%s\n", cases[i].sql, day, buf_cstr(&message));
			bad++;
			break;
		}
		arena_free(&arena);
	}
	buf_free(&refs);
	buf_free(&message);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_query_reads_what_it_says),
	};
	return cmocka_run_group_tests_name("read_set", tests, lake_open, lake_close);
}
