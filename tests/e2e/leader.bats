#!/usr/bin/env bats
# What a run does when the lake is taken from it.

load helper

teardown() {
	local name
	for name in "${!BACKGROUND[@]}"; do
		kill -CONT "${BACKGROUND[$name]}" 2>/dev/null || true
	done
	project_remove
	server_stop
}

day="--date 2024-01-01"

# Two tables, one of them behind a gate, and a server that can be told whose connections to cut.
project_served() {
	project_empty
	project_file dags/dw_config.yaml <<< 'layer_dependencies: {dwd: []}'
	project_file dags/dwd/dwd_day.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	gated_table dags/dwd/dwd_gate.sh
	server_start
}
# named NAME ARGUMENT…: in the background, by that name for the server, too.
named() {
	STRATA_DB="$STRATA_DB application_name=$1" background "$@"
}
ask() {
	psql -qXAtc "$1" "$STRATA_DB" 3>&-
}
cut() { # NAME: its connections break; its process does not hear of it while it stands still
	ask "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '$1'"
	wait_until gone "$1"
}
gone() {
	[ "$(ask "SELECT count(*) FROM pg_stat_activity WHERE application_name = '$1'")" = 0 ]
}
leads() { # COMMAND
	[ "$(ask "SELECT command LIKE '$1%' FROM strata.scheduler")" = t ]
}
run_is() { # RUN STATE
	[ "$(strata --output json runs | jq -r ".[] | select(.run == \"$1\") | .state + \" \" + (.result // \"\")")" = "$2" ]
}
ready() { # NAME TIMES
	[ "$(grep -cF scheduler.ready "$(err_of "$1")")" -ge "$2" ]
}
backfill_the_gate() { # sets $id
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-03 --detach --max-active 1
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
}

# Programs that run until they get the file `go`, which only one of them can.
project_waiters() {
	project_empty
	project_file dags/dw_config.yaml <<< 'layer_dependencies: {ads: []}'
	local name
	for name in a b c d e; do
		project_file "dags/ads/ads_$name.sh" <<-'EOF'
			#!/bin/sh
			echo >> started
			until mv go "went.$$" 2>/dev/null; do sleep 0.02; done
			echo n > "$STRATA_OUTPUT_DIR/n.csv"
			echo 1 >> "$STRATA_OUTPUT_DIR/n.csv"
		EOF
		chmod +x "dags/ads/ads_$name.sh"
	done
}

two_started() {
	[ "$(wc -l < started)" = 2 ]
}

@test "a run that loses its lake with tries still queued stops them all and says so" {
	project_waiters
	background run run --jobs 2 --date 2024-01-05
	wait_until test -e started
	wait_until two_started
	psql -qXAtc 'UPDATE strata.scheduler SET epoch = epoch + 1' "$(strata db start)"
	touch go
	background_end run
	[ "$status" -eq 5 ]
	[[ $output == *"another scheduler has taken the lake"* ]]
	[[ $output != *AddressSanitizer* ]]
}

@test "a scheduler that has lost the lake to a run lets go, stands by, and goes on with its orders when the run is done" {
	project_served
	named one scheduler
	wait_until ready one 1
	backfill_the_gate
	kill -STOP "$(pid_of one)"
	cut one
	background run run dwd_day $day
	wait_until has_line "$(err_of run)" "has lost the state database"
	wait_until leads "strata run"
	kill -CONT "$(pid_of one)"
	wait_until has_line "$(err_of one)" "scheduler.standby"
	background_end run
	assert_status 0
	[ -e dwd/dwd_day/dt=2024-01-01/_SUCCESS ]
	wait_until ready one 2
	touch gate-open
	wait_until run_is "$id" "done success"
	kill -TERM "$(pid_of one)"
	background_end one
	assert_status 0
	[[ $output != *AddressSanitizer* ]]
}

@test "a scheduler that was cut off from its database is back before a run that has come meanwhile, and takes that" {
	project_served
	named one scheduler
	wait_until ready one 1
	kill -STOP "$(pid_of one)"
	cut one
	background run run dwd_day $day
	wait_until has_line "$(err_of run)" "has lost the state database"
	kill -CONT "$(pid_of one)"
	background_end run
	assert_status 0
	assert_output_has "carried out by 'strata scheduler"
	ready one 1
	kill -TERM "$(pid_of one)"
	background_end one
	assert_status 0
}

@test "a leader that stands still without its connection is killed by the standby, and its run goes on" {
	project_served
	named one scheduler
	wait_until ready one 1
	backfill_the_gate
	background two scheduler
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	kill -STOP "$(pid_of one)"
	cut one
	wait_until ready two 1
	has_line "$(err_of two)" "scheduler.killed pid=$(pid_of one)"
	background_end one
	assert_status 137
	touch gate-open
	wait_until run_is "$id" "done success"
	kill -TERM "$(pid_of two)"
	background_end two
	assert_status 0
}

@test "a standby outlives a restart of the database, and its scheduler is back before it" {
	project_served
	named one scheduler
	wait_until ready one 1
	background two scheduler
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -m immediate -w -s stop
	wait_until has_line "$(err_of two)" "standby.waits"
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -w -s -l "$SERVER/log" -o "-k $SERVER -c listen_addresses='' -c fsync=off" start
	wait_until has_line "$(err_of one)" "journal.up"
	run -0 strata run dwd_day $day
	assert_output_has "carried out by 'strata scheduler"
	ready one 1
	! ready two 1
	kill -KILL "$(pid_of one)"
	background_end one
	wait_until ready two 1
	kill -TERM "$(pid_of two)"
	background_end two
	assert_status 0
}

@test "a run that waits behind a scheduler that ends and its standby is handed over to who leads next" {
	project_served
	named one scheduler
	wait_until ready one 1
	backfill_the_gate
	background two scheduler
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	kill -TERM "$(pid_of one)"
	wait_until has_line "$(err_of one)" "scheduler.draining"
	background run run dwd_day $day
	wait_until has_line "$(err_of run)" "waiting for 'strata scheduler'"
	touch gate-open
	background_end one
	assert_status 0
	background_end run
	assert_status 0
	assert_output_has "carried out by 'strata scheduler"
	wait_until run_is "$id" "done success"
	kill -TERM "$(pid_of two)"
	background_end two
	assert_status 0
}

@test "--replace kills no task and loses no interval" {
	project_served
	echo "schedules: {nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd_gate], catchup: all, start_date: $(date -ud '-3 days' +%F), max_active_runs: 1}}" >> dags/dw_config.yaml
	named one scheduler
	wait_until ready one 1
	wait_until is_running dwd.dwd_gate
	background two scheduler --replace
	wait_until has_line "$(err_of one)" "scheduler.draining"
	touch gate-open
	background_end one
	assert_status 0
	wait_until ready two 1
	wait_until run_is "nightly-$(date -ud '-3 hours' +%Y%m%d)T030000Z" "done success"
	[ "$(ask "SELECT count(*) FROM strata.try WHERE outcome <> 'success' OR try_no > 1")" = 0 ]
	[ "$(ask "SELECT count(*) > 1 AND count(*) = count(DISTINCT at) AND (max(at) - min(at)) = (count(*) - 1) * interval '1 day'
		FROM strata.schedule_interval")" = t ]
	[ "$(ask "SELECT count(*) FROM strata.run WHERE result <> 'success'")" = 0 ]
	kill -TERM "$(pid_of two)"
	background_end two
	assert_status 0
}
