# Tables that a program makes.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<< "layer_dependencies: {dwd: [], ads: [dwd]}"
}
teardown() {
	project_remove
}

day="--date 2024-01-01"

program() { # FILE < script
	project_file "$1"
	chmod +x "$PROJECT/$1"
}

@test "a script's CSV becomes audited Parquet that SQL reads" {
	project_file tables.yaml <<< "tables: {dwd_made: {primary_keys: [code], columns: {code: {type: VARCHAR}, n: {type: BIGINT}, day: {}}}}"
	program dags/dwd/dwd_made.sh <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		echo "making $STRATA_TABLE for $STRATA_RUN_ID"
		{
			echo code,n,day
			echo "007,1,$STRATA_PARTITION_DATE"
			echo "008,2,$STRATA_PARTITION_DATE"
		} > "$STRATA_OUTPUT_DIR/part-1.csv"
	EOF
	project_file dags/ads/ads_sum.sql <<< "SELECT min(code) AS first, sum(n)::BIGINT AS n FROM dwd.dwd_made WHERE dt = '\${PARTITION_DATE}'"
	run -0 strata run $day
	[ "$(query "SELECT first, n FROM 'ads/ads_sum/dt=2024-01-01/*.parquet'")" = $'007\t3' ]
	[ "$(manifest dwd/dwd_made/dt=2024-01-01 .row_count)" = 2 ]
	[ "$(find dwd -type f | grep -cv -e parquet -e manifest.json -e _SUCCESS)" = 0 ]
	run -0 strata logs latest dwd_made
	assert_output_has "making dwd.dwd_made for $(strata --output json runs | json '.[0].run')"
	# A program may do anything, so it is never fresh; what it makes is checked each time.
	run -0 strata run $day
	[[ $(results) == *"dwd.dwd_made 2024-01-01 success"* ]]
	sed -i 's/008,2/007,2/' dags/dwd/dwd_made.sh
	run -1 strata run dwd_made $day
	assert_output_has "primary_keys"
	[ "$(query "SELECT count(DISTINCT code) FROM 'dwd/dwd_made/dt=2024-01-01/*.parquet'")" = 2 ]
}

@test "a program reads its inputs from the files that are pinned for it" {
	project_file dags/dwd/dwd_numbers.sql <<< "SELECT i AS n, '\${PARTITION_DATE}' AS day FROM range(5) t(i)"
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: [], ads: [dwd]}
		table_dependencies: {dwd: {dwd_listed: [dwd_numbers]}}
	EOF
	program dags/dwd/dwd_listed.py <<-'EOF'
		#!/usr/bin/env python3
		# ${PARTITION_DATE}
		import json, os
		inputs = json.load(open(os.environ["STRATA_INPUTS"]))
		numbers = inputs["tables"]["dwd.dwd_numbers"]
		paths = [f for f in json.dumps(numbers).split('"') if f.endswith(".parquet")]
		with open(os.environ["STRATA_OUTPUT_DIR"] + "/out.json", "w") as out:
		    for path in paths:
		        out.write(json.dumps({"size": os.path.getsize(path), "pinned": ".strata/staging" in path}) + "\n")
	EOF
	run -0 strata run $day
	[ "$(query "SELECT count(*), bool_and(pinned) FROM 'dwd/dwd_listed/dt=2024-01-01/*.parquet'")" = $'1\tTrue' ]
	[ "$(manifest dwd/dwd_listed/dt=2024-01-01 '.inputs[] | "\(.table) \(.partition) \(.version)"')" = "dwd.dwd_numbers 2024-01-01 1" ]
	strata --output json lineage dwd_listed | jq -e 'any(.[]; [.[] | tostring] | any(contains("dwd.dwd_numbers")))' >/dev/null
}

@test "a program that fails says how, and publishes nothing" {
	program dags/dwd/dwd_made.sh <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		echo n > "$STRATA_OUTPUT_DIR/part.csv"; echo 1 >> "$STRATA_OUTPUT_DIR/part.csv"
		echo "the disk is on fire" >&2
		exit 7
	EOF
	run -1 strata run $day
	assert_output_has "exited with 7"
	assert_output_has "the disk is on fire"
	[ ! -e dwd ]
	[ -z "$(ls .strata/staging)" ]
}

@test "an action runs every time, publishes nothing and holds back who waits for it" {
	project_file tables.yaml <<< "tables: {ads_notify: {output: none}}"
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: [], ads: [dwd]}
		table_dependencies: {ads: {ads_after: [ads_notify]}}
	EOF
	project_file dags/ads/ads_after.sql <<< "SELECT 2 AS n, '\${PARTITION_DATE}' AS day"
	program dags/ads/ads_notify.sh <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		echo "$STRATA_PARTITION_DATE ${STRATA_OUTPUT_DIR:-none}" >> notified
		[ ! -e fail ]
	EOF
	run -0 strata run $day
	run -0 strata run $day
	assert_equal "$(cat notified)" $'2024-01-01 none\n2024-01-01 none'
	[ ! -e ads/ads_notify ]
	assert_equal "$(results)" "ads.ads_notify 2024-01-01 success"
	touch fail
	run -1 strata run $day --force
	[[ $(results) == *"ads.ads_after 2024-01-01 upstream_failed"* ]]
	[[ $(results) == *"dwd.dwd_good 2024-01-01 success"* ]]
}

@test "an action may be SQL: it runs every time, its error fails it, and nothing is published" {
	project_file tables.yaml <<-'EOF'
		project: {env: "${STRATA_ENV:-good}"}
		tables: {ads_alert: {output: none}, ads_ping: {output: none}}
	EOF
	project_file dags/dwd/dwd_good.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/dw_config.yaml <<< 'layer_dependencies: {dwd: [], ads: [dwd]}'
	project_file dags/ads/ads_ping.sql <<< "SELECT 1"
	project_file dags/ads/ads_alert.sql <<-'EOF'
		SELECT
		  CASE WHEN count(*) > 0 AND '${ENV}' = 'bad' THEN error('rows on ${PARTITION_DATE}') END AS alert
		FROM dwd.dwd_good
		WHERE dt = '${PARTITION_DATE}'
	EOF
	run -0 strata run $day
	assert_equal "$(results)" $'ads.ads_alert 2024-01-01 success\nads.ads_ping  success\ndwd.dwd_good 2024-01-01 success'
	run -0 strata run $day
	assert_equal "$(results)" $'ads.ads_alert 2024-01-01 success\nads.ads_ping  success'
	STRATA_ENV=bad run -1 strata run $day
	assert_output_has "rows on 2024-01-01"
	assert_equal "$(ls)" $'dags\ndwd\ntables.yaml'
	[ -z "$(ls .strata/staging)" ]
}
