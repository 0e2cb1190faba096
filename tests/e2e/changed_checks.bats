# A check that is declared, or another one, is made on what is published; nothing is built for it.
load helper

setup() {
	project_shop
	shop_raw 2024-01-01 1=10 2=20
	shop_raw 2024-01-02 1=10 1=11 2=20
	raw_settle
	strata -q run +dws $days >/dev/null
}
teardown() { schedulers_remove; }

days="--start 2024-01-01 --end 2024-01-02"
declare_checks() { # YAML of dwd_orders
	echo "tables: {dwd_orders: $1}" > tables.yaml
}
alike() { # what a run says without its name and times
	sed -E 's/^[0-9:]{8} //; s/[0-9.]+ ms/N ms/g; s/run [0-9]{8}[0-9a-z-]+/run ID/' | LC_ALL=C sort
}
recorded() {
	state "SELECT partition, version, fingerprint FROM strata.partition WHERE table_name = 'dwd.dwd_orders' ORDER BY 1"
}

@test "a declared check is made on what is published; what passes is fresh then, and what fails says so until it is mended" {
	local before
	before=$(lake_listing)
	declare_checks '{primary_keys: [id]}'
	run -0 strata plan $days
	assert_output_has "dwd.dwd_orders  2024-01-02  check   checks changed"
	assert_output_has "0 to build, 2 to check, 4 fresh"
	run -1 strata run $days --run-id looked
	assert_output_has "2 to run, 4 fresh"
	assert_output_has "dwd.dwd_orders 2024-01-01"
	assert_output_has "checked  "
	assert_output_has "(checks changed)"
	assert_output_has "1 success, 4 fresh, 1 failed"
	assert_output_has "checked 1 partition as published"
	assert_output_has 'check primary_keys failed: 1 value of ("id") is there more than once; for example id = 1 in 2 rows; this is what is published, and it stays'
	assert_equal "$(lake_listing)" "$before"
	[ -z "$(ls -A .strata/staging)" ]
	[ "$(state "SELECT y.outcome || ' ' || c.name || ' ' || c.status FROM strata.try y JOIN strata.check_result c USING (lake_id, fence) WHERE y.run_id = 'looked' ORDER BY y.partition")" = \
		$'success primary_keys passed\nerror primary_keys failed' ]
	# Whoever reads the one that failed would be withheld, but has nothing to do.
	assert_equal "$(plan_says $days)" "dwd.dwd_orders 2024-01-02 check checks changed"

	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, max(amount) AS amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}' GROUP BY id"
	run -0 strata run $days
	assert_output_has "(sql changed)"
	assert_equal "$(plan_says $days)" ""
}

@test "a check that goes asks for nothing; one that comes back after it held neither" {
	declare_checks '{primary_keys: [id, amount]}'
	strata -q run $days
	before=$(recorded)
	rm tables.yaml
	assert_equal "$(plan_says $days)" ""
	declare_checks '{primary_keys: [id, amount]}'
	assert_equal "$(plan_says $days)" ""
	run -0 strata run $days
	assert_output_has "6 fresh"
	assert_equal "$(recorded)" "$before"
}

@test "what a failed check withholds, and what a build is anyway" {
	project_file dags/ads/ads_n.sql <<< "SELECT count(*) AS n FROM dws.dws_week WHERE dt = '2024-01-02'"
	declare_checks '{primary_keys: [id]}'
	run -1 strata run +ads_n $days --run-id withheld
	[ "$(state "SELECT result FROM strata.task WHERE run_id = 'withheld' AND table_name = 'ads.ads_n'")" = success ] # dws_week is fresh: nothing of it changed
	echo "tables: {dwd_orders: {primary_keys: [id]}, dws_week: {allow_empty: false}}" > tables.yaml
	run -1 strata run +dws $days --run-id both
	[ "$(state "SELECT partition || ' ' || result FROM strata.task WHERE run_id = 'both' AND table_name = 'dws.dws_week' ORDER BY 1")" = \
		$'2024-01-01 success\n2024-01-02 upstream_failed' ]
}

@test "an empty partition fails allow_empty: false; one that is gone is built" {
	project_file dags/dwd/dwd_none.sql <<< "SELECT id FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}' AND id > 99"
	strata -q run dwd_none $days
	echo "tables: {dwd_none: {primary_keys: [id], allow_empty: false}}" > tables.yaml
	run -1 strata run dwd_none --date 2024-01-01
	assert_output_has "check allow_empty failed: the result has no rows; this is what is published"
	echo "tables: {dwd_none: {primary_keys: [id]}}" > tables.yaml
	run -0 strata run dwd_none --date 2024-01-01
	assert_output_has "checked 1 partition as published"
	declare_checks '{primary_keys: [id, amount]}'
	rm -r dwd/dwd_orders/dt=2024-01-01
	assert_equal "$(plan_says dwd_orders $days)" $'dwd.dwd_orders 2024-01-01 build missing in the lake\ndwd.dwd_orders 2024-01-02 check checks changed'
	strata -q run dwd_orders $days
	assert_equal "$(plan_says dwd_orders $days)" ""
}

@test "a key of a column that is not there is an error of the project, and nothing is looked at" {
	declare_checks '{primary_keys: [nobody]}'
	run -2 strata run $days
	assert_output_has "tables.yaml:1:38: error: 'primary_keys' of table 'dwd_orders' names 'nobody', which dags/dwd/dwd_orders.sql does not yield"
	assert_output_has "nothing was started"
}

@test "whoever dies while it checks has done nothing, and the next run does it" {
	declare_checks '{primary_keys: [id, amount]}'
	STRATA_FAULT=try.result:1:kill run -137 strata run $days
	assert_equal "$(plan_says $days | wc -l)" 2
	run -0 strata run $days
	assert_output_has "checked 2 partitions as published"
	assert_equal "$(plan_says $days)" ""
	[ -z "$(ls -A .strata/staging)" ]
}

@test "a run that goes on counts what it had checked before as checked; a damaged file is told with what to do" {
	local file
	declare_checks '{primary_keys: [id, amount]}'
	STRATA_FAULT=try.send:2:kill run -137 strata run $days --run-id again --jobs 1
	run -0 strata run $days --run-id again
	assert_output_has "checked 2 partitions as published"
	assert_output_lacks "published 1"
	declare_checks '{primary_keys: [id, amount], allow_empty: false}'
	file=$(echo dwd/dwd_orders/dt=2024-01-01/*.parquet)
	touch -r "$file" "$BATS_TEST_TMPDIR/mtime"
	printf 'XXXX' | dd of="$file" bs=1 seek=$(($(stat -c %s "$file") - 4)) conv=notrunc status=none
	touch -r "$BATS_TEST_TMPDIR/mtime" "$file"
	run -1 strata run dwd_orders $days
	assert_output_has "what is published cannot be read: "
	assert_output_has "\`strata run --force dwd.dwd_orders --date 2024-01-01\`"
	[ "$(state "SELECT coalesce(note, '') FROM strata.try WHERE outcome = 'error'")" = "" ]
	strata -q run --force dwd.dwd_orders --date 2024-01-01
	assert_equal "$(plan_says $days | grep -v upstream)" ""
}

@test "what failed its check is mended once it has passed, though nothing was published since" {
	declare_checks '{primary_keys: [id]}'
	run -1 strata run dwd_orders $days
	declare_checks '{primary_keys: [amount]}'
	strata -q run dwd_orders $days
	run -0 strata top --plain --once
	assert_output_has "dwd.dwd_orders 2024-01-02"
	assert_output_has "mended"
}

@test "a check that is tried again after what it was made from has changed is a build, and says so" {
	declare_checks '{primary_keys: [id, amount], retries: 3, retry_delay: 3s}'
	export STRATA_FAULT=try.send:1:error
	scheduler_up one
	unset STRATA_FAULT
	strata backfill dwd_orders --start 2024-01-01 --end 2024-01-01 --run-id retried --detach
	wait_until tried_once
	strata -q run ods_orders --date 2024-01-01 --force
	wait_until run_is retried "done success"
	[ "$(state "SELECT rows, reason FROM strata.task WHERE run_id = 'retried'")" = "2|upstream changed: ods.ods_orders 2024-01-01" ]
	run -0 strata explain retried dwd_orders@2024-01-01
	assert_output_has "it was to be built because: upstream changed"
	assert_equal "$(plan_says dwd_orders --date 2024-01-01)" ""
	scheduler_down one
}
tried_once() {
	[ "$(state "SELECT count(*) FROM strata.try WHERE run_id = 'retried' AND state = 'ended'")" = 1 ]
}

@test "what an older strata recorded is checked once, where checks are declared" {
	declare_checks '{primary_keys: [id, amount]}'
	strata -q run $days
	state "UPDATE strata.partition SET fingerprint = regexp_replace(fingerprint, ' checks=.*', '')"
	assert_equal "$(plan_says $days)" $'dwd.dwd_orders 2024-01-01 check checks changed\ndwd.dwd_orders 2024-01-02 check checks changed'
	strata -q run $days
	assert_equal "$(plan_says $days)" ""
}

@test "a scheduler does the same, in the words of a run of one's own" {
	local own
	declare_checks '{primary_keys: [id, amount]}'
	own=$(strata run dwd_orders $days 2>&1 | alike)
	scheduler_up one
	declare_checks '{primary_keys: [id, amount], allow_empty: false}'
	assert_equal "$(strata run dwd_orders $days 2>&1 | grep -v 'carried out by' | alike)" "$own"
	assert_equal "$(plan_says $days)" ""
	scheduler_down one
}
