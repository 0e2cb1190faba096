# What is absent, empty, or was never built.
load helper

setup() {
	project_shop
}
teardown() {
	project_remove
}

range="--start 2024-01-01 --end 2024-01-03"

@test "without the source's folder a run fails and the lake is byte-identical" {
	shop_days 1 3
	raw_settle
	strata run $range
	before=$(lake_listing)
	mv raw raw_
	run -1 strata run $range
	assert_output_has "raw/orders"
	assert_equal "$(lake_listing)" "$before"
	mv raw_ raw
	run -0 strata run $range
	assert_equal "$(lake_listing)" "$before"
}

@test "a date that RAW does not have any more is cleared, and the run says so" {
	shop_days 1 3
	raw_settle
	strata run $range
	[ -d ods/ods_orders/dt=2024-01-02 ]
	rm -r raw/orders/dt=2024-01-02
	run -0 strata run ods_orders $range
	assert_output_has "cleared 1 partition that had rows (2 rows)"
	[ ! -e ods/ods_orders/dt=2024-01-02 ]
	[ -f ods/ods_orders/dt=2024-01-01/_SUCCESS ] && [ -f ods/ods_orders/dt=2024-01-03/_SUCCESS ]
	assert_equal "$(strata --output json tasks | json '.[] | "\(.table) \(.partition) \(.result)"')" "ods.ods_orders 2024-01-02 empty"
	# Whoever reads it finds no rows there, and the sums follow.
	run -0 strata run $range
	assert_output_has "cleared 1 partition that had rows (2 rows)"
	[ ! -e dwd/dwd_orders/dt=2024-01-02 ]
	[ "$(query "SELECT orders FROM 'dws/dws_week/dt=2024-01-03/*.parquet'")" = 4 ]
	run -0 strata run $range
	assert_output_has "9 fresh"
}

@test "a date that RAW never had is empty, and is fresh afterwards" {
	shop_days 1 2
	raw_settle
	run -0 strata run $range
	assert_output_has "empty"
	[ ! -e ods/ods_orders/dt=2024-01-03 ]
	[ "$(query "SELECT orders FROM 'dws/dws_week/dt=2024-01-03/*.parquet'")" = 4 ]
	run -0 strata run $range
	assert_output_has "9 fresh"
}

@test "what is no CSV and no date is told: in the run's line, and once in a warning" {
	shop_days 1 1
	mkdir -p raw/orders/dt=2024-01-02 raw/orders/dt=20240103 raw/orders/dt=2024-1-3
	echo "id" | tee raw/orders/dt=2024-01-02/a.tsv > raw/orders/dt=2024-01-02/b.txt
	raw_settle
	run -0 strata plan $range
	assert_output_has "warning: in 'raw/orders', dt=2024-1-3, dt=20240103: no date dt=YYYY-MM-DD, so not read"
	run -0 strata run ods_orders $range
	assert_output_has "2 files in raw/orders/dt=2024-01-02 match no *.csv: a.tsv, b.txt"
	[ "$(grep -c "no date dt=YYYY-MM-DD" <<< "$output")" = 1 ]
}

@test "a range without any RAW says which dates RAW has" {
	shop_days 1 3
	run -0 strata run --start 2024-02-01 --end 2024-02-02
	assert_output_has "RAW has 2024-01-01 to 2024-01-03"
}

@test "an upstream that was never built is named, with the selection that builds it" {
	project_file dags/ads/ads_orders.sql <<< "SELECT * FROM dwd.dwd_orders WHERE dt = '\${PARTITION_DATE}'"
	shop_days 15 15
	run -1 strata run ads_orders --date 2024-01-15
	assert_output_has "dwd.dwd_orders 2024-01-15 was never built; select +ads_orders"
	[ ! -e ads ]
	run -0 strata run +ads_orders --date 2024-01-15
	[ "$(query "SELECT count(*) FROM 'ads/ads_orders/dt=2024-01-15/*.parquet'")" = 2 ]
}

@test "a table that selects another date than its partition's is refused" {
	shop_days 1 1
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount, '2024-01-02' AS dt FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	run -1 strata run +dwd_orders --date 2024-01-01
	assert_output_has "dwd.dwd_orders 2024-01-01"
	assert_output_has "dt"
	[ -f ods/ods_orders/dt=2024-01-01/_SUCCESS ]
	[ ! -e dwd/dwd_orders ]
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount, CASE WHEN id = 2 THEN NULL ELSE dt END AS dt FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	run -1 strata run dwd_orders --date 2024-01-01
	[ ! -e dwd/dwd_orders ]
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount, dt::DATE AS dt FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	run -0 strata run dwd_orders --date 2024-01-01
	[ "$(query "SELECT string_agg(name) FROM parquet_schema('dwd/dwd_orders/dt=2024-01-01/*.parquet') WHERE num_children IS NULL")" = id,amount ]
}

@test "a change of layout is refused, both ways, and loses nothing" {
	shop_days 1 2
	raw_settle
	strata run --start 2024-01-01 --end 2024-01-02
	before=$(lake_listing)
	project_file dags/dws/dws_week.sql <<< "SELECT count(*) AS orders FROM dwd.dwd_orders"
	run -1 strata run dws_week --date 2024-01-02
	assert_output_has "clear --data dws.dws_week"
	assert_equal "$(lake_listing)" "$before"
	project_file dags/ads/ads_all.sql <<< "SELECT count(*) AS orders FROM dwd.dwd_orders"
	strata run ads_all --date 2024-01-02
	before=$(lake_listing)
	project_file dags/ads/ads_all.sql <<< "SELECT count(*) AS orders FROM dwd.dwd_orders WHERE dt = '\${PARTITION_DATE}'"
	run -1 strata run ads_all --date 2024-01-02
	assert_output_has "clear --data ads.ads_all"
	assert_equal "$(lake_listing)" "$before"
}

@test "a table without columns to guess from is empty when it never had input" {
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: [ods], dws: [dwd], ads: [dws, dwd]}
		sources:
		  ods_orders: {path: raw/orders}
	EOF
	mkdir -p raw/orders
	run -0 strata run --date 2024-01-01
	assert_output_has "no input"
	[ ! -e dwd ]
}
