# A task that fails: what is said, what is withheld, what stays.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {ads: [dwd]}
		defaults: {retry_delay: 50ms}
	EOF
}
teardown() {
	project_remove
}

day="--date 2024-01-01"

@test "an SQL error names file, line and column, withholds its readers and nothing else" {
	project_file dags/dwd/dwd_cast.sql <<-'EOF'
		SELECT
		  '${PARTITION_DATE}' AS day,
		  CAST(name AS INTEGER) AS n
		FROM (VALUES ('1'), ('two')) t(name)
	EOF
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/ads/ads_cast.sql <<< "SELECT sum(n) AS n FROM dwd.dwd_cast WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/ads/ads_good.sql <<< "SELECT sum(n) AS n FROM dwd.dwd_good WHERE dt = '\${PARTITION_DATE}'"
	run -1 strata run $day
	assert_output_has "failed: dwd.dwd_cast 2024-01-01  dags/dwd/dwd_cast.sql:3:3"
	assert_output_has "Could not convert string 'two'"
	assert_output_has $'    3 |   CAST(name AS INTEGER) AS n\n              ^'
	assert_output_has "not run: dwd.dwd_cast 2024-01-01 failed"
	assert_output_has "log: .strata/logs/"
	assert_equal "$(results)" "ads.ads_cast 2024-01-01 upstream_failed
ads.ads_good 2024-01-01 success
dwd.dwd_cast 2024-01-01 failed
dwd.dwd_good 2024-01-01 success"
	[ ! -e dwd/dwd_cast ] && [ ! -e ads/ads_cast ]
	[ "$(strata --output json show latest dwd_cast | jq '[.. | .try? // empty] | length')" = 1 ] # SQL errors are not retried
	grep -qF "Could not convert" "$(find .strata/logs -path '*dwd_cast*' -name '*.log')"
	# Mended, what failed and what was withheld is built, the rest is fresh.
	sed -i 's/two/2/' dags/dwd/dwd_cast.sql
	run -0 strata run $day
	assert_equal "$(results)" "ads.ads_cast 2024-01-01 success
dwd.dwd_cast 2024-01-01 success"
}

@test "a column that does not exist stops the run before anything starts" {
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS number, '\${PARTITION_DATE}' AS day"
	project_file dags/ads/ads_bad.sql <<-'EOF'
		SELECT
		  numbr
		FROM dwd.dwd_good WHERE dt = '${PARTITION_DATE}'
	EOF
	run -2 strata run $day
	assert_output_has "dags/ads/ads_bad.sql:2:3"
	assert_output_has "number"
	[ ! -e dwd ]
}

@test "a failed check publishes nothing and keeps what was staged" {
	project_file tables.yaml <<< "tables: {dwd_keys: {primary_keys: [id]}}"
	project_file dags/dwd/dwd_keys.sql <<< "SELECT i AS id, '\${PARTITION_DATE}' AS day FROM range(3) t(i)"
	strata run $day
	before=$(lake_listing)
	project_file dags/dwd/dwd_keys.sql <<< "SELECT i // 2 AS id, '\${PARTITION_DATE}' AS day FROM range(4) t(i)"
	run -1 strata run $day
	assert_output_has "primary_keys"
	staged=$(sed -n 's/^    staged data: //p' <<< "$output")
	[[ $staged = .strata/staging/*/out ]]
	[ -d "$staged" ]
	[ "$(query "SELECT count(*), count(DISTINCT id) FROM '$staged/*.parquet'")" = $'4\t2' ]
	assert_equal "$(lake_listing)" "$before"
	[ "$(strata --output json show latest dwd_keys | jq '[.. | .try? // empty] | length')" = 1 ]
	project_file dags/dwd/dwd_keys.sql <<< "SELECT CASE WHEN i > 1 THEN i END AS id, '\${PARTITION_DATE}' AS day FROM range(4) t(i)"
	run -1 strata run $day
	assert_equal "$(lake_listing)" "$before"
}

@test "a declared column that is not there, a NULL timestamp and no rows fail where they are forbidden" {
	project_file tables.yaml <<-'EOF'
		tables:
		  dwd_columns: {columns: {n: {type: INTEGER}, gone: {type: VARCHAR}}}
		  dwd_times: {timestamp_col: at}
		  dwd_none: {allow_empty: false}
	EOF
	project_file dags/dwd/dwd_columns.sql <<< "SELECT 1 AS n -- \${PARTITION_DATE}"
	project_file dags/dwd/dwd_times.sql <<< "SELECT CASE WHEN i = 1 THEN TIMESTAMP '\${PARTITION_DATE}' END AS at FROM range(2) t(i)"
	project_file dags/dwd/dwd_none.sql <<< "SELECT '\${PARTITION_DATE}' AS day WHERE false"
	run strata run dwd_columns $day
	[ "$status" != 0 ]
	assert_output_has "gone"
	run -1 strata run dwd_times $day
	assert_output_has "at"
	run -1 strata run dwd_none $day
	[ ! -e dwd ]
}

@test "a timeout stops a running query" {
	project_file tables.yaml <<< "tables: {dwd_long: {timeout: 1s}}"
	project_file dags/dwd/dwd_long.sql <<< "$ENDLESS"
	run -1 strata run $day
	assert_output_has "timed out after "
	assert_equal "$(results)" "dwd.dwd_long 2024-01-01 timeout"
	[ -z "$(workers)" ]
	[ -z "$(ls .strata/staging)" ]
	[ ! -e dwd ]
}

@test "a timeout ends a program with its children" {
	project_file tables.yaml <<< "tables: {dwd_long: {timeout: 1s, output: none}}"
	project_file dags/dwd/dwd_long.sh <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		sleep 3600 &
		echo $! > child
		wait
	EOF
	chmod +x dags/dwd/dwd_long.sh
	run -1 strata run $day
	assert_output_has "timed out"
	wait_until has_ended "$(cat child)"
}

@test "a worker that is killed fails its own try only, with the reason" {
	project_file dags/dwd/dwd_long.sql <<< "$ENDLESS"
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	background run run $day --jobs 2
	wait_until is_running dwd.dwd_long
	wait_until test -e dwd/dwd_good/dt=2024-01-01/_SUCCESS
	log=$(find .strata/logs -path '*dwd_long*' -name '*.log')
	name=$(strata --output json show latest dwd_long | jq -r '[.. | .worker? // empty][0]')
	kill -KILL "$(awk 'NR == 1 { print $1 }' .strata/workers/run/"$name".lock)"
	background_end run
	assert_status 1
	assert_output_has "killed by signal 9"
	[ -n "$log" ]
	assert_equal "$(results)" "dwd.dwd_good 2024-01-01 success
dwd.dwd_long 2024-01-01 failed"
	[ "$(strata --output json show latest dwd_long | jq -c '[.. | .outcome? // empty]')" = '["lost"]' ]
	[ -z "$(ls .strata/staging)" ]
}

@test "a worker that is killed while it writes is retried where retries are left" {
	project_file tables.yaml <<< "tables: {dwd_good: {retries: 1}}"
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	STRATA_FAULT=stage.write:1:kill STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -0 strata run $day
	assert_output_has "killed by signal 9"
	[ "$(strata --output json show latest dwd_good | jq -c '[.. | .outcome? // empty]')" = '["lost","success"]' ]
	[ "$(query "SELECT n FROM 'dwd/dwd_good/dt=2024-01-01/*.parquet'")" = 1 ]
	[ -z "$(ls .strata/staging)" ]
}

@test "a worker that is killed after its exchange has published, and the try is a success" {
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	STRATA_FAULT=commit.after_exchange:1:kill STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -0 strata run $day
	[ -e "$BATS_TEST_TMPDIR/once" ]
	[ "$(strata --output json show latest dwd_good | jq -c '[.. | .outcome? // empty]')" = '["success"]' ]
	run -0 strata run $day
	assert_output_has "1 fresh"
	[ -z "$(ls .strata/staging)" ]
}

@test "an error of the disk after the exchange is no failed try" {
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	STRATA_FAULT=commit.sync_parent:1:error STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -0 strata run $day
	[ -e "$BATS_TEST_TMPDIR/once" ]
	[ "$(strata --output json show latest dwd_good | jq -c '[.. | .outcome? // empty]')" = '["success"]' ]
	[ "$(query "SELECT n FROM 'dwd/dwd_good/dt=2024-01-01/*.parquet'")" = 1 ]
}

@test "an error of the disk is retried, and is a failure when no retry is left" {
	project_file tables.yaml <<< "tables: {dwd_good: {retries: 2}}"
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	STRATA_FAULT=commit.fsync:1:error STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -0 strata run $day
	[ "$(strata --output json show latest dwd_good | jq -c '[.. | .outcome? // empty]')" = '["error","success"]' ]
	before=$(lake_listing)
	project_file tables.yaml <<< "tables: {dwd_good: {retries: 0}}"
	STRATA_FAULT=commit.manifest:1:enospc run -1 strata run $day --force --jobs 1
	assert_output_has "No space left on device"
	assert_equal "$(lake_listing)" "$before"
}

@test "with --fail-fast nothing more is started" {
	project_file dags/dwd/dwd_a.sql <<< "SELECT error('broken') AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/ads/ads_b.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	project_file tables.yaml <<< "tables: {dwd_a: {priority_weight: 10}}"
	run -1 strata run $day --fail-fast --jobs 1
	assert_output_has "broken"
	[ ! -e dwd ]
	strata --output json tasks | jq -e 'all(.table != "ads.ads_b" or .result != "failed")'
}

@test "an error of the query is tried again only with retry_on: any, as often as retries say" {
	project_file tables.yaml <<< "tables: {dwd_good: {retries: 2, retry_delay: 10ms}}"
	project_file dags/dwd/dwd_good.sql <<< "SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"
	run -1 strata run dwd_good --date 2013-01-01
	assert_equal "$(strata --output json tasks latest | json '.[] | "\(.result) \(.tries)"')" "failed 1"
	project_file tables.yaml <<< "tables: {dwd_good: {retries: 2, retry_delay: 10ms, retry_on: any}}"
	run -1 strata run dwd_good --date 2013-01-01
	assert_equal "$(strata --output json tasks latest | json '.[] | "\(.result) \(.tries)"')" "failed 3"
}
