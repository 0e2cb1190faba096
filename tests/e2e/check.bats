# strata check: the declared checks on what is published, without a build. Each partition that is broken here was published
# before tables.yaml said what must hold.
load helper

setup() {
	project_shop
	shop_raw 2024-01-01 1=10 2=20
	shop_raw 2024-01-02 1=10 1=11 2=20 2=21 2=22
}
teardown() { schedulers_remove; }

built() {
	strata -q run +dws --start 2024-01-01 --end 2024-01-02 >/dev/null
}
declare_checks() { # YAML of dwd_orders
	echo "tables: {dwd_orders: $1}" > tables.yaml
}
# found ARGUMENT…: `table partition check status` a line.
found() {
	strata -q -o json check "$@" | jq -r '.[] | "\(.table) \(.partition) \(.check) \(.status)"'
}
nothing_staged() {
	[ -z "$(ls -A .strata/staging)" ]
}

@test "check: duplicates in a published partition are found when the key is declared, in the words of a run" {
	raw_settle
	built
	declare_checks '{primary_keys: [id]}'
	before=$(lake_listing)
	run -1 --separate-stderr strata check dwd_orders --start 2024-01-01 --end 2024-01-02
	assert_equal "$output" "$(printf '%s\n' \
		'TABLE           PARTITION   CHECK         STATUS  DETAIL' \
		'dwd.dwd_orders  2024-01-02  primary_keys  failed  2 values of ("id") are there more than once; for example id = 2 in 3 rows')"
	[ "${stderr_lines[0]}" = "dwd.dwd_orders failed: correct what it is made from, dags/dwd/dwd_orders.sql, or its checks in tables.yaml; then strata run dwd_orders --date 2024-01-02" ]
	[ "${stderr_lines[1]}" = "2024-01-01 to 2024-01-02 (UTC): 1 check passed, 1 check failed" ]
	[ "$before" = "$(lake_listing)" ]
	wait_until nothing_staged
	[ "$(strata -o json runs | json length)" = 1 ]

	run -0 strata check dwd_orders --date 2024-01-01
	assert_equal "$output" "2024-01-01 (UTC): 1 check passed"
	run -0 strata check dwd_orders --date 2024-01-01 --all
	assert_output_has "primary_keys  passed"

	# What a run says of the same rows is the same sentence.
	run -1 strata run dwd_orders --date 2024-01-02 --force
	assert_output_has 'check primary_keys failed: 2 values of ("id") are there more than once; for example id = 2 in 3 rows'
	[ "$(manifest dwd/dwd_orders/dt=2024-01-02 .version)" = 1 ]
}

@test "check: every kind of check, with its rows, as JSON, CSV and JUnit" {
	project_file dags/dwd/dwd_seen.sql <<< "SELECT * FROM (VALUES (1, NULL, NULL::TIMESTAMP), (2, 'b', TIMESTAMP '2024-01-01')) t(a, b, seen), (SELECT '\${PARTITION_DATE}' AS day)"
	strata -q run dwd_seen --date 2024-01-01
	project_file tables.yaml <<-'END'
		tables:
		  dwd_seen: {primary_keys: [a, b], timestamp_col: seen, columns: {a: BIGINT, gone: VARCHAR, b: VARCHAR}, allow_empty: false}
	END
	run -1 strata -q -o json check dwd_seen --date 2024-01-01
	assert_equal "$(json '.[] | "\(.check) \(.status) \(.detail) \(.version) \(.rows)"' <<< "$output")" "$(printf '%s\n' \
		"allow_empty passed  1 2" \
		"columns failed 'a' is INTEGER, declared BIGINT, no column 'gone' 1 2" \
		"primary_keys failed 1 row has NULL in (\"a\", \"b\"); for example a = 1, b = NULL in 1 row 1 2" \
		"timestamp_col failed 1 row has NULL in seen; for example a = 1, b = NULL in 1 row 1 2")"
	[ "$(json '.[0].todo, .[1].todo' <<< "$output")" = $'null\ncorrect what it is made from, dags/dwd/dwd_seen.sql, or its checks in tables.yaml; then strata run dwd_seen --date 2024-01-01' ]
	run -1 strata -q -o csv check dwd_seen --date 2024-01-01 --junit report.xml
	[ "${lines[0]}" = "table,partition,check,status,detail,version,rows,todo" ]
	[ "${#lines[@]}" = 5 ]
	assert_equal "$("$REPO/deps/venv/bin/python" "$REPO/tests/helper/junit_cases.py" report.xml 3>&-)" "$(printf '%s\n' \
		"dwd dwd.dwd_seen 2024-01-01 allow_empty good " \
		"dwd dwd.dwd_seen 2024-01-01 columns failure 'a' is INTEGER, declared BIGINT, no column 'gone'" \
		"dwd dwd.dwd_seen 2024-01-01 primary_keys failure 1 row has NULL in (\"a\", \"b\"); for example a = 1, b = NULL in 1 row" \
		"dwd dwd.dwd_seen 2024-01-01 timestamp_col failure 1 row has NULL in seen; for example a = 1, b = NULL in 1 row")"
	run -2 strata check --junit nowhere/report.xml
}

@test "check: what is not published, has no checks or publishes nothing is said; nothing at all is status 4" {
	project_file dags/dwd/dwd_tell.sh <<< $'#!/bin/sh\n# ${PARTITION_DATE}\ntrue'
	chmod +x dags/dwd/dwd_tell.sh
	printf 'tables:\n  dwd_orders: {primary_keys: [id]}\n  dwd_tell: {output: none, primary_keys: [id]}\n' > tables.yaml
	shop_raw 2024-01-01 1=10 2=20
	run -4 strata check --date 2024-01-01
	assert_output_has "strata: nothing was checked: nothing is published of what is selected"
	strata -q run ods dwd_orders --date 2024-01-01
	run -0 --separate-stderr strata check --start 2024-01-01 --end 2024-01-03
	assert_equal "$output" "$(printf '%s\n' \
		'TABLE           PARTITION                 CHECK  STATUS         DETAIL' \
		'ods.ods_orders                                   no checks      tables.yaml declares none' \
		'dwd.dwd_orders  2024-01-02 to 2024-01-03         not published  nothing is published' \
		'dwd.dwd_tell                                     no checks      output: none publishes nothing' \
		'dws.dws_week                                     no checks      tables.yaml declares none')"
	[ "${stderr_lines[0]}" = "dwd.dwd_orders not published: strata run +dwd_orders --start 2024-01-02 --end 2024-01-03" ]
	[ "${stderr_lines[1]}" = "2024-01-01 to 2024-01-03 (UTC): 1 check passed, 2 partitions not published, 3 tables without checks" ]
	[ "$(found dwd_orders --start 2023-12-31 --end 2024-01-02)" = "$(printf '%s\n' "dwd.dwd_orders 2023-12-31 null not published" \
		"dwd.dwd_orders 2024-01-01 primary_keys passed" "dwd.dwd_orders 2024-01-02 null not published")" ]
	run -4 strata check ods --date 2024-01-01
	assert_output_has "no table that is selected declares checks"
	run -4 strata check ods --exclude ods --date 2024-01-01
	run -2 strata check nobody
}

@test "check: an empty partition fails allow_empty: false and nothing else; an unpartitioned table has no date" {
	project_file dags/ads/ads_total.sql <<< "SELECT 1 AS k, count(*) AS n FROM dwd.dwd_orders"
	project_file dags/dwd/dwd_none.sql <<< "SELECT id FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}' AND id > 99"
	strata -q run ods dwd ads --date 2024-01-01 >/dev/null
	printf 'tables:\n  dwd_none: {primary_keys: [id]}\n  ads_total: {primary_keys: [k], allow_empty: false}\n' > tables.yaml
	run -0 found dwd_none ads_total --date 2024-01-01
	assert_equal "$output" "$(printf '%s\n' "dwd.dwd_none 2024-01-01 null empty" "ads.ads_total  allow_empty passed" "ads.ads_total  primary_keys passed")"
	run -0 strata check dwd_none --date 2024-01-01
	assert_equal "$output" "2024-01-01 (UTC): 1 partition without rows"
	run -0 strata check dwd_none --date 2024-01-01 --all
	assert_output_has "empty   published without rows"
	echo "tables: {dwd_none: {primary_keys: [id], allow_empty: false}}" > tables.yaml
	run -1 strata check dwd_none --date 2024-01-01
	assert_output_has "allow_empty  failed  the result has no rows"
}

@test "check: files that are gone, torn or were published in another layout are errors of that partition alone" {
	built
	declare_checks '{primary_keys: [id]}'
	rm dwd/dwd_orders/dt=2024-01-01/*.parquet
	run -1 strata check dwd_orders --start 2024-01-01 --end 2024-01-02 -o json
	[ "$(json '.[0] | "\(.status) \(.check) \(.detail)"' <<< "$(sed -n '/^\[/,/^\]/p' <<< "$output")")" = \
		"error null 'dwd/dwd_orders/dt=2024-01-01': its manifest lists files that are not there; \`strata run --force dwd.dwd_orders\`" ]
	assert_output_has "1 check failed, 1 partition could not be read"
	strata -q run dwd_orders --date 2024-01-01 # mended
	: > "$(echo dwd/dwd_orders/dt=2024-01-01/*.parquet)"
	run -1 strata check dwd_orders --date 2024-01-01
	assert_output_has "what is published cannot be read"
	project_file dags/dwd/dwd_orders.sql <<< "SELECT 1 AS id"
	run -1 strata check dwd_orders --date 2024-01-01
	assert_output_has "dwd.dwd_orders is published in dt= partitions but is unpartitioned now"
}

@test "check: a partition that is published anew meanwhile is checked in the version that it had" {
	built
	declare_checks '{primary_keys: [id]}'
	STRATA_FAULT=validate.footer:1:stop background check -o json check dwd_orders --date 2024-01-02 --jobs 1
	is_stopped() { [ -n "$(workers)" ] && [[ $(cut -d' ' -f3 "/proc/$(workers)/stat") == T ]]; }
	wait_until is_stopped
	stopped=$(workers)
	shop_raw 2024-01-02 1=10 2=20
	strata -q run +dwd_orders --date 2024-01-02
	[ "$(manifest dwd/dwd_orders/dt=2024-01-02 .version)" = 2 ]
	kill -CONT "$stopped"
	background_end check
	assert_status 1
	[ "$(json '.[] | "\(.status) \(.version) \(.rows)"' < "$(out_of check)")" = "failed 1 5" ]
	run -0 strata check dwd_orders --date 2024-01-02
}

@test "check: a worker that is killed costs nothing, one that always dies is said of its partition" {
	built
	declare_checks '{primary_keys: [id]}'
	STRATA_FAULT=validate.footer:1:kill STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -0 found dwd_orders --start 2024-01-01 --end 2024-01-02
	assert_equal "$output" $'dwd.dwd_orders 2024-01-01 primary_keys passed\ndwd.dwd_orders 2024-01-02 primary_keys failed'
	STRATA_FAULT=validate.footer:1:kill run -0 found dwd_orders --date 2024-01-01
	assert_equal "$output" "dwd.dwd_orders 2024-01-01 null error"
	strata gc >/dev/null
	nothing_staged
}

@test "check: beside a run and a scheduler; Ctrl-C ends it and its worker" {
	gated_table dags/dwd/dwd_gate.sh
	built
	declare_checks '{primary_keys: [id]}'
	background run run dwd_gate --date 2024-01-01
	wait_until test -e arrived-dwd.dwd_gate
	run -0 strata check dwd_orders --date 2024-01-01
	touch gate-open
	background_end run
	assert_status 0
	scheduler_up one
	run -0 strata check dwd_orders --date 2024-01-01
	scheduler_down one

	STRATA_FAULT=validate.footer:1:stop background check check dwd_orders --date 2024-01-01 --jobs 1
	is_stopped() { [ -n "$(workers)" ] && [[ $(cut -d' ' -f3 "/proc/$(workers)/stat") == T ]]; }
	wait_until is_stopped
	stopped=$(workers)
	kill -INT "$(pid_of check)"
	background_end check
	assert_status 130
	kill -CONT "$stopped"
	wait_until has_ended "$stopped"
	nothing_staged
}

@test "check: neither database nor state is needed, and none is made" {
	project_file dags/dwd/dwd_orders.sql <<< "SELECT 1 AS id"
	declare_checks '{primary_keys: [id]}'
	run -4 strata check dwd_orders
	[ ! -e .strata/lake.json ]
	[ ! -e .strata/pg ]
}
