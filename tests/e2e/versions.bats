# Versions: what a task reads stays what it was, and who is too late publishes nothing.
load helper

setup() {
	project_empty
}
teardown() {
	project_remove
}

# The query reads its input only when a gate opens, which a test holds shut for twenty seconds and until the
# input was republished 100 times: everything that it reads, it opens after that.
@test "a 20-second query over an input that is republished 100 times gives the old version's exact sum" {
	project_file dags/dw_config.yaml <<< "layer_dependencies: {ads: [dwd]}"
	project_file dags/dwd/dwd_numbers.sql <<< "SELECT i AS v, '\${PARTITION_DATE}' AS day FROM range(200000) t(i)"
	mkfifo gate
	project_file dags/ads/ads_sum.sql <<-EOF
		WITH gate AS MATERIALIZED (
			SELECT count(*) AS lines FROM read_csv('$PROJECT/gate', auto_detect = false, header = false, columns = {'line': 'VARCHAR'})
		)
		SELECT (SELECT lines FROM gate) AS lines, sum(v)::BIGINT AS total, count(*) AS numbers, count(DISTINCT v) AS different
		FROM dwd.dwd_numbers, gate
		WHERE dt = '\${PARTITION_DATE}' AND v >= gate.lines - 1
	EOF
	strata run dwd_numbers --date 2024-01-01
	old=$(manifest dwd/dwd_numbers/dt=2024-01-01 '"\(.version) \(.try_id)"')

	background slow run ads_sum --date 2024-01-01 --timezone UTC
	exec 7> gate # a reader is there: the query has begun
	began=$SECONDS
	worker republish dwd.dwd_numbers 2024-01-01 100 1000 "SELECT i + {n} AS v, 'new' AS day FROM range(1000) t(i)" > republished &
	publisher=$!
	wait $publisher
	[ "$(cat republished)" = 100 ]
	[ "$(manifest dwd/dwd_numbers/dt=2024-01-01 .version)" = 101 ]
	[ "$(find dwd/dwd_numbers -name '*.parquet' | wc -l)" = 1 ]
	twenty_seconds() { [ $((SECONDS - began)) -ge 20 ]; }
	wait_until twenty_seconds
	run -0 kill -0 "$(pid_of slow)"
	[ ! -e ads/ads_sum/dt=2024-01-01 ]
	echo go >&7
	exec 7>&-
	background_end slow
	assert_status 0

	[ "$(query "SELECT lines, total, numbers, different FROM 'ads/ads_sum/dt=2024-01-01/*.parquet'")" = $'1\t19999900000\t200000\t200000' ]
	assert_equal "$(strata --output json lineage ads_sum | jq -r '.[] | "\(.version) \(.reads) \(.read_partition) \(.read_version)"')" "1 dwd.dwd_numbers 2024-01-01 1"
	[ "$(manifest ads/ads_sum/dt=2024-01-01 '.inputs[] | "\(.version) \(.try_id)"')" = "$old" ]
	# The next run sees that its input is another one now.
	[[ $(plan_says --date 2024-01-01) == *"dwd.dwd_numbers 2024-01-01 build changed in the lake"* ]]
	[ -z "$(ls .strata/staging)" ]
}

@test "a worker stopped before its exchange, timed out, retried, then continued does not publish" {
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: []}
		defaults: {retries: 1, retry_delay: 100ms, timeout: 5s} # enough for a try on a busy machine
	EOF
	project_file dags/dwd/dwd_who.sql <<< "SELECT '\${RUN_ID}' AS run, '\${PARTITION_DATE}' AS day"
	STRATA_FAULT=commit.exchange:1:stop STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once background run run --date 2024-01-01
	wait_until test -e "$BATS_TEST_TMPDIR/once"
	stopped_worker() {
		stopped=$(for pid in $(workers); do
			[ "$(awk '{ print $3 }' "/proc/$pid/stat" 2>/dev/null)" = T ] && echo "$pid"
		done)
		[ -n "$stopped" ]
	}
	wait_until stopped_worker
	wait_until has_line "$(err_of run)" timeout
	kill -CONT "$stopped" 2>/dev/null || true # it may be gone already
	background_end run
	assert_status 0
	wait_until has_ended "$stopped"

	[ "$(strata --output json show latest dwd_who | jq -c '[.. | .outcome? // empty]')" = '["timeout","success"]' ]
	published=$(manifest dwd/dwd_who/dt=2024-01-01 .try_id)
	tries=$(strata --output json show latest dwd_who | jq -r '.. | objects | select(.outcome? == "success") | .try_id // .try // .id')
	[ "$published" = "$tries" ]
	[ "$(manifest dwd/dwd_who/dt=2024-01-01 .version)" = 1 ]
	[ -z "$(ls .strata/staging)" ]
}

@test "of two workers the one that was stopped and overtaken changes nothing" {
	mkdir -p .strata
	[ "$(worker overtaken dwd.dwd_who 2024-01-01 7)" = $'fast success\nlate fenced' ]
	[ "$(query "SELECT who FROM 'dwd/dwd_who/dt=2024-01-01/*.parquet'")" = fast ]
	[ "$(manifest dwd/dwd_who/dt=2024-01-01 '"\(.fence) \(.version)"')" = "8 1" ]
	[ -z "$(ls .strata/staging)" ]
}

@test "a worker that dies with the partition's lock lets the next one through" {
	mkdir -p .strata
	[ "$(worker killed dwd.dwd_who 2024-01-01 7)" = "fast success" ]
	[ "$(query "SELECT who FROM 'dwd/dwd_who/dt=2024-01-01/*.parquet'")" = fast ]
}
