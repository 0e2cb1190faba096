# Asking for data: sql, preview and the catalog. A project of two tables, ods_sales partitioned and
# ads_total over all its days.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<-'END'
		layer_dependencies: {ods: [], ads: [ods]}
		sources: {ods_sales: {path: raw/sales}}
	END
	project_file dags/ods/ods_sales.sql <<-'END'
		SELECT shop, amount, '${PARTITION_DATE}' AS dt FROM tmp_ods_sales
	END
	project_file dags/ads/ads_total.sql <<-'END'
		SELECT shop, sum(amount) AS total FROM ods.ods_sales GROUP BY shop ORDER BY shop
	END
	printf 'shop,amount\nnorth,10\nsouth,5\n' | project_file raw/sales/dt=2024-01-01/a.csv
	printf 'shop,amount\nnorth,32\n' | project_file raw/sales/dt=2024-01-02/a.csv
}

teardown() { project_remove; }

# Every published file, its inode and content; not its times, which a pin by hard link changes.
published() {
	find ods ads -type f -printf '%p %i %s\n' | sort
	find ods ads -type f -exec sha256sum {} + | sort
}

built() {
	strata -q run --start 2024-01-01 --end 2024-01-02 >/dev/null
}

@test "sql: the same rows as a table, JSON and CSV" {
	built
	query='SELECT shop, sum(amount) AS n, count(*) > 1 AS often FROM ods.ods_sales GROUP BY shop ORDER BY shop'
	run strata sql "$query"
	assert_status 0
	[ "${lines[0]}" = "shop    n  often" ]
	[ "${lines[1]}" = "north  42  true" ]
	[ "$(strata sql "$query" --output json | json '.[] | "\(.shop) \(.n + 1) \(.often)"')" = $'north 43 true\nsouth 6 false' ]
	[ "$(strata sql - --output csv <<< "$query")" = $'shop,n,often\nnorth,42,true\nsouth,5,false' ]
	[ "$(strata sql "SELECT count(*) AS n FROM ods.ods_sales_dt('2024-01-01')" -o csv)" = $'n\n2' ]
	[ "$(strata sql 'FROM ods.ods_sales' --limit 1 -o json | json length)" = 1 ]
}

@test "sql: names that come twice, nulls, numbers without a JSON form" {
	built
	[ "$(strata sql "SELECT 1 AS a, 2 AS a, NULL AS \"x\"\"y\", 1e308 * 10 AS inf, 98765432109876543210 AS big" -o json | tr -d ' \n')" = \
		'[{"a":1,"a_1":2,"x\"y":null,"inf":"inf","big":98765432109876543210}]' ]
	[ "$(strata sql 'FROM ods.ods_sales WHERE false' -o json 2>/dev/null)" = "[]" ]
}

@test "sql: the engine's message with its place, exit 1; what is no query is refused" {
	built
	run strata sql $'SELECT shop,\n  amuont FROM ods.ods_sales'
	assert_status 1
	assert_output_has 'line 2, column 3: Binder Error: Referenced column "amuont" not found'
	before=$(published)
	for statement in 'CREATE TABLE t AS SELECT 1' "COPY (SELECT 1) TO 'x.csv'" 'SELECT 1; SELECT 2' 'DROP VIEW ods.ods_sales'; do
		run strata sql "$statement"
		assert_status 1
	done
	[ ! -e x.csv ]
	run strata sql ' ; '
	assert_status 2
	[ "$(published)" = "$before" ]
}

@test "sql: works beside a file with an error" {
	built
	echo 'SELECT FROM' > dags/ads/ads_total.sql
	[ "$(strata sql 'SELECT sum(amount) AS n FROM ods.ods_sales' -o csv)" = $'n\n47' ]
}

@test "preview: the edited file's rows on what is published, and nothing is left" {
	built
	before=$(published)
	sed -i 's/ORDER BY shop/ORDER BY total DESC/' dags/ads/ads_total.sql
	[ "$(strata preview ads_total --limit 1 -o csv)" = $'shop,total\nnorth,42' ]
	[ "$(strata preview ods_sales --date 2024-01-02 -o json | json '.[] | "\(.shop) \(.amount) \(.dt)"')" = "north 32 2024-01-02" ]
	[ "$(published)" = "$before" ]
	[ -z "$(ls .strata/staging)" ]
	[ "$(strata runs -o json | json length)" = 1 ]
}

@test "preview: errors of the SQL are at the file's line; what was never built is named" {
	run strata preview ads_total
	assert_status 0
	assert_output_has "no input: ods.ods_sales"
	built
	printf "SELECT count(*) AS n FROM ods.ods_sales_dt('2024-01-05')\n" > dags/ads/ads_total.sql
	run strata preview ads_total
	assert_status 1
	assert_output_has "ods.ods_sales 2024-01-05 was never built; select +ads_total"
	printf "SELECT shop,\n  CAST(shop AS INTEGER) AS n\nFROM ods.ods_sales\n" > dags/ads/ads_total.sql
	run strata preview ads_total
	assert_status 1
	assert_output_has "dags/ads/ads_total.sql:2:3: Conversion Error"
	printf "SELECT shpo FROM ods.ods_sales\n" > dags/ads/ads_total.sql
	run strata preview ads_total
	assert_status 2
	assert_output_has "dags/ads/ads_total.sql:1:8: error"
}

@test "catalog: an independent DuckDB reads it; migrations are applied once" {
	built
	strata catalog refresh --catalog mine.duckdb -o json > refreshed.json
	[ "$(json '.[0].tables' < refreshed.json)" = 2 ]
	[ "$(query "ATTACH 'mine.duckdb' AS m (READ_ONLY)" 'SELECT total::INTEGER FROM m.ads.ads_total ORDER BY shop')" = $'42\n5' ]
	project_file catalog/migrations/0001_best.sql <<-'END'
		CREATE VIEW ads.best AS SELECT shop FROM ads.ads_total ORDER BY total DESC LIMIT 1;
		CREATE TABLE copied AS SELECT 1;
	END
	[ "$(strata catalog migrate -o json | json '.[] | "\(.file) \(.outcome)"')" = $'0001_best.sql applied\n0001_best.sql skipped' ]
	[ "$(strata -q catalog migrate -o json)" = "[]" ]
	echo '-- changed' >> catalog/migrations/0001_best.sql
	run strata catalog migrate
	assert_status 1
	assert_output_has 0001_best.sql
}

@test "sql: a result larger than a line of the protocol comes whole" {
	built
	strata sql 'SELECT range AS n FROM range(200000)' --output csv > rows.csv
	[ "$(wc -l < rows.csv)" = 200001 ]
	[ "$(tail -1 rows.csv)" = 199999 ]
}
