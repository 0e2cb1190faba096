# What is fresh, what is not, and that a run changes nothing else.
load helper

setup() {
	project_shop
}
teardown() {
	project_remove
}

days="--start 2024-01-01 --end 2024-01-14"

@test "a second run changes no inode of the lake and says that everything is fresh" {
	shop_days 1 14
	raw_settle
	strata run $days
	before=$(lake_listing)
	run -0 strata run $days
	assert_output_has "42 fresh"
	assert_output_has "0 to run"
	assert_equal "$(lake_listing)" "$before"
	[ "$(strata --output json runs | json '.[0] | "\(.result) \(.tasks) \(.fresh)"')" = "success 0 42" ]
}

@test "rebuilding day D-3 makes exactly D-3 to D+3 of the seven-day table stale" {
	shop_days 1 14
	raw_settle
	strata run $days
	strata run dwd_orders --date 2024-01-04 --force
	expected=$(for day in 04 05 06 07 08 09 10; do
		echo "dws.dws_week 2024-01-$day build upstream changed: dwd.dwd_orders 2024-01-04"
	done)
	assert_equal "$(plan_says $days)" "$expected"
	strata run $days
	assert_equal "$(strata --output json tasks | json '.[] | "\(.table) \(.partition)"' | sort)" "$(cut -d' ' -f1,2 <<< "$expected")"
	assert_equal "$(plan_says $days)" ""
}

@test "other content of the same size and time in RAW is seen" {
	shop_raw 2024-01-01 1=5 2=7
	shop_raw 2024-01-02 1=8
	raw_settle
	strata run --start 2024-01-01 --end 2024-01-02
	file=raw/orders/dt=2024-01-01/orders.csv
	sed 's/,7/,9/' $file > other.csv
	touch -r $file other.csv
	[ "$(stat -c '%s %y' $file)" = "$(stat -c '%s %y' other.csv)" ]
	cp -p other.csv $file
	raw_settle
	assert_equal "$(plan_says ods_orders --start 2024-01-01 --end 2024-01-02)" "ods.ods_orders 2024-01-01 build source changed"
	strata run --start 2024-01-01 --end 2024-01-02
	[ "$(query "SELECT sum(amount) FROM 'dwd/dwd_orders/dt=2024-01-01/*.parquet'")" = 14 ]
	[ "$(query "SELECT amount FROM 'dws/dws_week/dt=2024-01-02/*.parquet'")" = 22 ]
}

@test "a published partition that somebody removed is built again" {
	shop_days 1 3
	raw_settle
	strata run --start 2024-01-01 --end 2024-01-03
	rm -rf dwd/dwd_orders/dt=2024-01-02
	assert_equal "$(plan_says dwd_orders --start 2024-01-01 --end 2024-01-03)" \
		"dwd.dwd_orders 2024-01-02 build missing in the lake"
	strata run --start 2024-01-01 --end 2024-01-03
	[ "$(query "SELECT sum(amount) FROM 'dwd/dwd_orders/dt=2024-01-02/*.parquet'")" = 102 ]
	[ -f dwd/dwd_orders/dt=2024-01-02/_SUCCESS ]
	assert_equal "$(plan_says --start 2024-01-01 --end 2024-01-03)" ""
}

@test "a published file that somebody removed or truncated is built again" {
	shop_days 1 2
	raw_settle
	strata run --start 2024-01-01 --end 2024-01-02
	rm dwd/dwd_orders/dt=2024-01-01/*.parquet
	truncate -s -1 dwd/dwd_orders/dt=2024-01-02/*.parquet
	assert_equal "$(plan_says dwd_orders --start 2024-01-01 --end 2024-01-02)" \
		"$(printf 'dwd.dwd_orders 2024-01-0%s build changed in the lake\n' 1 2)"
	strata run --start 2024-01-01 --end 2024-01-02
	[ "$(query "SELECT count(*) FROM 'dwd/dwd_orders/*/*.parquet'")" = 4 ]
	assert_equal "$(plan_says --start 2024-01-01 --end 2024-01-02)" ""
}

@test "an edit of the SQL rebuilds the table and its readers, a comment does not" {
	shop_days 1 2
	raw_settle
	strata run --start 2024-01-01 --end 2024-01-02
	sed -i '1i -- the orders' dags/dwd/dwd_orders.sql
	assert_equal "$(plan_says --start 2024-01-01 --end 2024-01-02)" ""
	sed -i 's/amount FROM/amount + 1 AS amount FROM/' dags/dwd/dwd_orders.sql
	expected=$(
		printf 'dwd.dwd_orders 2024-01-0%s build sql changed\n' 1 2
		printf 'dws.dws_week 2024-01-0%s build upstream will rebuild: dwd.dwd_orders 2024-01-01\n' 1 2
	)
	assert_equal "$(plan_says --start 2024-01-01 --end 2024-01-02)" "$expected"
	strata run --start 2024-01-01 --end 2024-01-02
	[ "$(query "SELECT amount FROM 'dws/dws_week/dt=2024-01-02/*.parquet'")" = 207 ]
}

@test "force builds what is selected and nothing else" {
	shop_days 1 2
	raw_settle
	strata run --start 2024-01-01 --end 2024-01-02
	strata run dwd_orders --start 2024-01-01 --end 2024-01-02 --force
	assert_equal "$(strata --output json tasks | json '.[] | "\(.table) \(.partition) \(.reason)"' | sort)" \
		"$(printf 'dwd.dwd_orders 2024-01-0%s forced\n' 1 2)"
	[ "$(manifest dwd/dwd_orders/dt=2024-01-01 .version)" = 2 ]
}
