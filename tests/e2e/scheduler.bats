# The scheduler that stays up: schedules, commands, runs handed over, restarts.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: []}
	EOF
	project_file dags/dwd/dwd_day.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
}
teardown() {
	schedulers_remove
}

day="--date 2024-01-01"

published() { # DAY…: dwd_day has them
	local d
	for d in "$@"; do [ -e "dwd/dwd_day/dt=$d/_SUCCESS" ] || return 1; done
}

@test "an order right after an edit is of the edited project" {
	local i
	scheduler_up one
	for i in 1 2 3; do
		project_file dags/dwd/dwd_day.sql <<< "SELECT $i AS edit, '\${PARTITION_DATE}' AS day"
		strata -q run dwd_day $day
		[ "$(query "SELECT edit FROM read_parquet('dwd/dwd_day/dt=2024-01-01/*.parquet')")" = $i ]
	done
	scheduler_down one
}

@test "a run beside it is handed over and followed; status tells who is up" {
	run -0 strata status
	assert_output_has "none is up"
	scheduler_up one
	run -0 strata run $day
	assert_output_has "carried out by 'strata scheduler'"
	assert_output_has "success in"
	assert_output_has "published 1 partition, 1 row"
	has_line "$(err_of one)" "command kind=order run=$(of_newest run)"
	published 2024-01-01
	run -0 strata status
	assert_output_has "up"
	run -0 strata run $day
	assert_output_has "0 to run, 1 fresh"
	assert_output_has "1 fresh"
	scheduler_down one
	run -5 strata trigger dwd $day
	assert_output_has "no scheduler is up"
}

@test "status says when a schedule comes next, but of one that is paused" {
	cat >> "$PROJECT/dags/dw_config.yaml" <<< "schedules: {yearly: {cron: '0 0 1 1 *', timezone: UTC}}"
	scheduler_up one
	next() { strata -o json status | json '.[] | select(.name == "yearly") | .next'; }
	assert_equal "$(next)" "$(($(date -u +%Y) + 1))-01-01T00:00:00.000Z"
	strata pause yearly
	assert_equal "$(next)" null
	scheduler_down one
}

of_newest() { # FIELD
	strata --output json runs -n 1 | jq -r ".[0].$1"
}
# Names, times and who works differ, and lines of one moment come in any order.
words() {
	grep -v "carried out by" <<< "$output" | sed -E 's/[0-9]{8}-[0-9]{6}-[a-z0-9]{4}/RUN/g; s/[0-9.]+ (µs|ms|s)\b/TIME/g; s/^[0-9:]{8} //; s/ +/ /g' | sort
}

@test "a run says the same of its tasks and its end, whoever carries it out" {
	project_file dags/dwd/dwd_bad.sql <<< "SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/dwd/dwd_after.sql <<< "SELECT n FROM dwd.dwd_bad WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/dwd/dwd_never.sql <<< "SELECT n FROM dwd.dwd_bad_dt('2023-01-01') WHERE '\${PARTITION_DATE}' <> ''"
	project_file dags/dwd/dwd_none.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day WHERE false"
	run -1 strata run $day --force
	here=$(words | grep -v 'private Postgres')
	run -1 strata -o json run $day --force
	here_json=$(strata -o json run $day --force 2>/dev/null | jq -S 'del(.run, .duration_us) | .failures |= (map(del(.log)) | sort_by(.task))')
	scheduler_up one
	run -1 strata run $day --force
	assert_equal "$(words)" "$here"
	grep -q "withheld dwd.dwd_after 2024-01-01 not run: dwd.dwd_bad 2024-01-01 failed" <<< "$here"
	grep -q "1 success, 1 empty, 2 failed, 1 upstream_failed" <<< "$here"
	assert_equal "$(strata -o json run $day --force 2>/dev/null | jq -S 'del(.run, .duration_us) | .failures |= (map(del(.log)) | sort_by(.task))')" "$here_json"
	scheduler_down one
}

@test "Ctrl-C while a run is followed cancels it, and says so and not that a task has failed" {
	gated_table dags/dwd/dwd_slow.sh
	scheduler_up one
	background followed run dwd_slow $day
	wait_until test -e arrived-dwd.dwd_slow
	kill -INT -- "-$(pid_of followed)"
	background_end followed
	assert_status 130
	assert_output_has "strata: canceling run $(of_newest run); Ctrl-C once more"
	assert_output_has "canceled in"
	assert_output_has "1 canceled"
	assert_output_lacks "killed"
	assert_output_lacks "failed"
	assert_equal "$(of_newest result)" canceled
	scheduler_down one
}

@test "who follows a run when the database goes away waits for it, as the run goes on" {
	local postmaster
	gated_table dags/dwd/dwd_slow.sh
	scheduler_up one
	background followed run dwd_slow $day
	wait_until test -e arrived-dwd.dwd_slow
	postmaster=$(db_status pid)
	kill -KILL "$postmaster"
	wait_until has_line "$(err_of followed)" "the state database is away; run $(basename "$(ls -d .strata/logs/*/)") is the scheduler's and goes on"
	touch gate-open
	background_end followed
	assert_status 0
	assert_output_has "published 1 partition, 1 row"
	assert_equal "$(of_newest result)" success
	scheduler_down one
}

@test "a run whose process was killed is called interrupted until the next one settles it" {
	gated_table dags/dwd/dwd_slow.sh
	background killed run dwd_slow $day --run-id killed
	wait_until test -e arrived-dwd.dwd_slow
	assert_equal "$(of_newest state) $(of_newest alive)" "running true"
	kill -KILL "$(pid_of killed)"
	background_end killed
	wait_until is_alive killed false
	assert_equal "$(of_newest state)" running
	run -0 strata runs
	assert_output_has "interrupted"
	run -0 strata status
	assert_output_has "interrupted"
	run -0 strata show killed
	assert_output_has "interrupted: its process is gone; the next run settles it"
	assert_equal "$(strata -o json show killed | jq .alive)" false
	run -2 strata cancel latest
	assert_output_has "its process is gone"
	run -0 strata run dwd_day $day
	run_is killed "done failed" || run_is killed "done canceled"
	assert_equal "$(strata -o json show killed | jq .alive)" null
}
is_alive() { # RUN VALUE
	[ "$(strata -o json show "$1" | jq .alive)" = "$2" ]
}

@test "the run that is meant is understood alike by pause, unpause and cancel: latest, a beginning, nearly its name" {
	gated_table dags/dwd/dwd_slow.sh
	scheduler_up one
	run -0 strata run dwd_day $day --run-id done-before
	strata backfill dwd_slow --start 2024-01-01 --end 2024-01-01 --run-id slowly --detach
	wait_until test -e arrived-dwd.dwd_slow
	run -2 strata pause latst
	assert_output_has "did you mean 'latest'?"
	run -2 strata pause slowlx
	assert_output_has "did you mean 'slowly'?"
	run -2 strata cancel done
	assert_output_has "run 'done-before' is over (success)"
	run -0 strata pause latest
	assert_output_has "run slowly is paused"
	run -0 strata unpause slow
	assert_output_has "run slowly is going on"
	run -0 strata cancel latest
	wait_until run_is slowly "done canceled"
	scheduler_down one
}

@test "a failing run gives the status of a failed run, a wrong selection that of a wrong command" {
	project_file dags/dwd/dwd_bad.sql <<< "SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"
	scheduler_up one
	run -1 strata run $day
	assert_output_has "failed"
	run -2 strata trigger dwd_dya $day
	assert_output_has "dwd_day"
	scheduler_down one
}

@test "a schedule catches up what it missed, each interval once, also over restarts" {
	cat >> dags/dw_config.yaml <<-EOF
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd], catchup: all, start_date: $(date -ud '-3 days' +%F), date_offset: -1}
	EOF
	scheduler_up one
	wait_until published "$(date -ud '-3 days' +%F)" "$(date -ud '-2 days' +%F)"
	kill -KILL "$(pid_of one)"
	background_end one || true
	scheduler_up two
	wait_until run_is "nightly-$(date -ud '-1 days' +%Y%m%d)T030000Z" "done success"
	scheduler_down two
	scheduler_up three
	run -0 strata --output json runs
	[ "$(jq '[.[] | .run] | length == (unique | length)' <<< "$output")" = true ]
	[ "$(jq '[.[] | select(.kind != "scheduled")] | length' <<< "$output")" = 0 ]
	scheduler_down three
}

@test "a backfill that is left to it survives kill -9, and is not built twice" {
	gated_table dags/dwd/dwd_gate.sh
	echo 'pools: {gate: 1}' >> dags/dw_config.yaml
	project_file tables.yaml <<< 'tables: {dwd_gate: {pool: gate}}'
	scheduler_up one
	run -0 strata backfill --start 2024-01-01 --end 2024-01-05 --detach
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
	wait_until published 2024-01-01 2024-01-05
	before=$(stat -c %i dwd/dwd_day/dt=2024-01-03)
	kill -KILL "$(pid_of one)"
	background_end one || true
	touch gate-open
	scheduler_up two
	wait_until run_is "$id" "done success"
	[ "$(stat -c %i dwd/dwd_day/dt=2024-01-03)" = "$before" ]
	scheduler_down two
}

@test "a run in the foreground leaves the runs of a stopped scheduler to the next one" {
	gated_table dags/dwd/dwd_gate.sh
	scheduler_up one
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-03 --detach --max-active 1
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
	kill -TERM "$(pid_of one)"
	wait_until has_line "$(err_of one)" "scheduler.draining"
	touch gate-open
	background_end one
	assert_status 0
	run_is "$id" "running "
	run -0 strata run dwd_day $day
	run_is "$id" "running "
	scheduler_up two
	wait_until run_is "$id" "done success"
	scheduler_down two
}

@test "pause, unpause and cancel of a run; each is in the audit" {
	gated_table dags/dwd/dwd_gate.sh
	scheduler_up one
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-03 --detach --max-active 1
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
	run -0 strata pause "$id"
	touch gate-open
	wait_until test -e "dwd/dwd_gate/dt=2024-01-01/_SUCCESS"
	run -0 strata status
	assert_output_has "paused"
	[ ! -e "dwd/dwd_gate/dt=2024-01-03" ]
	run -0 strata unpause "$id"
	wait_until run_is "$id" "done success"
	rm gate-open
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-03 --force --detach
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
	run -0 strata cancel "$id"
	wait_until run_is "$id" "done canceled"
	run -2 strata cancel "$id"
	assert_output_has "is over (canceled)"
	scheduler_down one
}

@test "a broken edit keeps the last good project and is told; a good one is taken over" {
	scheduler_up one
	project_file dags/dwd/dwd_more.sql <<< "SELECT 2 AS n FROM dwd.dwd_dya"
	wait_until has_line "$(err_of one)" "project.broken"
	wait_until status_has "the last good project goes on; the one on disk is broken: dags/dwd/dwd_more.sql:1"
	run -0 strata trigger dwd_day $day
	wait_until published 2024-01-01
	project_file dags/dwd/dwd_more.sql <<< "SELECT 2 AS n FROM dwd.dwd_day WHERE dt = '\${PARTITION_DATE}'"
	wait_until has_line "$(err_of one)" "project.read"
	run -0 strata run $day
	[ -e dwd/dwd_more/dt=2024-01-01/_SUCCESS ]
	scheduler_down one
}
status_has() {
	strata status --output json | grep -qF "$1"
}

@test "a standby waits, and takes over when the first one is killed or replaced" {
	scheduler_up one
	background two scheduler
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	run -5 strata scheduler --no-wait
	kill -KILL "$(pid_of one)"
	background_end one || true
	wait_until has_line "$(err_of two)" "scheduler.ready"
	background three scheduler --replace
	wait_until has_line "$(err_of three)" "scheduler.ready"
	background_end two
	assert_status 0
	run -0 strata run $day
	scheduler_down three
}

@test "--replace leads also where another standby takes the lake first" {
	scheduler_up one
	background two scheduler
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	background three scheduler --replace
	wait_until has_line "$(err_of three)" "scheduler.ready"
	for name in one two; do
		background_end "$name"
		assert_status 0
	done
	run -0 strata status
	assert_output_has " up "
	scheduler_down three
}

@test "two runs of one table at once build each partition once" {
	gated_table dags/dwd/dwd_gate.sh
	scheduler_up one
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-02 --detach
	first=${lines[-1]}
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-02 --detach
	second=${lines[-1]}
	wait_until test -e arrived-dwd.dwd_gate
	touch gate-open
	wait_until run_is "$first" "done success"
	wait_until run_is "$second" "done success"
	[ "$(strata --output json tasks "$first" | jq '[.[] | .tries] | add')" = 2 ]
	scheduler_down one
}

@test "explain names what a task waits for, down to the one at work; retry runs a failed run once more" {
	gated_table dags/dwd/dwd_gate.sh
	project_file dags/dwd/dwd_after.sql <<< "SELECT n FROM dwd.dwd_gate WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/dwd/dwd_late.sql <<< "SELECT n FROM dwd.dwd_after WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/dwd/dwd_file.sql <<< "SELECT error('not yet') AS n, '\${PARTITION_DATE}' AS day"
	scheduler_up one
	run -0 strata backfill --start 2024-01-01 --end 2024-01-02 --detach
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
	run -0 strata explain "$id" dwd_late@2024-01-02
	assert_output_has "dwd.dwd_late 2024-01-02 is waiting"
	assert_output_has "waits for dwd.dwd_gate 2024-01-02, which is"
	run -2 strata explain "$id" dwd_day@2025-01-02
	assert_output_has "has no task"
	touch gate-open
	wait_until run_is "$id" "done failed"
	run -0 strata explain "$id" dwd_file@2024-01-01
	assert_output_has "not yet"
	project_file dags/dwd/dwd_file.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	wait_until has_line "$(err_of one)" "project.read"
	run -0 strata retry "$id"
	wait_until run_is "${lines[-1]##* }" "done success"
	[ "$(strata --output json tasks latest | jq '[.[] | select(.table == "dwd.dwd_day")] | length')" = 0 ]
	scheduler_down one
}

@test "dags/ that is moved away and comes back is read again" {
	scheduler_up one
	mv dags dags.off
	wait_until has_line "$(err_of one)" "project.broken"
	project_file dags.off/dwd/dwd_more.sql <<< "SELECT 2 AS n, '\${PARTITION_DATE}' AS day"
	mv dags.off dags
	wait_until has_line "$(err_of one)" "project.read"
	run -0 strata trigger dwd_more $day
	wait_until test -e dwd/dwd_more/dt=2024-01-01/_SUCCESS
	scheduler_down one
}

@test "a standby takes over with the project as it is then" {
	scheduler_up one
	background two scheduler
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	project_file dags/dwd/dwd_more.sql <<< "SELECT 2 AS n, '\${PARTITION_DATE}' AS day"
	wait_until has_line "$(err_of one)" "project.read"
	kill -KILL "$(pid_of one)"
	background_end one || true
	wait_until has_line "$(err_of two)" "scheduler.ready"
	run -0 strata trigger dwd_more $day
	wait_until test -e dwd/dwd_more/dt=2024-01-01/_SUCCESS
	scheduler_down two
}

@test "one that replaces another does not take the order to end for its own when the other is killed" {
	scheduler_up one
	kill -STOP "$(pid_of one)"
	background two scheduler --replace
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	kill -KILL "$(pid_of one)"
	background_end one || true
	wait_until has_line "$(err_of two)" "scheduler.ready"
	wait_until has_line "$(err_of two)" "kind=drain"
	run -0 strata run $day
	assert_output_has "carried out by 'strata scheduler"
	scheduler_down two
}

# many_tables N: so many daily tables, dwd_t0 and on.
many_tables() {
	local i
	for ((i = 0; i < $1; i++)); do
		project_file "dags/dwd/dwd_t$i.sql" <<< "SELECT $i AS n, '\${PARTITION_DATE}' AS day"
	done
}
line_of() { # FILE TEXT: the number of the first line that has it
	grep -nF -m1 -- "$2" "$1" | cut -d: -f1
}
stop_workers() { # sets $stopped
	stopped=$(workers)
	[ -n "$stopped" ]
	# shellcheck disable=SC2086 # pids
	kill -STOP $stopped
}

@test "while four million tasks are planned, commands are answered and a small order is begun" {
	many_tables 200
	echo "schedules: {nightly: {cron: '@yearly', select: [dwd_day]}}" >> dags/dw_config.yaml
	scheduler_up one
	background order backfill --exclude dwd_day --start 1970-01-01 --end 2024-10-03 --detach
	wait_until has_line "$(err_of one)" "kind=order"
	run -0 strata pause nightly
	run -0 strata trigger dwd_day $day
	wait_until has_line "$(err_of one)" "tasks=4000000"
	begun=$(line_of "$(err_of one)" "tasks=4000000")
	[ "$(line_of "$(err_of one)" "kind=pause")" -lt "$begun" ]
	small=$(line_of "$(err_of one)" "tasks=1 ")
	grep -nE "command |run.begin" "$(err_of one)"
	[ "$small" -lt "$begun" ]
	background_end order
	assert_status 0
	run -0 strata cancel "$(head -1 "$(out_of order)")"
	background other backfill --exclude dwd_day --start 1970-01-01 --end 2024-10-03 --detach --run-id other
	wait_until taken 3
	run -0 strata cancel other
	assert_output_has "had not begun"
	background_end other
	assert_status 2
	assert_output_has "canceled before it began"
	scheduler_down one
}
taken() { # N orders so far
	[ "$(grep -cF "kind=order" "$(err_of one)")" -ge "$1" ]
}

@test "while the plan waits for its workers, commands are answered; its order can be paused, and the next scheduler has it so" {
	scheduler_up one
	run -0 strata run $day
	stop_workers
	background order backfill --start 2024-01-01 --end 2024-01-05 --detach --run-id waits
	wait_until taken 2
	run -0 strata pause waits
	run -0 strata status
	kill -TERM "$(pid_of one)"
	wait_until has_line "$(err_of one)" "scheduler.draining"
	# shellcheck disable=SC2086 # pids
	kill -CONT $stopped
	background_end one
	assert_status 0
	scheduler_up two
	background_end order
	assert_status 0
	run -0 strata status
	assert_output_has "paused"
	run -0 strata unpause waits
	wait_until run_is waits "done success"
	scheduler_down two
}

@test "an order that is paused before it begins is paused when it has begun, also for the next scheduler" {
	scheduler_up one
	run -0 strata run $day
	stop_workers
	background order backfill --start 2024-01-01 --end 2024-01-05 --detach --run-id waits
	wait_until taken 2
	run -0 strata pause waits
	# shellcheck disable=SC2086 # pids
	kill -CONT $stopped
	background_end order
	assert_status 0
	scheduler_down one
	run -0 strata status
	assert_output_has "paused"
	scheduler_up two
	run -0 strata unpause waits
	wait_until run_is waits "done success"
	scheduler_down two
}

# The socket that NOTIFY_SOCKET names, in $NOTIFY_SOCKET; what is sent to it, in the file `notified`.
service_manager() {
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify
	set -m
	"$REPO/deps/venv/bin/python" "$REPO/tests/helper/notified.py" "$NOTIFY_SOCKET" > notified 2>&1 < /dev/null 3>&- &
	BACKGROUND[service_manager]=$!
	set +m
	wait_until test -S "$NOTIFY_SOCKET"
}
told() { # LINE TIMES
	[ "$(grep -cxF -- "$1" notified)" -ge "$2" ]
}

@test "a service manager is told: ready, reloading, stopping, and that it lives, by a standby too" {
	service_manager
	export WATCHDOG_USEC=400000
	scheduler_up one
	wait_until told READY=1 1
	wait_until told WATCHDOG=1 2
	! told RELOADING=1 1
	kill -HUP "$(pid_of one)"
	wait_until told RELOADING=1 1
	grep -qE '^MONOTONIC_USEC=[0-9]+$' notified
	wait_until told READY=1 2
	background two scheduler
	wait_until told READY=1 3
	wait_until has_line "$(err_of two)" "waiting for 'strata scheduler'"
	kill -STOP "$(pid_of one)"
	seen=$(grep -cxF WATCHDOG=1 notified)
	wait_until told WATCHDOG=1 $((seen + 3))
	kill -HUP "$(pid_of two)"
	kill -CONT "$(pid_of one)"
	kill -TERM "$(pid_of two)"
	background_end two
	assert_status 0
	! told STOPPING=1 1
	scheduler_down one
	told STOPPING=1 1
}

@test "a second SIGTERM stops what runs; the next scheduler goes on with it" {
	gated_table dags/dwd/dwd_gate.sh
	scheduler_up one
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-02 --detach
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
	kill -TERM "$(pid_of one)"
	wait_until has_line "$(err_of one)" "scheduler.draining"
	kill -TERM "$(pid_of one)"
	background_end one
	[ ! -e dwd/dwd_gate/dt=2024-01-01 ]
	[ -z "$(workers)" ]
	touch gate-open
	scheduler_up two
	wait_until run_is "$id" "done success"
	scheduler_down two
}

@test "a checkout of many files is one reload, what an editor keeps beside a file is none" {
	local i
	background one -vv scheduler
	wait_until has_line "$(err_of one)" "scheduler.ready"
	kill -STOP "$(pid_of one)" # so that all of it has happened before it hears of any
	many_tables 300
	rm dags/dwd/dwd_t1.sql
	mv dags/dwd/dwd_t2.sql dags/dwd/dwd_renamed.sql
	kill -CONT "$(pid_of one)"
	wait_until has_line "$(err_of one)" "project.read tables=300"
	for i in .dwd_day.sql.swp dwd_day.sql~ '#dwd_day.sql#' 4913 _draft.sql; do
		touch "dags/dwd/$i"
		wait_until has_line "$(err_of one)" "project.ignored file=$i"
		rm "dags/dwd/$i"
	done
	mkdir other
	cp -r dags/. other/
	project_file other/dwd/dwd_more.sql <<< "SELECT 2 AS n, '\${PARTITION_DATE}' AS day"
	mv dags before
	mv other dags
	wait_until has_line "$(err_of one)" "project.read tables=301"
	! has_line "$(err_of one)" "project.read tables=299"
	[ "$(grep -cF "project.read tables=300" "$(err_of one)")" = 1 ]
	scheduler_down one
}

@test "a run that has begun keeps the project that it was planned with" {
	gated_table dags/dwd/dwd_gate.sh
	project_file dags/dwd/dwd_after.sql <<< "SELECT 1 AS n FROM dwd.dwd_gate WHERE dt = '\${PARTITION_DATE}'"
	scheduler_up one
	run -0 strata trigger dwd_gate dwd_after $day
	id=$(strata --output json runs | jq -r ".[0].run")
	wait_until is_running dwd.dwd_gate
	project_file dags/dwd/dwd_more.sql <<< "SELECT 3 AS n, '\${PARTITION_DATE}' AS day"
	rm dags/dwd/dwd_gate.sh
	project_file dags/dwd/dwd_after.sql <<< "SELECT 2 AS n, '\${PARTITION_DATE}' AS day"
	wait_until has_line "$(err_of one)" "project.read"
	touch gate-open
	wait_until run_is "$id" "done success"
	assert_equal "$(query "SELECT n FROM read_parquet('dwd/dwd_after/*/*.parquet', hive_partitioning=false)")" 1
	scheduler_down one
}

@test "a table that a broken edit has changed is still built as it was" {
	scheduler_up one
	project_file dags/dwd/dwd_day.sql <<< "SELECT 2 AS n, '\${PARTITION_DATE}' AS day FROM dwd.dwd_dya"
	wait_until has_line "$(err_of one)" "project.broken"
	run -0 strata trigger dwd_day $day
	wait_until published 2024-01-01
	assert_equal "$(query "SELECT n FROM read_parquet('dwd/dwd_day/*/*.parquet', hive_partitioning=false)")" 1
	scheduler_down one
}

@test "a run whose row somebody holds is paused when he lets go, and commands are answered meanwhile" {
	gated_table dags/dwd/dwd_gate.sh
	echo "schedules: {nightly: {cron: '0 3 * * *', select: [dwd]}}" >> dags/dw_config.yaml
	scheduler_up one
	run -0 strata backfill dwd_gate --start 2024-01-01 --end 2024-01-03 --detach
	id=${lines[-1]}
	wait_until is_running dwd.dwd_gate
	mkfifo "$BATS_TEST_TMPDIR/said"
	psql -AtX "host=$(db_status socket) user=strata dbname=postgres" < "$BATS_TEST_TMPDIR/said" > "$BATS_TEST_TMPDIR/holds" 3>&- &
	exec 7> "$BATS_TEST_TMPDIR/said"
	echo "BEGIN; SELECT 'has ' || run_id FROM strata.run WHERE run_id = '$id' FOR UPDATE;" >&7
	wait_until has_line "$BATS_TEST_TMPDIR/holds" "has $id"
	background pause pause "$id" 7>&-
	wait_until has_line "$(err_of one)" "kind=pause"
	run -0 strata pause nightly 7>&-
	assert_output_has "schedule nightly is paused"
	[ "$(state "SELECT paused FROM strata.run WHERE run_id = '$id'")" = f ]
	run ! has_ended "$(pid_of pause)"
	echo "ROLLBACK;" >&7
	background_end pause
	assert_status 0
	assert_output_has "run $id is paused"
	[ "$(state "SELECT paused FROM strata.run WHERE run_id = '$id'")" = t ]
	exec 7>&-
	touch gate-open
	scheduler_down one
}

@test "a run that cannot be planned because its workers die is planned again, and is not used up" {
	local real
	real=${STRATA_WORKER:-$(dirname "$STRATA")/strata-worker}
	project_file worker.sh <<-EOF
		#!/bin/sh
		[ -e "$PROJECT/workers-die" ] && kill -9 \$\$
		exec "$real" "\$@"
	EOF
	chmod +x worker.sh
	export STRATA_WORKER=$PROJECT/worker.sh
	scheduler_up one
	touch workers-die
	workers | xargs -r kill -9
	background order backfill --start 2024-01-01 --end 2024-01-02
	wait_until has_line "$(err_of one)" "plan.failed"
	rm workers-die
	background_end order
	assert_status 0
	assert_output_has "  2 success"
	published 2024-01-01 2024-01-02
	scheduler_down one
}
