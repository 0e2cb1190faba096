# One scheduler a lake: who comes second waits, or not, and pools hold over all.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: []}
		pools: {two: 2}
	EOF
}
teardown() {
	project_remove
}

day="--date 2024-01-01"

@test "a second run waits and says for whom; --no-wait is status 5" {
	gated_table dags/dwd/dwd_gate.sh
	project_file dags/dwd/dwd_other.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	background first run dwd_gate $day
	wait_until test -e arrived-dwd.dwd_gate
	run -5 strata run dwd_other $day --no-wait
	assert_output_has "strata run dwd_gate"
	assert_output_has "$(pid_of first)"
	background second run dwd_other $day
	wait_until has_line "$(err_of second)" "waiting for 'strata run dwd_gate"
	has_line "$(err_of second)" "process $(pid_of first)"
	[ ! -e dwd/dwd_other ]
	touch gate-open
	background_end first
	assert_status 0
	background_end second
	assert_status 0
	[ -e dwd/dwd_other/dt=2024-01-01/_SUCCESS ]
}

@test "Ctrl-C gives up waiting and leaves the other run alone" {
	gated_table dags/dwd/dwd_gate.sh
	background first run dwd_gate $day
	wait_until test -e arrived-dwd.dwd_gate
	background second run $day
	wait_until has_line "$(err_of second)" "waiting for"
	kill -INT -- "-$(pid_of second)"
	background_end second
	assert_status 130
	touch gate-open
	background_end first
	assert_status 0
	[ "$(strata --output json runs | jq length)" = 1 ]
}

@test "looking needs no lock: plan, runs and tasks answer beside a run" {
	gated_table dags/dwd/dwd_gate.sh
	background first run dwd_gate $day
	wait_until is_running dwd.dwd_gate
	run -0 strata plan $day
	run -0 strata runs
	run -0 strata logs latest dwd_gate
	assert_output_has "task.start"
	touch gate-open
	background_end first
	assert_status 0
}

@test "two runs with --jobs 4 at once and a pool of 2 never run 3" {
	mkdir marks
	for name in a b c d e f; do
		project_file "dags/dwd/dwd_$name.sh" <<-'EOF'
			#!/bin/sh
			# ${PARTITION_DATE}
			mark=marks/$STRATA_TABLE-$STRATA_PARTITION_DATE
			touch "$mark"
			ls marks | wc -l >> seen
			# Stay until another one is here too, so that two do meet; the last one may stay alone.
			for i in $(seq 50); do [ "$(ls marks | wc -l)" -ge 2 ] && break; sleep 0.02; done
			ls marks | wc -l >> seen
			rm "$mark"
		EOF
		chmod +x "dags/dwd/dwd_$name.sh"
		printf '  dwd_%s: {pool: two, output: none}\n' $name
	done | { echo tables:; cat; } > tables.yaml
	background first run --start 2024-01-01 --end 2024-01-02 --jobs 4
	background second run --start 2024-01-01 --end 2024-01-02 --jobs 4
	background_end first
	assert_status 0
	background_end second
	assert_status 0
	[ "$(wc -l < seen)" = 48 ]
	[ "$(sort -n seen | tail -1)" = 2 ]
}

@test "a run beside one of another host is refused, and says where to run" {
	gated_table dags/dwd/dwd_gate.sh
	background first run dwd_gate $day
	wait_until test -e arrived-dwd.dwd_gate
	state "UPDATE strata.scheduler SET host = 'elsewhere'"
	run -5 strata run $day
	assert_output_has "on host elsewhere); all who work on a lake in a folder are on one host: run there"
	touch gate-open
	background_end first
	assert_status 0
}
