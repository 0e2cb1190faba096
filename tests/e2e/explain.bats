# explain: what holds a task up is named, and whoever removes just that sees the task run.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: []}
	EOF
}
teardown() { schedulers_remove; }

# A table each of whose dates has a gate of its own: it says arrived-TABLE-DATE and goes on once open-TABLE-DATE exists.
gates() {
	project_file "dags/dwd/$1.sh" <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		me=$STRATA_TABLE-$STRATA_PARTITION_DATE
		touch "arrived-$me"
		for i in $(seq 3000); do [ -e "open-$me" ] && break; sleep 0.02; done
		echo "day,n
		$STRATA_PARTITION_DATE,1" > "$STRATA_OUTPUT_DIR/part.csv"
	EOF
	chmod +x "$PROJECT/dags/dwd/$1.sh"
}
open_gate() { # TABLE DATE
	touch "open-$1-$2"
}
arrived() { # TABLE DATE
	[ -e "arrived-$1-$2" ]
}
scheduler_dies() {
	kill -KILL "$(pid_of "$1")"
	background_end "$1" || true
}
backfill() { # ARGUMENT…: prints the run
	strata -q backfill --detach "$@"
}
# why RUN TASK KIND FIELD: of the first blocker of that kind.
why() {
	strata --output json explain "$1" "$2" | jq -r --arg kind "$3" "[.blockers[] | select(.kind == \$kind)][0] | .$4 // \"\""
}
held_by() { # RUN TASK KIND
	[ -n "$(why "$1" "$2" "$3" kind)" ]
}
state_of() { # RUN TASK
	strata --output json explain "$1" "$2" | jq -r '.state + " " + .result'
}
task_is() { # RUN TASK STATE
	[ "$(state_of "$1" "$2")" = "$3" ]
}
# Opens the gate of the task that is named as a blocker of that kind.
open_named() { # RUN TASK KIND
	open_gate "$(why "$1" "$2" "$3" table)" "$(why "$1" "$2" "$3" partition)"
}

@test "dates of which the same is said are one line, and programs get each" {
	gates dwd_gate
	project_file dags/dwd/dwd_all.sql <<< "SELECT count(*) AS n FROM dwd.dwd_gate"
	scheduler_up one --jobs 1
	id=$(backfill --start 2024-01-01 --end 2024-01-31)
	wait_until arrived dwd.dwd_gate 2024-01-01
	run -0 strata explain "$id" dwd_all
	assert_output_has "waits for dwd.dwd_gate 2024-01-01, which is running on worker"
	assert_output_has " to 2024-01-31 ("
	assert_output_has " dates), which are ready"
	[ "${#lines[@]}" -le 8 ]
	[ "$(strata --output json explain "$id" dwd_all | jq '[.blockers[] | select(.kind == "upstream")] | length')" = 31 ]
	run -0 strata explain "$id" dwd_gate@2024-01-31
	[ "${#lines[@]}" -le 6 ]
	for day in {01..31}; do open_gate dwd.dwd_gate "2024-01-$day"; done
	wait_until run_is "$id" "done success"
	run -0 strata explain "$id" dwd_all
	assert_output_has "it was made from dwd.dwd_gate 2024-01-01 to 2024-01-31 (31 dates), version 1"
	[ "$(grep -c "it was made from" <<< "$output")" = 1 ]
	scheduler_down one
}

@test "upstream: its end lets the task run; with no date the first one that is not done is meant" {
	gates dwd_gate
	project_file dags/dwd/dwd_after.sql <<< "SELECT n FROM dwd.dwd_gate WHERE dt = '\${PARTITION_DATE}'"
	scheduler_up one
	id=$(backfill --start 2024-01-01 --end 2024-01-02)
	wait_until arrived dwd.dwd_gate 2024-01-01
	[ "$(why "$id" dwd_after@2024-01-01 upstream state)" = running ]
	open_named "$id" dwd_after@2024-01-01 upstream
	wait_until task_is "$id" dwd_after@2024-01-01 "done success"
	[ "$(strata --output json explain "$id" dwd_after | jq -r .partition)" = 2024-01-02 ]
	run -0 strata explain "$id" dwd_after@2024-01-02
	assert_output_has "waits for dwd.dwd_gate 2024-01-02, which is running on worker"
	open_named "$id" dwd_after upstream
	wait_until run_is "$id" "done success"
	run -0 strata explain "$id" dwd_after@2024-01-02
	assert_output_has "is done: success"
	assert_output_has "it was to be built because: new"
	assert_output_has "try 1: success, 1 row,"
	assert_output_has "log: "
	assert_output_has "it was made from dwd.dwd_gate 2024-01-02, version 1"
	run -0 strata run dwd_after --date 2024-01-02
	run -0 strata explain latest dwd_after@2024-01-02
	assert_output_has "is done: fresh"
	assert_output_has "version 1, published by run $id at "
	scheduler_down one
}

@test "upstream that failed: the reader names it, and a cured one lets it run" {
	project_file dags/dwd/dwd_bad.sql <<< "SELECT error('not yet') AS n, '\${PARTITION_DATE}' AS day"
	project_file dags/dwd/dwd_after.sql <<< "SELECT n FROM dwd.dwd_bad WHERE dt = '\${PARTITION_DATE}'"
	scheduler_up one
	id=$(backfill --start 2024-01-01 --end 2024-01-01)
	wait_until run_is "$id" "done failed"
	[ "$(state_of "$id" dwd_after)" = "done upstream_failed" ]
	[ "$(strata --output json explain "$id" dwd_bad | jq -r '.state + " " + .result')" = "done failed" ]
	cause=$(strata --output json explain "$id" dwd_after | jq -r .cause)
	[ "$cause" = "dwd.dwd_bad 2024-01-01" ]
	run -0 strata explain "$id" dwd_after
	assert_output_has "is done: upstream_failed"
	assert_output_has "because of: dwd.dwd_bad 2024-01-01"
	run -0 strata explain "$id" ${cause% *} "${cause#* }"
	assert_output_has "try 1: error"
	assert_output_has "not yet"
	project_file dags/dwd/dwd_bad.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	wait_until has_line "$(err_of one)" "project.read"
	run -0 strata retry "$id"
	again=${lines[-1]##* }
	wait_until run_is "$again" "done success"
	[ "$(state_of "$again" dwd_after)" = "done success" ]
	scheduler_down one
}

late_comes() { # DATE
	mkdir -p "raw/late/dt=$1"
	printf 'n\n1\n' > "raw/late/dt=$1/part.csv"
}

@test "source: whose it is, and since when; once it is there the task runs, and nothing else lets it" {
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: [ods]}
		sources:
		  ods_late: {path: raw/late, missing: wait, settle: 100ms, options: {columns: {n: BIGINT}}}
	EOF
	project_file dags/ods/ods_late.sql <<< "SELECT n, '\${PARTITION_DATE}' AS dt FROM tmp_ods_late"
	project_file dags/dwd/dwd_after.sql <<< "SELECT n FROM ods.ods_late WHERE dt = '\${PARTITION_DATE}'"
	mkdir -p raw/late
	scheduler_up one
	id=$(backfill --start 2024-01-01 --end 2024-01-02)
	wait_until held_by "$id" dwd_after@2024-01-02 source
	[ "$(why "$id" dwd_after@2024-01-02 source of.table)" = ods.ods_late ]
	[ "$(why "$id" dwd_after@2024-01-02 source of.partition)" = 2024-01-02 ]
	since=$(why "$id" dwd_after@2024-01-02 source since)
	[[ $since == 20*T*Z && ! $since > $(date -u +%FT%T.999Z) ]]
	late_comes 2024-01-01
	wait_until task_is "$id" dwd_after@2024-01-01 "done success"
	[ "$(why "$id" dwd_after@2024-01-02 source since)" = "$since" ]
	late_comes "$(why "$id" dwd_after@2024-01-02 source of.partition)"
	wait_until run_is "$id" "done success"
	scheduler_down one
}

@test "pool: the task that has the slot; workers: the tasks that have them" {
	gates dwd_gate
	gates dwd_slot
	echo 'pools: {narrow: 1}' >> dags/dw_config.yaml
	project_file tables.yaml <<< 'tables: {dwd_slot: {pool: narrow}}'
	scheduler_up one --jobs 2
	id=$(backfill dwd_slot --start 2024-01-01 --end 2024-01-02)
	wait_until arrived dwd.dwd_slot 2024-01-01
	wait_until held_by "$id" dwd_slot@2024-01-02 pool
	[ "$(why "$id" dwd_slot@2024-01-02 pool pool)" = narrow ]
	open_named "$id" dwd_slot@2024-01-02 pool
	wait_until arrived dwd.dwd_slot 2024-01-02
	open_gate dwd.dwd_slot 2024-01-02
	wait_until run_is "$id" "done success"
	id=$(backfill dwd_gate --start 2024-01-01 --end 2024-01-03)
	wait_until arrived dwd.dwd_gate 2024-01-01
	wait_until arrived dwd.dwd_gate 2024-01-02
	wait_until held_by "$id" dwd_gate@2024-01-03 workers
	open_named "$id" dwd_gate@2024-01-03 workers
	wait_until arrived dwd.dwd_gate 2024-01-03
	scheduler_dies one
}

@test "a pool without slots is told, and one that gets them lets the task run" {
	gates dwd_slot
	echo 'pools: {narrow: 1}' >> dags/dw_config.yaml
	project_file tables.yaml <<< 'tables: {dwd_slot: {pool: narrow}}'
	scheduler_up one --jobs 2
	id=$(backfill dwd_slot --start 2024-01-01 --end 2024-01-02)
	wait_until arrived dwd.dwd_slot 2024-01-01
	wait_until held_by "$id" dwd_slot@2024-01-02 pool
	sed -i 's/narrow: 1/narrow: 2/' dags/dw_config.yaml
	wait_until has_line "$(err_of one)" "project.read"
	other=$(backfill dwd_slot --start 2024-01-03 --end 2024-01-03)
	wait_until arrived dwd.dwd_slot 2024-01-02
	[ -n "$other" ]
	scheduler_dies one
}

@test "retry: the time of the next try; told to go on, it goes on" {
	project_file dags/dwd/dwd_flaky.sh <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		[ -e cured ] || exit 1
		echo "day,n
		$STRATA_PARTITION_DATE,1" > "$STRATA_OUTPUT_DIR/part.csv"
	EOF
	chmod +x dags/dwd/dwd_flaky.sh
	project_file tables.yaml <<< 'tables: {dwd_flaky: {retries: 3, retry_delay: 1h, retry_on: any}}'
	scheduler_up one
	id=$(backfill --start 2024-01-01 --end 2024-01-01)
	wait_until held_by "$id" dwd_flaky retry
	[[ $(why "$id" dwd_flaky retry at) > $(date -u +%FT%T) ]]
	touch cured
	run -0 strata retry "$id" dwd_flaky@2024-01-01
	wait_until run_is "$id" "done success"
	scheduler_down one
}

@test "paused: by whom, also of a run whose scheduler died" {
	gates dwd_gate
	scheduler_up one --jobs 1
	id=$(backfill --start 2024-01-01 --end 2024-01-03 --max-active 1)
	wait_until arrived dwd.dwd_gate 2024-01-01
	run -0 strata pause "$id"
	[ "$(why "$id" dwd_gate@2024-01-03 paused by)" = "$(id -un)@$(hostname)" ]
	scheduler_dies one
	[ "$(why "$id" dwd_gate@2024-01-03 paused by)" = "$(id -un)@$(hostname)" ]
	[ "$(why "$id" dwd_gate@2024-01-03 scheduler kind)" = scheduler ]
	run -0 strata explain "$id" dwd_gate@2024-01-03
	assert_output_has "no scheduler is up"
	open_gate dwd.dwd_gate 2024-01-01
	open_gate dwd.dwd_gate 2024-01-02
	open_gate dwd.dwd_gate 2024-01-03
	scheduler_up two
	wait_until held_by "$id" dwd_gate@2024-01-03 paused
	[ -n "$(why "$id" dwd_gate@2024-01-03 paused since)" ]
	run -0 strata unpause "$(why "$id" dwd_gate@2024-01-03 paused run)"
	wait_until run_is "$id" "done success"
	scheduler_down two
}

@test "max active: the task of its run that is at work" {
	gates dwd_gate
	scheduler_up one
	id=$(backfill --start 2024-01-01 --end 2024-01-02 --max-active 1)
	wait_until arrived dwd.dwd_gate 2024-01-01
	wait_until held_by "$id" dwd_gate@2024-01-02 "max active"
	open_named "$id" dwd_gate@2024-01-02 "max active"
	wait_until arrived dwd.dwd_gate 2024-01-02
	scheduler_dies one
}

@test "a schedule's max_active_runs holds a run that is not made yet: the run that has the place" {
	gates dwd_gate
	cat >> dags/dw_config.yaml <<-EOF
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd], catchup: all, max_active_runs: 1, start_date: $(date -ud '-5 days' +%F), date_offset: -1}
	EOF
	scheduler_up one
	wait_until arrived dwd.dwd_gate "$(date -ud '-5 days' +%F)"
	next=nightly-$(date -ud '-3 days' +%Y%m%d)T030000Z
	first=$(why "$next" dwd_gate "max active runs" run)
	[ "$first" = "nightly-$(date -ud '-4 days' +%Y%m%d)T030000Z" ]
	[ "$(why "$next" dwd_gate "max active runs" schedule)" = nightly ]
	# The run that is named is brought to its end by what it waits for itself; then its place is the next one's.
	task=$(date -ud '-5 days' +%F)
	held_by "$next" dwd_gate "max active runs"
	[ "$(state_of "$first" "dwd_gate@$task")" = "running " ]
	open_gate dwd.dwd_gate "$task"
	wait_until run_is "$first" "done success"
	wait_until task_is "$next" "dwd_gate@$(date -ud '-4 days' +%F)" "running "
	run -0 strata pause nightly
	later=nightly-$(date -ud '-2 days' +%Y%m%d)T030000Z
	[ "$(why "$later" dwd_gate paused by)" = "$(id -un)@$(hostname)" ]
	run -2 strata explain nightly-20130101 dwd_gate
	assert_output_has "there is no run"
	scheduler_dies one
}

two_arrived() {
	[ "$(find . -maxdepth 1 -name 'arrived-*' | wc -l)" = 2 ]
}

@test "kept: the worker that is free is kept for schedules; who has the other one" {
	gates dwd_gate
	cat >> dags/dw_config.yaml <<-EOF
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd], catchup: latest, start_date: $(date -ud '-3 days' +%F), date_offset: -1}
	EOF
	run -0 strata pause nightly
	scheduler_up one --jobs 2
	id=$(backfill --start 2024-01-01 --end 2024-01-03)
	wait_until arrived dwd.dwd_gate 2024-01-01
	wait_until held_by "$id" dwd_gate@2024-01-03 kept
	wait_until held_by "$id" dwd_gate@2024-01-02 kept
	# The other worker is there for a schedule, whatever the backfill wants.
	run -0 strata unpause nightly
	wait_until two_arrived
	[ ! -e arrived-dwd.dwd_gate-2024-01-02 ]
	open_named "$id" dwd_gate@2024-01-02 kept
	wait_until arrived dwd.dwd_gate 2024-01-02
	[ ! -e arrived-dwd.dwd_gate-2024-01-03 ]
	wait_until held_by "$id" dwd_gate@2024-01-03 kept
	open_named "$id" dwd_gate@2024-01-03 kept
	wait_until arrived dwd.dwd_gate 2024-01-03
	open_gate dwd.dwd_gate 2024-01-03
	wait_until run_is "$id" "done success"
	scheduler_dies one
}

@test "same partition: the run that builds it" {
	gates dwd_gate
	scheduler_up one
	first=$(backfill --start 2024-01-01 --end 2024-01-01)
	wait_until arrived dwd.dwd_gate 2024-01-01
	second=$(backfill --start 2024-01-01 --end 2024-01-01)
	wait_until held_by "$second" dwd_gate "same partition"
	[ "$(why "$second" dwd_gate "same partition" run)" = "$first" ]
	open_named "$second" dwd_gate "same partition"
	wait_until run_is "$second" "done success"
	scheduler_down one
}

@test "a question is not in the audit; who paused what is" {
	gates dwd_gate
	scheduler_up one
	id=$(backfill --start 2024-01-01 --end 2024-01-01)
	wait_until arrived dwd.dwd_gate 2024-01-01
	run -0 strata explain "$id" dwd_gate
	run -0 strata pause "$id"
	run -2 strata pause nothing
	run -0 strata audit
	assert_output_has "run $id is paused"
	assert_output_has "refused"
	run -0 strata --output json audit
	[ "$(jq -r '[.[].action] | join(" ")' <<< "$output")" = "pause pause order" ]
	[ "$(jq -r '[.[].actor] | unique | .[]' <<< "$output")" = "$(id -un)@$(hostname)" ]
	[ "$(strata --output json audit --since 2999-01-01)" = "[]" ]
	scheduler_dies one
}

@test "pause with no scheduler up is for the next one, before it starts anything" {
	project_file dags/dwd/dwd_day.sql <<< "SELECT 1 AS n, '\${PARTITION_DATE}' AS day"
	cat >> dags/dw_config.yaml <<-EOF
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd], catchup: latest, start_date: $(date -ud '-3 days' +%F), date_offset: -1}
	EOF
	run -0 strata pause nightly
	assert_output_has "no scheduler is up; the next one is told before it starts anything"
	run -2 strata pause nightlyy
	run -0 strata status
	assert_output_has "pause nightly"
	scheduler_up one
	run -0 strata status
	assert_output_has "paused"
	[ "$(strata --output json runs)" = "[]" ]
	run -0 strata unpause nightly
	wait_until run_is "nightly-$(date -ud "$([ "$(date -u +%H)" -ge 3 ] && echo today || echo yesterday)" +%Y%m%d)T030000Z" "done success"
	scheduler_down one
}

@test "cancel with no scheduler up ends the run when the next one goes on with it" {
	gates dwd_gate
	scheduler_up one
	id=$(backfill --start 2024-01-01 --end 2024-01-03 --max-active 1)
	wait_until arrived dwd.dwd_gate 2024-01-01
	scheduler_dies one
	run -0 strata cancel "$id"
	assert_output_has "the next one is told"
	run -2 strata cancel "${id}x"
	scheduler_up two
	wait_until run_is "$id" "done canceled"
	run -0 strata explain "$id" dwd_gate@2024-01-03
	assert_output_has "is done: canceled"
	scheduler_down two
}
