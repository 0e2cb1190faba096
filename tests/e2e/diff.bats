# strata diff, and what a run leaves for machines: JUnit's XML, marks for CI.
load helper

setup() {
	project_shop
	shop_days 1 5
	raw_settle
}
teardown() {
	schedulers_remove
}

differences() { # RUN…: `table partition what before after` a line
	strata -q --output json diff "$@" | jq -r '.[] | "\(.table // "-") \(.partition // "-") \(.what): \(.before // "-") -> \(.after // "-")"'
}

@test "diff names what has changed since it was green: result, sql, rows, columns, versions" {
	strata -q run --run-id green --start 2024-01-04 --end 2024-01-05
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount::DOUBLE AS amount, 1 AS added FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}' AND id > 1"
	strata -q run --run-id after --start 2024-01-04 --end 2024-01-05
	run -0 differences after
	assert_output_has "dwd.dwd_orders 2024-01-05 sql: - -> sql changed"
	assert_output_has "dwd.dwd_orders 2024-01-05 rows: 2 -> 1"
	assert_output_has "dwd.dwd_orders - column: amount BIGINT -> amount DOUBLE"
	assert_output_has "dwd.dwd_orders - column: - -> added INTEGER"
	assert_output_has "dws.dws_week 2024-01-05 input: dwd.dwd_orders 2024-01-05 version 1 -> dwd.dwd_orders 2024-01-05 version 2"
	assert_output_lacks "ods.ods_orders" # it was fresh
	assert_equal "$output" "$(differences after green)" # the older one is the first, however they are named
	project_file dags/dws/dws_week.sql <<< "SELECT error('broken') AS orders, '\${PARTITION_DATE}' AS day"
	run -1 strata -q run --run-id broken --start 2024-01-04 --end 2024-01-05
	run -0 differences broken
	assert_output_has "- - result: success -> failed"
	assert_output_has "dws.dws_week 2024-01-05 result: success -> failed: Invalid Input Error: broken"
}

@test "diff compares today with yesterday, date by date from the end" {
	strata -q run --run-id yesterday --date 2024-01-04
	shop_raw 2024-01-05 1=1 2=2 3=3
	strata -q run --run-id today --date 2024-01-05
	run -0 differences today
	assert_output_has "- - dates: 2024-01-04..2024-01-04 -> 2024-01-05..2024-01-05"
	assert_output_has "ods.ods_orders 2024-01-05 rows: 2 -> 3"
	assert_output_lacks "source:"
	assert_output_lacks "task:"
}

@test "diff of runs that cannot be compared says so" {
	strata -q run --run-id only --date 2024-01-04
	run -2 strata diff only
	assert_output_has "no run before 'only' succeeded with the same selection"
	run -2 strata diff only nothing
	assert_output_has "there is no run 'nothing'"
	run -0 strata diff only only
	assert_output_has "0 differences"
}

# The report as an XML parser of somebody else has it: `suite class case outcome message` a line.
cases() { # FILE
	"$REPO/deps/venv/bin/python" "$REPO/tests/helper/junit_cases.py" "$1" 3>&-
}

@test "--junit has a case for each task and each check, also of a run that a scheduler carries out" {
	project_file tables.yaml <<-'EOF'
		tables:
		  dwd_orders: {primary_keys: [id]}
	EOF
	project_file dags/dws/dws_week.sql <<< "SELECT error('a <\"&> b') AS n FROM dwd.dwd_orders WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/ads/ads_top.sql <<< "SELECT n, '\${PARTITION_DATE}' AS day FROM dws.dws_week WHERE dt = '\${PARTITION_DATE}'"
	run -1 strata -q run --date 2024-01-05 --junit report.xml
	run -0 cases report.xml
	assert_output_has "dwd dwd.dwd_orders 2024-01-05 good"
	assert_output_has "dwd dwd.dwd_orders 2024-01-05 primary_keys good"
	assert_output_has "dws dws.dws_week 2024-01-05 failure Invalid Input Error: a <\"&> b"
	assert_output_has "ads ads.ads_top 2024-01-05 skipped upstream_failed: dws.dws_week 2024-01-05"
	project_file dags/ods/ods_script.sh <<< $'#!/bin/sh\nexit 7'
	chmod +x dags/ods/ods_script.sh
	run -1 strata -q run ods_script --junit script.xml
	grep -q "exited with 7" script.xml
	run ! grep "line -" script.xml # a failure that has no line
	rm dags/ods/ods_script.sh
	scheduler_up one
	run -1 strata -q run --date 2024-01-05 --junit second.xml
	run -0 cases second.xml
	assert_output_has "dws dws.dws_week 2024-01-05 failure Invalid Input Error: a <\"&> b"
	run -2 strata run --date 2024-01-05 --junit nowhere/report.xml
	assert_output_has "cannot write there"
	scheduler_down one
}

@test "in GitHub's CI a failure is marked at its line" {
	project_file dags/dwd/dwd_orders.sql <<-'EOF'
		SELECT id,
		       CAST('a, 100%' || id AS INTEGER) AS amount
		FROM ods.ods_orders WHERE dt = '${PARTITION_DATE}'
	EOF
	GITHUB_ACTIONS=true run -1 strata -q run --date 2024-01-05
	assert_output_has "::error file=dags/dwd/dwd_orders.sql,line=2,col=8,title=dwd.dwd_orders 2024-01-05::Conversion Error: Could not convert string 'a, 100%25"
	run -1 strata -q run --date 2024-01-05
	assert_output_lacks "::error"
}
