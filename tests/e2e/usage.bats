# What is wrong with the command line or the project is told before anything happens.
load helper

setup() {
	project_shop
	shop_days 1 1
}
teardown() {
	project_remove
}

@test "bad dates, options and commands are status 2" {
	for arguments in "run --date 2024-02-30" "run --date yesterday" "run --start 2024-01-05 --end 2024-01-01" \
		"run --date 2024-01-01 --end 2024-01-02" "run --jobs 0" "run --jobs many" "run --nonsense" "frobnicate" \
		"run --run-id a/b --date 2024-01-01" "backfill"; do
		run strata $arguments
		[ "$status" = 2 ] || { echo "strata $arguments: $status $output" >&2; return 1; }
		[ -n "$output" ]
	done
	[ ! -e ods ]
}

@test "a selection of nothing is status 4, an unknown table of status 2 or 4 says its neighbours" {
	run -4 strata run tag:nobody --date 2024-01-01
	run strata run dwd_order --date 2024-01-01
	[ "$status" = 2 ] || [ "$status" = 4 ]
	assert_output_has "dwd_orders"
	[ ! -e ods ]
}

@test "every problem of the project is told at once, and nothing starts" {
	project_file dags/dwd/dwd_typo.sql <<< "SELECT id FROM ods.ods_oders WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/dwd/dwd_var.sql <<< "SELECT '\${NOBODY}' AS a, '\${PARTITION_DATE}' AS b"
	project_file dags/dwd/dwd_empty.sql < /dev/null
	project_file dags/dwd/dwd_up.sql <<< "SELECT * FROM dws.dws_week WHERE dt = '\${PARTITION_DATE}'"
	run -2 strata run --date 2024-01-01
	assert_output_has "dags/dwd/dwd_typo.sql:1"
	assert_output_has "ods_orders"
	assert_output_has "dags/dwd/dwd_var.sql:1"
	assert_output_has "NOBODY"
	assert_output_has "dwd_empty.sql"
	assert_output_has "dags/dwd/dwd_up.sql:1"
	[ ! -e ods ]
}

@test "a database that is not there is status 3" {
	run -3 strata --db "host=$BATS_TEST_TMPDIR dbname=nowhere" run --date 2024-01-01
	[ ! -e ods ]
}

@test "dates are T-1 by default, in the zone that is told" {
	run -0 strata plan --timezone Pacific/Kiritimati
	[[ $output == *"$(TZ=Pacific/Kiritimati date -d yesterday +%F) (Pacific/Kiritimati)"* ]]
	run -0 strata run ods_orders --date 20240101
	[ -e ods/ods_orders/dt=2024-01-01/_SUCCESS ]
}

@test "a name given to a run is its id, once" {
	strata run --date 2024-01-01 --run-id nightly-1
	[ "$(strata --output json runs | json '.[0].run')" = nightly-1 ]
	[ "$(manifest dwd/dwd_orders/dt=2024-01-01 .run_id)" = nightly-1 ]
	run -2 strata run --date 2024-01-01 --run-id nightly-1
	assert_output_has "nightly-1"
}
