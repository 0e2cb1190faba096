# clear --data beside a scheduler that is up: what works on the partitions ends, what would begin waits, the rest goes on; and
# whatever dies, what is removed stays removed and nothing else goes.
load helper

setup() {
	project_shop
	shop_days 1 4
}
teardown() { schedulers_remove; }

state() {
	psql -qAt "$(strata -q db start)" -c "$1" 3>&-
}
recorded() {
	state "SELECT count(*) FROM strata.partition WHERE table_name = '$1'"
}
cleared() { # COMMAND STATE: its outcome, of the newest command
	[ "$(state "SELECT outcome FROM strata.command WHERE kind = 'clear' ORDER BY command_id DESC LIMIT 1")" = "$1" ]
}
blocked_by() { # RUN TASK KIND
	strata --output json explain "$1" "$2" | jq -e --arg kind "$3" '.blockers[] | select(.kind == $kind)' > /dev/null
}
worker_stands_still() {
	local pid
	for pid in $(workers); do
		[ "$(awk '{ print $3 }' "/proc/$pid/stat" 2>/dev/null)" = T ] && return 0
	done
	return 1
}
@test "the scheduler removes it, says what went, and keeps who asked; then it is built as new" {
	scheduler_up one
	strata -q run --start 2024-01-01 --end 2024-01-04
	run -2 strata clear --data dwd_orders < /dev/null
	assert_output_has "this would remove from 'dwd.dwd_orders' for good: 4 partitions, 8 rows, "
	run -0 strata clear --data dwd_orders --partition 2024-01-02 --yes
	assert_output_has "removed from 'dwd.dwd_orders': 1 partition, 2 rows, "
	assert_equal "$(ls dwd/dwd_orders)" "dt=2024-01-01
dt=2024-01-03
dt=2024-01-04"
	[ "$(recorded dwd.dwd_orders)" = 3 ]
	run -0 strata clear --data dwd_orders --yes
	assert_output_has "removed from 'dwd.dwd_orders': 3 partitions, 6 rows, "
	[ ! -e dwd/dwd_orders ]
	[ "$(recorded dwd.dwd_orders)" = 0 ]
	[ -z "$(find .strata/staging -name 'clear-*')" ]
	assert_equal "$(state "SELECT action, object, detail->>'outcome', detail->'args'->>'published', actor FROM strata.audit ORDER BY audit_id DESC LIMIT 1")" \
		"clear|dwd.dwd_orders|done|3|$(id -un)@$(hostname)"
	run -0 strata clear --data dwd_orders --yes
	assert_output_has "there is nothing to remove"
	raw_settle
	strata -q run --start 2024-01-01 --end 2024-01-04
	[ "$(manifest dwd/dwd_orders/dt=2024-01-02 .version)" = 2 ]
	[ -z "$(plan_says --start 2024-01-01 --end 2024-01-04)" ]
	scheduler_down one
}

@test "beside a backfill of that table: what runs ends first, what comes next waits and says why, others go on" {
	gate_from dwd_gate 2024-01-02
	scheduler_up one --jobs 2
	id=$(strata -q backfill dwd_gate --start 2024-01-01 --end 2024-01-04 --max-active 1 --detach)
	wait_until test -e arrived-dwd.dwd_gate
	background clear clear --data dwd_gate --yes
	wait_until has_line "$(err_of clear)" "when what works on it has ended"
	wait_until blocked_by "$id" dwd_gate@2024-01-03 clear
	run -0 strata explain "$id" dwd_gate@2024-01-03
	assert_output_has "waits until nothing works on it, and is then removed by $(id -un)@$(hostname)"
	other=$(strata -q backfill dwd_gate --start 2024-01-04 --end 2024-01-05 --detach)
	wait_until blocked_by "$other" dwd_gate@2024-01-04 clear
	strata -q run dwd_orders ods_orders --date 2024-01-01
	[ -e dwd/dwd_orders/dt=2024-01-01/manifest.json ]
	[ -e dwd/dwd_gate/dt=2024-01-01/manifest.json ]
	run -0 strata pause "$other"
	run -0 strata unpause "$other"
	touch gate-open
	background_end clear
	assert_status 0
	assert_output_has "removed from 'dwd.dwd_gate': 2 partitions, 2 rows, "
	wait_until run_is "$id" "done success"
	wait_until run_is "$other" "done success"
	assert_equal "$(ls dwd/dwd_gate)" "dt=2024-01-03
dt=2024-01-04
dt=2024-01-05"
	[ "$(recorded dwd.dwd_gate)" = 3 ]
	scheduler_down one
}

@test "a range keeps only its own dates from the backfill" {
	gate_from dwd_gate 2024-01-02
	scheduler_up one --jobs 2
	strata -q run dwd_gate --date 2024-01-01
	id=$(strata -q backfill dwd_gate --start 2024-01-02 --end 2024-01-02 --detach)
	wait_until test -e arrived-dwd.dwd_gate
	run -0 strata clear --data dwd_gate --partition 2024-01-01 --yes # while 2024-01-02 runs
	[ ! -e dwd/dwd_gate/dt=2024-01-01 ]
	touch gate-open
	wait_until run_is "$id" "done success"
	assert_equal "$(ls dwd/dwd_gate)" dt=2024-01-02
	scheduler_down one
}

@test "a run under way knows that they are gone: what reads them there was never given them" {
	gate_from dwd_gate 2024-01-01
	project_file dags/dws/dws_reader.sql <<< "SELECT o.id FROM dwd.dwd_orders o, dwd.dwd_gate g WHERE o.dt = '\${PARTITION_DATE}' AND g.dt = '\${PARTITION_DATE}'"
	scheduler_up one --jobs 2
	id=$(strata -q backfill ods dwd dws_reader --start 2024-01-01 --end 2024-01-01 --detach)
	wait_until test -e dwd/dwd_orders/dt=2024-01-01/manifest.json
	wait_until test -e arrived-dwd.dwd_gate
	strata -q clear --data dwd_orders --yes
	touch gate-open
	wait_until run_is "$id" "done failed"
	run -0 strata tasks "$id"
	assert_output_has "dwd.dwd_orders 2024-01-01 was never built"
	scheduler_down one
}

@test "a worker that dies at it: the scheduler goes on by itself" {
	strata -q run ods dwd --start 2024-01-01 --end 2024-01-04 > /dev/null
	STRATA_FAULT=clear.move:2:kill STRATA_FAULT_ONCE=$BATS_TEST_TMPDIR/once scheduler_up one
	run -0 strata clear --data dwd_orders --yes
	[ -e "$BATS_TEST_TMPDIR/once" ]
	[ ! -e dwd/dwd_orders ]
	[ "$(recorded dwd.dwd_orders)" = 0 ]
	scheduler_down one
}

# The scheduler is killed at POINT with its worker, while the command waits.
dies_at() {
	local point=$1 pid what=stop
	[ "$point" != clear.forget:1 ] || what=kill
	strata -q run ods dwd --start 2024-01-01 --end 2024-01-04 > /dev/null
	STRATA_FAULT=$point:$what scheduler_up one
	background clear clear --data dwd_orders --yes
	if [ "$what" = stop ]; then
		wait_until worker_stands_still
		kill -KILL "$(pid_of one)"
		for pid in $(workers); do kill -KILL "$pid"; done
	fi
	background_end one || true
	background_end clear
	assert_status 5
	assert_output_has "the next one goes on with it"
	cleared ''
}

@test "kill -9 at each point: the next scheduler completes it, before it builds anything, and only once" {
	for point in clear.move:2 clear.remove:1 clear.forget:1; do
		dies_at "$point"
		scheduler_up two
		wait_until cleared done
		[ ! -e dwd/dwd_orders ]
		[ "$(recorded dwd.dwd_orders)" = 0 ]
		strata -q run ods dwd --start 2024-01-01 --end 2024-01-04
		scheduler_down two
		scheduler_up three
		run -0 strata status
		assert_equal "$(ls dwd/dwd_orders | wc -l)" 4
		[ -z "$(plan_says ods dwd --start 2024-01-01 --end 2024-01-04)" ]
		scheduler_down three
		strata -q gc
		[ -z "$(ls .strata/staging)" ]
	done
}

@test "kill -9 at each point: the same command completes it, and what is built then stays" {
	for point in clear.move:2 clear.remove:1 clear.forget:1; do
		dies_at "$point"
		run -0 strata clear --data dwd_orders --yes
		cleared done
		[ ! -e dwd/dwd_orders ]
		strata -q run ods dwd --start 2024-01-01 --end 2024-01-04 > /dev/null
		scheduler_up two
		run -0 strata status
		assert_equal "$(ls dwd/dwd_orders | wc -l)" 4
		scheduler_down two
	done
}

@test "a run in the foreground comes first: the removal is refused, and what it built stays" {
	dies_at clear.move:2
	strata -q run ods dwd --start 2024-01-01 --end 2024-01-04 > /dev/null
	cleared refused
	scheduler_up two
	run -0 strata status
	assert_equal "$(ls dwd/dwd_orders | wc -l)" 4
	scheduler_down two
}

@test "a scheduler that is about to end leaves what it has not begun to the next one" {
	gate_from dwd_gate 2024-01-02
	scheduler_up one --jobs 1
	id=$(strata -q backfill dwd_gate --start 2024-01-01 --end 2024-01-02 --max-active 1 --detach)
	wait_until test -e arrived-dwd.dwd_gate
	background clear clear --data dwd_gate --yes
	wait_until has_line "$(err_of clear)" "when what works on it has ended"
	kill -TERM "$(pid_of one)"
	wait_until has_line "$(err_of one)" "scheduler.draining"
	touch gate-open
	background_end one
	assert_status 0
	scheduler_up two --jobs 1
	background_end clear
	wait_until cleared done
	wait_until run_is "$id" "done success"
	[ ! -e dwd/dwd_gate/dt=2024-01-01 ]
	scheduler_down two
}
