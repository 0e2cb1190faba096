# What a person does to a scheduler's runs: looks how far they are, stops them, has tasks done again.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: []}
	EOF
}
teardown() {
	schedulers_remove
	server_stop
}
scheduler_dies() {
	kill -KILL "$(pid_of "$1")"
	background_end "$1" || true
}
of_run() { # RUN FIELD
	strata --output json runs --limit 1000 | jq -r --arg run "$1" ".[] | select(.run == \$run) | .$2"
}
run_is() { # RUN STATE
	[ "$(of_run "$1" state) $(of_run "$1" 'result // ""')" = "$2" ]
}
field_is() { # RUN FIELD VALUE
	[ "$(of_run "$1" "$2")" = "$3" ]
}
has_result() { # RUN LINE
	results "$1" | grep -qxF -- "$2"
}
status_has() {
	strata status --output json | grep -qF -- "$1"
}

@test "how far a backfill is, by runs and status, without counting rows; how long it takes is said once it is known" {
	gate_from dwd_gate 2024-01-04
	scheduler_up one --jobs 1
	id=$(strata -q backfill --start 2024-01-01 --end 2024-01-06 --max-active 1 --detach)
	wait_until test -e arrived-dwd.dwd_gate
	wait_until field_is "$id" done 3
	[ "$(of_run "$id" running)" -gt 0 ]
	[ "$(of_run "$id" tasks)" = 6 ]
	[ "$(of_run "$id" per_hour)" -gt 0 ]
	[ "$(of_run "$id" left_us)" -gt 0 ]
	wait_until status_has "3/6 done, "
	status_has " left"
	run -0 strata pause "$id"
	[ "$(of_run "$id" left_us)" = null ]
	scheduler_dies one
	field_is "$id" done 3
	[ "$(of_run "$id" left_us)" = null ]
	run -0 strata status
	assert_output_has "3/6 done"
	touch gate-open
	run -0 strata unpause "$id"
	scheduler_up two --jobs 1
	wait_until run_is "$id" "done success"
	field_is "$id" done 6
	[ "$(of_run "$id" left_us)" = null ]
	scheduler_down two
}

@test "a backfill that is canceled in its second life leaves no task of the first one open" {
	gate_from dwd_gate 2024-01-02
	scheduler_up one --jobs 1
	id=$(strata -q backfill --start 2024-01-01 --end 2024-01-06 --detach)
	wait_until test -e arrived-dwd.dwd_gate
	strata pause "$id"
	scheduler_dies one
	scheduler_up two --jobs 1
	strata cancel "$id"
	wait_until run_is "$id" "done canceled"
	open=$(strata tasks "$id" --output json | jq -r '.[] | select(.state != "done") | .partition')
	assert_equal "$open" ""
	has_result "$id" "dwd.dwd_gate 2024-01-02 canceled"
	# Also what ended without a word is counted, and as 'runs' has it.
	run -0 strata show "$id"
	counts=$(grep -oE '; [0-9]+ [a-z_]+' <<< "$output" | tr -dc '0-9\n')
	assert_equal "$((${counts//$'\n'/+}))" 6
	scheduler_down two
}

@test "what failed and what it withholds is in the progress while the rest goes on" {
	project_file dags/dwd/dwd_bad.sql <<< "SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/dwd/dwd_after.sql <<< "SELECT n FROM dwd.dwd_bad WHERE dt = '\${PARTITION_DATE}'"
	gate_from dwd_gate 2024-01-01
	scheduler_up one --jobs 2
	id=$(strata -q backfill --start 2024-01-01 --end 2024-01-02 --continue-on-error --detach)
	wait_until field_is "$id" failed 4
	touch gate-open
	wait_until run_is "$id" "done failed"
	field_is "$id" done 6
	scheduler_down one
}

@test "on a terminal who follows a run sees one line that lives; its end wipes it" {
	gate_from dwd_gate 2024-01-02
	scheduler_up one --jobs 1
	"$REPO/deps/venv/bin/python" - "$STRATA" -C "$PROJECT" backfill --start 2024-01-01 --end 2024-01-03 3>&- > "$BATS_TEST_TMPDIR/screen" <<-'END' &
		import os, pty, sys
		pid, terminal = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], sys.argv[1:])
		while True:
		    try:
		        part = os.read(terminal, 4096)
		    except OSError:
		        break
		    sys.stdout.buffer.write(part)
		    sys.stdout.buffer.flush()
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	screen=$!
	wait_until has_line "$BATS_TEST_TMPDIR/screen" " 1/3 "
	touch gate-open
	wait "$screen"
	run cat "$BATS_TEST_TMPDIR/screen"
	assert_output_has "success in"
	assert_output_lacks "ok       dwd.dwd_gate"
	scheduler_down one
}

@test "pause, unpause and cancel of a backfill each survive kill -9" {
	gate_from dwd_gate 2024-01-01
	scheduler_up one --jobs 1
	id=$(strata -q backfill --start 2024-01-01 --end 2024-01-04 --max-active 1 --detach)
	wait_until test -e arrived-dwd.dwd_gate
	run -0 strata pause "$id"
	scheduler_dies one
	touch gate-open
	scheduler_up two --jobs 1
	other=$(strata -q backfill --start 2024-01-05 --end 2024-01-05 --detach)
	wait_until run_is "$other" "done success"
	[ ! -e dwd/dwd_gate/dt=2024-01-04 ]
	run_is "$id" "running " || run_is "$id" "planned "
	rm gate-open
	run -0 strata unpause "$id"
	scheduler_dies two
	touch gate-open
	scheduler_up three --jobs 1
	wait_until run_is "$id" "done success"
	rm gate-open arrived-dwd.dwd_gate
	id=$(strata -q backfill --start 2024-02-01 --end 2024-02-04 --max-active 1 --detach)
	wait_until test -e arrived-dwd.dwd_gate
	run -0 strata cancel "$id"
	scheduler_dies three
	touch gate-open
	scheduler_up four --jobs 1
	wait_until run_is "$id" "done canceled"
	[ ! -e dwd/dwd_gate/dt=2024-02-04 ]
	scheduler_down four
}

@test "clear: tasks of a run that is done are done again, by a new run; the old one stays as it was" {
	project_file dags/dwd/dwd_a.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/dwd/dwd_b.sql <<< "SELECT n FROM dwd.dwd_a WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/dwd/dwd_c.sql <<< "SELECT 3 AS n, '\${PARTITION_DATE}' AS day"
	scheduler_up one
	id=$(strata -q backfill --start 2024-01-01 --end 2024-01-03 --detach)
	wait_until run_is "$id" "done success"
	before=$(strata --output json tasks "$id")
	run -0 strata clear "$id" dwd_a --partition 2024-01-02
	again=${lines[-1]##* }
	wait_until run_is "$again" "done success"
	[ "$(results "$again")" = "dwd.dwd_a 2024-01-02 success" ]
	[ "$(manifest dwd/dwd_a/dt=2024-01-02 .version)" = 2 ]
	[ "$(manifest dwd/dwd_a/dt=2024-01-01 .version)" = 1 ]
	[ "$(strata --output json tasks "$id")" = "$before" ]
	[ "$(of_run "$again" selection)" = "dwd_a again of $id" ]
	run -0 strata clear "$id" dwd_a --start 2024-01-03 --end 2024-01-03 --downstream
	again=${lines[-1]##* }
	wait_until run_is "$again" "done success"
	[ "$(results "$again")" = "dwd.dwd_a 2024-01-03 success
dwd.dwd_b 2024-01-03 success" ]
	run -2 strata clear "$id" --failed-only
	assert_output_has "no task that failed"
	run -2 strata clear "$id" dwd_d
	scheduler_down one
	run -5 strata clear "$id" dwd_a
	assert_output_has "no scheduler is up"
}

@test "clear: in a run under way, what has ended is done again beside it; --failed-only takes what failed; kill -9 loses nothing" {
	gate_from dwd_gate 2024-01-02
	project_file dags/dwd/dwd_bad.sql <<< "SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"
	scheduler_up one --jobs 2
	id=$(strata -q backfill --start 2024-01-01 --end 2024-01-02 --continue-on-error --detach)
	wait_until field_is "$id" done 3
	project_file dags/dwd/dwd_bad.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	wait_until has_line "$(err_of one)" "project.read"
	run -0 strata clear "$id" --failed-only
	again=${lines[-1]##* }
	wait_until run_is "$again" "done success"
	[ "$(results "$again")" = "dwd.dwd_bad 2024-01-01 success
dwd.dwd_bad 2024-01-02 success" ]
	run -0 strata clear "$id" dwd_gate
	again=${lines[-1]##* }
	wait_until run_is "$again" "done success"
	[ "$(results "$again")" = "dwd.dwd_gate 2024-01-01 success" ]
	[ "$(grep -c 2024-01-01 built-dwd.dwd_gate)" = 2 ]
	touch gate-open
	wait_until run_is "$id" "done failed"
	rm gate-open arrived-dwd.dwd_gate
	run -0 strata clear "$id" dwd_gate
	again=${lines[-1]##* }
	wait_until test -e arrived-dwd.dwd_gate
	wait_until has_result "$again" "dwd.dwd_gate 2024-01-01 success"
	scheduler_dies one
	touch gate-open
	scheduler_up two --jobs 2
	wait_until run_is "$again" "done success"
	[ "$(results "$again")" = "dwd.dwd_gate 2024-01-01 success
dwd.dwd_gate 2024-01-02 success" ]
	[ "$(grep -c 2024-01-01 built-dwd.dwd_gate)" = 3 ] # what is done is not done again
	scheduler_down two
}

@test "commands reach the scheduler from elsewhere, with the database and a copy of the project" {
	server_start
	gate_from dwd_gate 2024-01-01
	scheduler_up one --jobs 1
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	cp -r dags "$BATS_TEST_TMPDIR/elsewhere/"
	from=("$STRATA" -C "$BATS_TEST_TMPDIR/elsewhere" --lake "$PROJECT" --db "$STRATA_DB")
	id=$("${from[@]}" -q backfill --start 2024-01-01 --end 2024-01-03 --max-active 1 --detach 3>&-)
	wait_until test -e arrived-dwd.dwd_gate
	run -0 "${from[@]}" pause "$id" 3>&-
	run -0 "${from[@]}" explain "$id" dwd_gate@2024-01-03 3>&-
	assert_output_has "was paused by $(id -un)@$(hostname)"
	run -0 "${from[@]}" unpause "$id" 3>&-
	touch gate-open
	wait_until run_is "$id" "done success"
	run -0 "${from[@]}" audit 3>&-
	assert_output_has "run $id is going on"
	scheduler_down one
}

@test "status knows the schedules of a project that is broken on disk; trigger's answer is the run's name" {
	project_file dags/dwd/dwd_day.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	cat >> dags/dw_config.yaml <<-'EOF'
		schedules:
		  nightly: {cron: '30 6 1 1 *', timezone: UTC, select: [dwd]}
	EOF
	scheduler_up one
	name=$(strata trigger nightly 2>/dev/null)
	wait_until run_is "$name" "done success"
	echo "layer_dependencies: [" > dags/dw_config.yaml
	wait_until has_line "$(err_of one)" "project.broken"
	run -0 strata status
	assert_output_has "nightly"
	assert_output_has "dags/dw_config.yaml:"
	scheduler_down one
}
