# Callbacks: who is told of failures, recoveries and deadlines, whatever dies meanwhile.
load helper

day="--date 2024-01-01"
GOOD="SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
BAD="SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"

setup() {
	project_empty
	project_file dags/dwd/dwd_x.sql <<< "$BAD"
	RECEIVER=$BATS_TEST_TMPDIR/receiver
	mkdir -p "$RECEIVER"
	unset RECEIVER_PID
	export HOOK_TOKEN=very-secret-token
}
teardown() {
	local name
	receiver_down
	for name in "${!BACKGROUND[@]}"; do
		kill -KILL -- "-${BACKGROUND[$name]}" 2>/dev/null || true
	done
	project_remove
}

# receiver_up [PORT]: it listens at $HOOK_URL.
receiver_up() {
	rm -f "$RECEIVER/port"
	python3 "$REPO/tests/helper/receiver.py" "$RECEIVER" "$@" 3>&- &
	RECEIVER_PID=$!
	wait_until test -s "$RECEIVER/port"
	PORT=$(cat "$RECEIVER/port")
	export HOOK_URL=http://127.0.0.1:$PORT/hooks/in-the-path
}
receiver_down() {
	[ -n "${RECEIVER_PID:-}" ] || return 0
	kill -KILL "$RECEIVER_PID" 2>/dev/null || true
	wait "$RECEIVER_PID" 2>/dev/null || true
	unset RECEIVER_PID
}
# What it was told, in order; each once.
effects() {
	jq -r '"\(.callback) \(.event) \(.subject)"' "$RECEIVER/effects" 2>/dev/null
}
effects_are() {
	[ "$(effects)" = "$1" ]
}
calls() {
	wc -l < "$RECEIVER/calls"
}

# config TEXT: dw_config.yaml with these further lines.
config() {
	{
		echo "layer_dependencies: {dwd: []}"
		cat
	} > dags/dw_config.yaml
}
hook_config() {
	config <<-'EOF'
		callbacks:
		  oncall: {url: '${HOOK_URL}', headers: {Authorization: 'Bearer ${HOOK_TOKEN}'}}
	EOF
}
# mendable_table FILE: fails until there is a file fixed, without a change of the project, which a scheduler would have to
# read first.
mendable_table() {
	project_file "$1" <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		[ -e fixed ] || exit 1
		echo "n
		1" > "$STRATA_OUTPUT_DIR/part.csv"
	EOF
	chmod +x "$1"
}
nothing_waits() {
	[ "$(strata --output json callbacks --waiting)" = "[]" ]
}

@test "a failure is told, then a recovery; a success after a success is not; no secret is anywhere" {
	receiver_up
	hook_config
	run -1 strata run $day
	effects_are "oncall failure selection of all tables"
	assert_equal "$(jq -r '.failed[0].table + " " + .failed[0].partition + ": " + .failed[0].error' "$RECEIVER/effects")" "dwd.dwd_x 2024-01-01: Invalid Input Error: no"
	run -1 strata run $day # the incident is open; each failed run is told
	project_file dags/dwd/dwd_x.sql <<< "$GOOD"
	run -0 strata run $day
	run -0 strata run $day --force
	effects_are "oncall failure selection of all tables
oncall failure selection of all tables
oncall recovery selection of all tables"
	assert_equal "$(sort -u "$RECEIVER/headers")" "/hooks/in-the-path Bearer very-secret-token"
	nothing_waits
	run -0 strata callbacks
	assert_output_has "delivered"
	assert_output_lacks "secret"
	run -1 grep -rqE "very-secret-token|in-the-path" .strata
	pg_dump -h "$(db_status socket)" -U strata -d postgres > "$BATS_TEST_TMPDIR/dump" 3>&-
	grep -q "has failed, run" "$BATS_TEST_TMPDIR/dump"
	run -1 grep -qE "very-secret-token|in-the-path" "$BATS_TEST_TMPDIR/dump"
}

@test "events of tables, of selected ones, and of runs of a kind" {
	receiver_up
	project_file dags/dwd/dwd_y.sql <<< "$BAD"
	config <<-'EOF'
		callbacks:
		  tables: {url: '${HOOK_URL}', on: [table_failure, table_recovery], tables: dwd_x}
		  nightly: {url: '${HOOK_URL}', on: [failure], kinds: [scheduled]}
		  good: {url: '${HOOK_URL}', on: success}
	EOF
	run -1 strata run $day
	effects_are "tables table_failure table dwd.dwd_x 2024-01-01"
	project_file dags/dwd/dwd_x.sql <<< "$GOOD"
	run -0 strata run dwd_x --date 2024-01-02
	effects_are "tables table_failure table dwd.dwd_x 2024-01-01
good success selection dwd_x"
	run -1 strata run $day
	assert_equal "$(effects | tail -n 1)" "tables table_recovery table dwd.dwd_x 2024-01-01"
}

@test "a command has the JSON on its input; what it says is told until it works" {
	config <<-'EOF'
		callbacks:
		  mail: {command: 'test -e mail-works || { echo "no mail today" >&2; exit 3; }; cat > "mail-$STRATA_CALLBACK_EVENT-$STRATA_CALLBACK_KEY"'}
		  late: {command: [sleep, 60], timeout: 200ms}
		  absent: {command: [no-such-program]}
	EOF
	run -1 strata run $day
	assert_output_has "callback 'mail' could not be told of the failure: exited with status 3: no mail today"
	assert_equal "$(grep -c "no mail today" <<< "$output")" 1
	assert_output_has "took longer than 200 ms"
	assert_output_has "no such file"
	run -0 strata status
	assert_output_has "1 waiting"
	touch mail-works
	run -0 strata callbacks retry mail
	scheduler_up one
	wait_until compgen -G "mail-failure-*"
	scheduler_down one
	assert_equal "mail-failure-$(jq -r .key mail-failure-*)" "$(echo mail-failure-*)"
	assert_equal "$(jq -r .event mail-failure-*)" failure
}

@test "a receiver that is down when it happens is told when it is up, failure before recovery" {
	receiver_up
	receiver_down
	hook_config
	run -1 strata run $day
	assert_output_has "callback 'oncall' could not be told of the failure"
	assert_output_lacks "in-the-path"
	state "UPDATE strata.outbox SET next_at = now() + interval '1 hour'"
	receiver_up "$PORT"
	project_file dags/dwd/dwd_x.sql <<< "$GOOD"
	run -0 strata run $day
	assert_output_has "callback 'oncall' could not be told of the recovery: no answer yet"
	[ ! -e "$RECEIVER/effects" ]
	scheduler_up one
	strata callbacks retry
	wait_until nothing_waits
	effects_are "oncall failure selection of all tables
oncall recovery selection of all tables"
	scheduler_down one
}

@test "one that fails some times is asked again until it takes it" {
	receiver_up
	echo 2 > "$RECEIVER/fail"
	hook_config
	scheduler_up one
	run -1 strata run $day
	wait_until effects_are "oncall failure selection of all tables"
	wait_until nothing_waits
	assert_equal "$(calls)" 3
	assert_equal "$(strata --output json callbacks | jq -r '.[0] | "\(.state) \(.tries)"')" "delivered 3"
	assert_equal "$(cut -d' ' -f1 "$RECEIVER/calls" | sort -u | wc -l)" 1
	scheduler_down one
}

@test "kill -9 before it is sent: it is sent by the next one" {
	receiver_up
	hook_config
	export STRATA_FAULT=outbox.send:1:kill
	scheduler_up one
	unset STRATA_FAULT
	run strata run $day
	wait_until has_ended "$(pid_of one)"
	[ ! -e "$RECEIVER/calls" ]
	scheduler_up two
	wait_until effects_are "oncall failure selection of all tables"
	wait_until nothing_waits
	scheduler_down two
	assert_equal "$(calls)" 1
}

@test "kill -9 after it was taken and before that is recorded: again, under the same key" {
	receiver_up
	hook_config
	export STRATA_FAULT=outbox.delivered:1:kill
	scheduler_up one
	unset STRATA_FAULT
	run strata run $day
	wait_until has_ended "$(pid_of one)"
	assert_equal "$(calls)" 1
	scheduler_up two
	wait_until nothing_waits
	scheduler_down two
	assert_equal "$(calls)" 2
	assert_equal "$(sort -u "$RECEIVER/calls" | wc -l)" 1
	effects_are "oncall failure selection of all tables"
}

@test "kill -9 of a run in the foreground: the next one tells that it has failed" {
	receiver_up
	hook_config
	project_file dags/dwd/dwd_x.sql <<< "$ENDLESS"
	background one run $day
	wait_until is_running dwd_x
	kill -KILL "$(pid_of one)"
	background_end one || true
	project_file dags/dwd/dwd_x.sql <<< "$GOOD"
	run -0 strata run $day
	effects_are "oncall failure selection of all tables
oncall recovery selection of all tables"
}

@test "a receiver that does not answer holds up neither runs nor the end" {
	receiver_up
	touch "$RECEIVER/hang"
	hook_config
	rm dags/dwd/dwd_x.sql
	mendable_table dags/dwd/dwd_x.sh
	scheduler_up one
	run -1 strata run $day
	wait_until test -e "$RECEIVER/calls"
	touch fixed
	run -0 strata run --date 2024-01-02
	scheduler_down one
	rm "$RECEIVER/hang"
	scheduler_up two
	wait_until nothing_waits
	scheduler_down two
	effects_are "oncall failure selection of all tables
oncall recovery selection of all tables"
}

# A schedule whose interval of yesterday is due, of a table that waits at its gate.
gated_schedule() {
	rm dags/dwd/dwd_x.sql
	gated_table dags/dwd/dwd_gate.sh
	config <<-EOF
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd], catchup: latest, start_date: $(date -ud '-3 days' +%F), $1}
		callbacks:
		  oncall: {url: '\${HOOK_URL}'}
	EOF
}

@test "a log line for machines has each key once, and its event is its own" {
	receiver_up
	gated_schedule "deadline: 1s"
	scheduler_up one --log-format json
	wait_until effects_are "oncall deadline schedule nightly"
	wait_until has_line "$(err_of one)" "callback.delivered"
	touch gate-open
	wait_until has_line "$(err_of one)" "run.done"
	scheduler_down one
	python3 - "$(err_of one)" <<-'END'
		import json, sys
		def once(pairs):
		    assert len({k for k, _ in pairs}) == len(pairs), pairs
		    return dict(pairs)
		lines = [json.loads(l, object_pairs_hook=once) for l in open(sys.argv[1]) if l.startswith("{")]
		told = [l for l in lines if l["event"] == "callback.delivered"]
		assert told and told[0]["callback_event"] == "deadline", told
	END
}

@test "a deadline that is over is told once, and the run goes on" {
	receiver_up
	gated_schedule "deadline: 1s"
	scheduler_up one
	wait_until effects_are "oncall deadline schedule nightly"
	kill -KILL "$(pid_of one)"
	background_end one || true
	wait_until test -z "$(workers)"
	scheduler_up two
	touch gate-open
	wait_until has_line "$(err_of two)" "run.done"
	wait_until nothing_waits
	scheduler_down two
	effects_are "oncall deadline schedule nightly"
	assert_equal "$(strata --output json runs | jq -r '.[0].result')" success
}

@test "a deadline that passes while no scheduler is up is told by the next one" {
	receiver_up
	gated_schedule "deadline: 1000d"
	scheduler_up one
	wait_until test -e arrived-dwd.dwd_gate
	kill -KILL "$(pid_of one)"
	background_end one || true
	state "UPDATE strata.run SET params = params || '{\"deadline\": 1700000000}'"
	scheduler_up two
	wait_until effects_are "oncall deadline schedule nightly"
	assert_equal "$(jq -r .deadline "$RECEIVER/effects")" "2023-11-14T22:13:20+00:00"
	touch gate-open
	wait_until has_line "$(err_of two)" "run.done"
	scheduler_down two
}

@test "a deadline that nobody looked at is told with the run's end, once" {
	receiver_up
	hook_config
	run -1 strata run $day
	local make="INSERT INTO strata.run (lake_id, run_id, kind, state, params, epoch, created_at)
		SELECT lake_id, 'late', 'scheduled', 'running', '{\"schedule\": \"s\", \"interval\": 1, \"deadline\": 2}', 1, now() FROM strata.lake;
		UPDATE strata.run SET state = 'done', result = 'success', ended_at = now() WHERE run_id = 'late';"
	state "$make"
	state "SELECT strata.deadline_passed(1, 1, 'late')"
	assert_equal "$(state "SELECT event, count(*) FROM strata.outbox WHERE run_id = 'late' GROUP BY 1")" "deadline|1"
}

@test "a run that takes longer than its timeout has failed, and says why" {
	receiver_up
	gated_schedule "timeout: 500ms"
	scheduler_up one
	wait_until effects_are "oncall failure schedule nightly"
	scheduler_down one
	assert_equal "$(jq -r .cause "$RECEIVER/effects")" "the run took longer than its timeout"
	assert_equal "$(strata --output json runs | jq -r '.[0].result')" failed
	[[ $(results) == "dwd.dwd_gate "*" canceled" ]]
}

@test "a retry of a schedule's run is the schedule's recovery" {
	receiver_up
	gated_schedule "date_offset: -1"
	mendable_table dags/dwd/dwd_gate.sh
	scheduler_up one
	wait_until effects_are "oncall failure schedule nightly"
	touch fixed
	strata retry "$(strata --output json runs | jq -r '.[0].run')"
	wait_until effects_are "oncall failure schedule nightly
oncall recovery schedule nightly"
	scheduler_down one
	assert_equal "$(state "SELECT count(*) FROM strata.schedule_interval")" 1
}

@test "a callback is tried by hand" {
	receiver_up
	hook_config
	run -0 strata callbacks test oncall
	assert_output_has "took it"
	assert_equal "$(jq -r '"\(.event) \(.test)"' "$RECEIVER/effects")" "failure true"
	receiver_down
	run -3 strata callbacks test oncall
	assert_output_has "callback 'oncall'"
	assert_output_lacks "in-the-path"
	run -2 strata callbacks test oncal
	assert_output_has "did you mean 'oncall'?"
	run -2 strata callbacks test oncall --event failur
	assert_output_has "did you mean 'failure'?"
}

@test "without its variable a callback is off where the project says so, and an error where not" {
	config <<-'EOF'
		callbacks:
		  oncall: {url: '${NO_SUCH_URL:-}'}
	EOF
	run -1 strata run $day
	assert_output_lacks "callback"
	assert_equal "$(state "SELECT count(*) FROM strata.outbox")" 0
	config <<-'EOF'
		callbacks:
		  oncall: {url: '${NO_SUCH_URL}'}
	EOF
	run -2 strata validate
	assert_output_has "dw_config.yaml:3:17: error: undefined variable 'NO_SUCH_URL'"
}
