# A run that is interrupted, killed, or loses its database in the middle.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<< "layer_dependencies: {dwd: [], ads: [dwd]}"
	project_file dags/dwd/dwd_first.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	gated_table dags/dwd/dwd_gate.sh
	project_file dags/ads/ads_last.sql <<-'EOF'
		SELECT g.n + f.n AS n FROM dwd.dwd_gate g, dwd.dwd_first f WHERE g.dt = '${PARTITION_DATE}' AND f.dt = '${PARTITION_DATE}'
	EOF
}
teardown() {
	project_remove
	server_stop
}

day="--date 2024-01-01"

# A run that has published dwd_first and stands at the gate.
start_run() {
	background run run $day --jobs 2 "$@"
	wait_until test -e arrived-dwd.dwd_gate
	wait_until test -e dwd/dwd_first/dt=2024-01-01/_SUCCESS
	wait_until is_running dwd.dwd_gate
}

# The same command again does what is left: dwd_first stays as it was.
completes() {
	local first
	first=$(manifest dwd/dwd_first/dt=2024-01-01 .try_id)
	touch gate-open
	run -0 strata run $day
	[ "$(query "SELECT n FROM 'ads/ads_last/dt=2024-01-01/*.parquet'")" = 2 ]
	assert_equal "$(manifest dwd/dwd_first/dt=2024-01-01 .try_id)" "$first"
	[ -z "$(ls .strata/staging)" ]
}

@test "Ctrl-C cancels the run: status 130, canceled in the state, nothing half published" {
	start_run
	kill -INT -- "-$(pid_of run)"
	background_end run
	assert_status 130
	assert_output_has "canceled"
	[ ! -e dwd/dwd_gate ] && [ ! -e ads ]
	[ -z "$(ls .strata/staging)" ]
	[ -z "$(workers)" ]
	[ "$(strata --output json runs | json '.[0] | "\(.state) \(.result)"')" = "done canceled" ]
	assert_equal "$(results | grep -v dwd_first)" "$(printf '%s 2024-01-01 canceled\n' ads.ads_last dwd.dwd_gate)"
	completes
}

@test "Ctrl-C stops a query that runs" {
	project_file dags/dwd/dwd_gate.sql <<< "$ENDLESS"
	rm dags/dwd/dwd_gate.sh
	background run run $day --jobs 2
	wait_until is_running dwd.dwd_gate
	kill -INT -- "-$(pid_of run)"
	background_end run
	assert_status 130
	[ "$(strata --output json runs | json '.[0].result')" = canceled ]
	[ ! -e dwd/dwd_gate ]
	[ -z "$(ls .strata/staging)" ]
}

@test "SIGTERM cancels like Ctrl-C" {
	start_run
	kill -TERM "$(pid_of run)"
	background_end run
	assert_status 130
	[ "$(strata --output json runs | json '.[0].result')" = canceled ]
	completes
}

@test "a terminal that is closed cancels like Ctrl-C, and nohup does not" {
	start_run
	kill -HUP "$(pid_of run)"
	background_end run
	assert_status 130
	[ "$(strata --output json runs | json '.[0].result')" = canceled ]
	trap '' HUP
	start_run
	trap - HUP
	kill -HUP "$(pid_of run)"
	touch gate-open
	background_end run
	assert_status 0
	[ "$(strata --output json runs | json '.[0].result')" = success ]
}

@test "after kill -9 of strata its workers go, and the same command completes" {
	start_run
	orphans=$(workers)
	[ -n "$orphans" ]
	kill -KILL "$(pid_of run)"
	background_end run
	[ "$(strata --output json runs | json '.[0].state')" = running ]
	for pid in $orphans; do wait_until has_ended "$pid"; done
	completes
	assert_output_has "closed 1 run of a scheduler that died"
	assert_equal "$(strata --output json runs | json '.[] | "\(.state) \(.result)"')" $'done success\ndone failed'
	dead=$(strata --output json runs | json '.[1].run')
	[ "$(strata --output json show "$dead" dwd_gate | jq -c '[.. | .outcome? // empty]')" = '["lost"]' ]
	assert_equal "$(results "$dead")" "dwd.dwd_first 2024-01-01 success
dwd.dwd_gate 2024-01-01 failed"
}

@test "kill -9 of strata right after it asked for a commit loses nothing" {
	rm dags/dwd/dwd_gate.sh
	project_file dags/dwd/dwd_gate.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	for crossing in 1 2 3 5; do
		rm -f "$BATS_TEST_TMPDIR/once"
		STRATA_FAULT=journal.sent:$crossing:kill STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once run -137 strata run --date "2024-01-0$crossing"
		run -0 strata run --date "2024-01-0$crossing"
		[ "$(query "SELECT n FROM 'ads/ads_last/dt=2024-01-0$crossing/*.parquet'")" = 2 ]
		run -0 strata run --date "2024-01-0$crossing"
		assert_output_has "3 fresh"
		assert_equal "$(strata --output json runs | jq -c '[.[] | select(.state != "done")]')" "[]"
		[ -z "$(ls .strata/staging)" ]
	done
	# What is published and what the state says of it are one.
	for folder in dwd/dwd_first dwd/dwd_gate ads/ads_last; do
		for crossing in 1 2 3 5; do
			published=$(manifest "$folder/dt=2024-01-0$crossing" .try_id)
			[ "$(state "SELECT try_id FROM strata.partition WHERE table_name = '${folder/\//.}' AND partition = '2024-01-0$crossing'")" = "$published" ]
		done
	done
}

all_succeeded() {
	assert_equal "$(results)" "ads.ads_last 2024-01-01 success
dwd.dwd_first 2024-01-01 success
dwd.dwd_gate 2024-01-01 success"
	[ "$(query "SELECT n FROM 'ads/ads_last/dt=2024-01-01/*.parquet'")" = 2 ]
	run -0 strata run ads_last dwd_first $day
	assert_output_has "2 fresh"
}

@test "the private database is killed: the run starts it again and goes on" {
	start_run
	postmaster=$(db_status pid)
	kill -KILL "$postmaster"
	wait_until has_ended "$postmaster"
	touch gate-open
	background_end run
	assert_status 0
	assert_output_has "db.started_again"
	[ "$(db_status pid)" != "$postmaster" ]
	all_succeeded
}

@test "somebody's database that is killed and comes back costs the run nothing" {
	server_start
	start_run
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -m immediate -s stop
	touch gate-open
	wait_until has_line .strata/logs/*/dwd_gate/2024-01-01.try-1.log task.done
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -w -s -l "$SERVER/log" -o "-k $SERVER -c listen_addresses='' -c fsync=off" start
	background_end run
	assert_status 0
	assert_output_lacks "db.started_again"
	all_succeeded
}
