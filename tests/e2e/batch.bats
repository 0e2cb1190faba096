# Dates of a table that go to a worker together. Whether they do is decided by what they take: each test holds either way,
# and what only a batch shows is in tests/unit and tests/sim.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<< "layer_dependencies: {dwd: [], dws: [dwd]}"
	project_file dags/dwd/dwd_made.sql <<< "SELECT i AS n, '\${PARTITION_DATE}' AS day FROM range(3) t(i)"
}

teardown() { project_remove; }

dates="--start 2024-01-01 --end 2024-01-24"

# Every date is published, of one try that succeeded, and the state and the lake agree.
all_published() {
	[ "$(query "SELECT count(*), count(DISTINCT day) FROM 'dwd/dwd_made/*/*.parquet'")" = $'72\t24' ]
	[ "$(state "SELECT count(*), count(DISTINCT partition) FROM strata.try WHERE outcome = 'success'")" = "24|24" ]
	[ "$(state "SELECT count(*) FROM strata.partition p JOIN strata.try t USING (try_id) WHERE t.outcome = 'success'")" = 24 ]
	[ -z "$(ls .strata/staging)" ]
	[ -z "$(workers)" ]
}

@test "each date of a batch has its own row, log and partition" {
	run -0 strata backfill $dates --jobs 1
	all_published
	[ "$(find .strata/logs -name '*.log' | wc -l)" = 24 ]
	[ "$(state "SELECT count(*) FROM strata.try WHERE running_at IS NULL OR ended_at IS NULL OR worker = ''")" = 0 ]
	for log in $(find .strata/logs -name '*.log'); do
		[ "$(grep -c 'task.done.*status=published' "$log")" = 1 ]
	done
}

@test "a date that fails fails alone; without --continue-on-error the later ones are withheld" {
	project_file dags/dwd/dwd_made.sql <<< "SELECT CASE WHEN '\${PARTITION_DATE}' = '2024-01-14' THEN error('no such day') ELSE i END AS n,
		'\${PARTITION_DATE}' AS day FROM range(3) t(i)"
	run -1 strata backfill $dates --jobs 1 --continue-on-error
	assert_output_has "no such day"
	[ "$(results | grep -c success)" = 23 ]
	[ "$(query "SELECT count(DISTINCT day) FROM 'dwd/dwd_made/*/*.parquet'")" = 23 ]
	run -1 strata backfill $dates --jobs 1 --force
	[ "$(results | grep -c ' failed')" = 1 ]
	[ "$(results | grep -c success)" -ge 13 ]
	[ "$(results | grep -c 'success\|upstream_failed')" = 23 ]
	[ -z "$(ls .strata/staging)" ]
}

@test "a worker killed between two exchanges: what was exchanged is a success, the others are tried again, without a retry" {
	STRATA_FAULT=commit.after_exchange:6:kill STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -0 strata backfill $dates --jobs 1
	[ -e "$BATS_TEST_TMPDIR/once" ]
	all_published
	# Nobody published twice.
	[ "$(state "SELECT max(version) FROM strata.partition")" = 1 ]
}

@test "a worker killed at work fails that date only, and nobody pays for it with a retry" {
	STRATA_FAULT=stage.write:6:kill STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -1 strata backfill $dates --jobs 1 --continue-on-error
	[ -e "$BATS_TEST_TMPDIR/once" ]
	assert_output_has "killed by signal 9"
	[ "$(results | grep -c success)" = 23 ]
	assert_equal "$(results | grep -v success)" "dwd.dwd_made 2024-01-06 failed"
	[ -z "$(ls .strata/staging)" ]
	run -0 strata backfill $dates --jobs 1
	all_published
}

# One row a date; on 2024-01-14 none, as that never ends (in the environment "slow").
endless_day() {
	project_file tables.yaml <<-'EOF'
		project: {env: "${STRATA_ENV:-slow}"}
		tables: {dwd_made: {timeout: 12s}}
	EOF
	project_file dags/dwd/dwd_made.sql <<-'EOF'
		SELECT count(*) AS n, '${PARTITION_DATE}' AS day
		FROM range(CASE WHEN '${PARTITION_DATE} ${ENV}' = '2024-01-14 slow' THEN 1000000000 ELSE 1 END) a,
			range(CASE WHEN '${PARTITION_DATE} ${ENV}' = '2024-01-14 slow' THEN 1000000000 ELSE 1 END) b
		WHERE a.range * b.range >= 0
	EOF
}

@test "a date that takes too long ends as a timeout, and the dates around it are published" {
	endless_day
	run -1 strata backfill $dates --jobs 1 --continue-on-error
	assert_output_has "timed out after 12"
	[ "$(results | grep -c success)" = 23 ]
	assert_equal "$(results | grep -v success)" "dwd.dwd_made 2024-01-14 timeout"
	[ -z "$(ls .strata/staging)" ]
}

logged() { grep -qr "$1" .strata/logs 2>/dev/null; }

@test "a backfill that is canceled leaves whole dates only, and the same command completes it" {
	endless_day
	sed -i 's/timeout: 12s/timeout: 1h/' tables.yaml
	background run backfill $dates --jobs 1
	wait_until logged 'table=dwd.dwd_made dt=2024-01-14'
	kill -INT -- "-$(pid_of run)"
	background_end run
	assert_status 130
	[ -z "$(ls .strata/staging)" ]
	[ -z "$(workers)" ]
	[ "$(results | grep -c 'success\|canceled')" = 24 ]
	[ "$(find dwd -name _SUCCESS | wc -l)" = "$(results | grep -c success)" ]
	STRATA_ENV=quick run -0 strata backfill $dates --jobs 1
	[ "$(query "SELECT count(*), sum(n) FROM 'dwd/dwd_made/*/*.parquet'")" = $'24\t24' ]
}
