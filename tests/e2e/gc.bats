# gc: what dead processes leave goes, what is in use or kept on purpose stays.
load helper

setup() {
	project_empty
	project_file dags/dw_config.yaml <<< 'layer_dependencies: {ods: [], dwd: [ods]}'
	project_file dags/ods/ods_a.sql <<< "SELECT range AS id FROM range(100)"
}

teardown() { project_remove; }

# Every published file, its inode and content; not its times, which a pin by hard link changes.
published() {
	find ods -type f -printf '%p %i %s\n' | sort
	find ods -type f -exec sha256sum {} + | sort
}

# kind outcome of each line, sorted
outcomes() {
	json '.[] | "\(.kind) \(.outcome)"' | sort
}

@test "what dead processes left goes, its bytes are told, and nothing else changes" {
	strata -q run >/dev/null
	before=$(published)
	mkdir -p .strata/staging/6f1c/in/ods .strata/staging/sql-w1-abc-12-1 .strata/tmp/w1-abc .strata/workers/run .strata/workers/look
	head -c 5000 /dev/zero > .strata/staging/6f1c/in/ods/a
	ln ods/ods_a/manifest.json .strata/staging/6f1c/in/ods/pinned
	touch .strata/workers/run/w1-dead.lock
	touch -d '2 hours ago' .strata/workers/look/w2-dead.lock .strata/cache/schemas.tmp-99
	touch .strata/workers/look/w3-young.lock .strata/cache/schemas.tmp-100
	strata gc --dry-run -o json > dry.json
	[ -d .strata/staging/6f1c ]
	strata gc -o json > gc.json
	[ "$(outcomes < gc.json)" = $'lock removed\nlock removed\nspill removed\nstaging removed\nstaging removed\nunfinished removed' ]
	[ "$(outcomes < dry.json)" = "$(outcomes < gc.json | sed 's/removed/would remove/')" ]
	[ "$(json '[.[].bytes] | add' < gc.json)" = 5000 ]
	[ -z "$(ls .strata/staging .strata/tmp .strata/workers/run | grep -v :)" ]
	[ -e .strata/workers/look/w3-young.lock ] && [ -e .strata/cache/schemas.tmp-100 ]
	rm dry.json gc.json
	[ "$(published)" = "$before" ]
	run strata gc
	assert_status 0
	[ "$output" = "strata: there is nothing to remove" ]
}

@test "the staged data of a failed check stays until --kept" {
	project_file tables.yaml <<< 'tables: {ods_a: {primary_keys: [id]}}'
	project_file dags/ods/ods_a.sql <<< "SELECT 1 AS id FROM range(2)"
	run strata run --run-id failing
	assert_status 1
	[ "$(strata gc -o json | json '.[] | "\(.kind) \(.outcome) \(.why)"')" = "staging kept failed check of ods.ods_a, run failing" ]
	[ -n "$(ls .strata/staging)" ]
	[ "$(strata gc --kept -o json | outcomes)" = "staging removed" ]
	[ -z "$(ls .strata/staging)" ]
}

@test "beside a run it removes nothing and exits with 5; beside a living worker its staging stays" {
	mkfifo "$BATS_TEST_TMPDIR/started" "$BATS_TEST_TMPDIR/go"
	project_file dags/ods/ods_slow.sh <<-END
		#!/bin/sh
		echo started > "$BATS_TEST_TMPDIR/started"
		read -r _ < "$BATS_TEST_TMPDIR/go"
		echo 'id' > "\$STRATA_OUTPUT_DIR/a.csv"
		echo '1' >> "\$STRATA_OUTPUT_DIR/a.csv"
	END
	chmod +x dags/ods/ods_slow.sh
	strata -q db start >/dev/null
	background slow -q run ods_slow --run-id slow
	read -r _ < "$BATS_TEST_TMPDIR/started"
	staged=$(ls .strata/staging)
	[ -n "$staged" ]
	run strata gc
	assert_status 5
	assert_output_has "the lake is held by 'strata run "
	assert_output_has ', run slow (process '
	[ "$(ls .strata/staging)" = "$staged" ]
	echo go > "$BATS_TEST_TMPDIR/go"
	background_end slow
	assert_status 0

	# A worker of a scheduler that died: it has its lock, the lake's is free.
	mkdir .strata/staging/6f1c
	exec 9> .strata/workers/run/w1-orphan.lock
	flock 9
	[ "$(strata gc -o json 9>&- | outcomes)" = "staging kept" ]
	exec 9>&-
	[ "$(strata gc -o json | outcomes)" = $'lock removed\nstaging removed' ]
}

# ---- old history ----

# Two tables, one of which reads the other; history is kept for 30 days.
shop_of_history() {
	project_file dags/dw_config.yaml <<< 'layer_dependencies: {ods: [], dwd: [ods]}
history: {keep_days: 30}'
	project_file dags/dwd/dwd_b.sql <<< "SELECT count(*) AS n FROM ods.ods_a"
}

# make_old RUN…: they ended 60 days ago.
make_old() {
	local id
	for id in "$@"; do
		state "UPDATE strata.run SET created_at = created_at - interval '60 days', started_at = started_at - interval '60 days',
			ended_at = ended_at - interval '60 days' WHERE run_id = '$id';
			UPDATE strata.try SET started_at = started_at - interval '60 days', ended_at = ended_at - interval '60 days' WHERE run_id = '$id';
			UPDATE strata.command SET requested_at = requested_at - interval '60 days', ended_at = ended_at - interval '60 days';" > /dev/null
		touch -d '60 days ago' ".strata/logs/$id"
	done
}

# All that retention may take from, without times.
history() {
	state "SELECT run_id, state, result FROM strata.run ORDER BY 1; SELECT run_id, table_name, partition, result FROM strata.task ORDER BY 1, 2, 3;
		SELECT run_id, fence, outcome FROM strata.try ORDER BY 2; SELECT fence, up_table, up_version FROM strata.lineage ORDER BY 1, 2"
}

@test "history older than keep_days goes with its logs; what is published keeps its lineage and is fresh" {
	shop_of_history
	strata -q run --run-id first > /dev/null
	strata -q run --run-id second --force > /dev/null
	strata -q run ods_a --run-id third --force > /dev/null
	make_old first second
	before=$(published)
	lineage=$(strata lineage dwd_b -o json)
	everything=$(history)
	strata gc --dry-run -o json > dry.json
	[ "$(history)" = "$everything" ]
	[ -d .strata/logs/first ]
	strata gc -o json > gc.json
	assert_equal "$(json '.[] | "\(.kind) \(.path) \(.outcome) \(.why)"' < gc.json | sed "s|$PROJECT/||; s/ ended .*//")" \
		"log .strata/logs/first removed its run is older than history.keep_days
log .strata/logs/second removed its run is older than history.keep_days
history strata.run removed 2 runs with 4 tasks, 3 tries, 1 inputs;"
	assert_equal "$(json '.[] | "\(.kind) \(.path) \(.outcome) \(.bytes) \(.why)"' < dry.json | sed 's/would remove/removed/')" \
		"$(json '.[] | "\(.kind) \(.path) \(.outcome) \(.bytes) \(.why)"' < gc.json)"
	[ "$(strata runs -o json | json '.[].run')" = third ]
	[ "$(ls .strata/logs)" = third ]
	[ "$(strata lineage dwd_b -o json)" = "$lineage" ]
	rm dry.json gc.json
	[ "$(published)" = "$before" ]
	run -2 strata show second
	assert_output_has "the history of run 'second' has been removed, as of all runs that ended before $(date -ud '-30 days' +%F) (history.keep_days)"
	run -2 strata logs second dwd_b
	assert_output_has "has been removed"
	run -2 strata show nonsense
	assert_output_has "there is no run 'nonsense'"
	# And the next run knows what it must.
	run -0 strata run
	assert_output_has "1 fresh"
	run -0 strata gc
	assert_output_has "there is nothing to remove"
}

@test "keep_days 0 keeps all, and a project with errors loses no history" {
	shop_of_history
	strata -q run --run-id first > /dev/null
	make_old first
	sed -i 's/keep_days: 30/keep_days: 0/' dags/dw_config.yaml
	[ "$(strata gc -o json)" = "[]" ]
	sed -i 's/keep_days: 0/keep_days: ever/' dags/dw_config.yaml
	run -0 strata gc
	assert_output_has "the project has errors, so its history is left alone"
	strata show first > /dev/null
	[ -d .strata/logs/first ]
}

@test "kill -9 in the middle, again and again, ends in the same state" {
	shop_of_history
	strata -q run --run-id first > /dev/null
	strata -q run --run-id second --force > /dev/null
	make_old first
	deaths=0
	for n in $(seq 100); do
		status=0
		STRATA_FAULT=retention.batch:$n:kill strata gc > /dev/null 2>&1 || status=$?
		[ $status = 0 ] && break
		[ $status = 137 ]
		deaths=$((deaths + 1))
		state "SELECT pg_advisory_lock(1398035010, lake_id) FROM strata.lake" > /dev/null # the server has seen its death
		[ "$(strata lineage dwd_b -o json | json length)" = 1 ]
	done
	[ $deaths -ge 4 ]
	assert_equal "$(history)" "second|done|success
second|dwd.dwd_b||success
second|ods.ods_a||success
second|3|success
second|4|success
4|ods.ods_a|2"
	run -2 strata show first
	assert_output_has "has been removed"
}

@test "beside a scheduler: old history and leftovers go, what is at work stays" {
	shop_of_history
	gated_table dags/ods/ods_gated.sh
	strata -q run ods_a dwd_b --run-id first > /dev/null
	make_old first
	background daemon scheduler --jobs 2
	wait_until has_line "$(err_of daemon)" scheduler.ready
	background gated -q run ods_gated --date 2024-01-01 --run-id gated
	wait_until test -e arrived-ods.ods_gated
	mkdir -p .strata/staging/6f1c
	staged=$(state "SELECT try_id FROM strata.try WHERE run_id = 'gated'")
	[ -d ".strata/staging/$staged" ]
	strata gc -o json > gc.json
	[ "$(json '.[] | select(.kind == "staging") | "\(.outcome) \(.path | sub(".*/"; ""))"' < gc.json | sort)" = "kept $staged
removed 6f1c" ]
	[ "$(json '.[] | select(.kind == "history") | .path' < gc.json)" = strata.run ]
	[ -d ".strata/staging/$staged" ] && [ ! -d .strata/staging/6f1c ]
	touch gate-open
	background_end gated
	assert_status 0
	# Their workers stay warm for the next try, with what they keep for it.
	strata gc -o json > gc.json
	[ "$(json '[.[] | select(.kind == "staging" and .outcome != "kept")] | length' < gc.json)" = 0 ]
	run -0 strata run ods_gated --date 2024-01-02 --run-id next
	kill -TERM "$(pid_of daemon)"
	background_end daemon
	assert_status 0
	[ "$(strata runs -o json | json '.[].run' | sort | tr '\n' ' ')" = "gated next " ]
}

# A day has passed since the last one, or since the lake was made.
a_day_later() {
	state "UPDATE strata.lake SET created_at = created_at - interval '26 hours';
		UPDATE strata.audit SET at = at - interval '26 hours' WHERE action = 'gc'" > /dev/null
}
gcs_done() { # NUMBER
	[ "$(grep -c gc.done "$(err_of daemon)")" = "$1" ]
}

@test "the scheduler does it once a day, also over restarts, and waits until no run is under way" {
	shop_of_history
	gated_table dags/ods/ods_gated.sh
	strata -q run ods_a dwd_b --run-id first > /dev/null
	make_old first
	background daemon scheduler --jobs 2
	wait_until has_line "$(err_of daemon)" scheduler.ready
	run -0 strata run ods_a # the lake is new: nothing is due
	! has_line "$(err_of daemon)" gc.begin
	kill -KILL "$(pid_of daemon)"
	background_end daemon

	a_day_later
	mkdir -p .strata/staging/6f1c
	background daemon scheduler --jobs 2
	wait_until gcs_done 1
	has_line "$(err_of daemon)" 'gc.done says="removed '
	[ ! -d .strata/staging/6f1c ] && [ ! -d .strata/logs/first ]
	run -2 strata show first
	assert_output_has "the history of run 'first' has been removed"
	kill -KILL "$(pid_of daemon)"
	background_end daemon

	# Done for today.
	background daemon scheduler --jobs 2
	wait_until has_line "$(err_of daemon)" scheduler.ready
	run -0 strata run ods_a
	! has_line "$(err_of daemon)" gc.begin
	kill -KILL "$(pid_of daemon)"
	background_end daemon

	# The next day, with an order that is waiting: the run first.
	a_day_later
	state "SELECT strata.command_new(lake_id, 'order', '{\"run_id\": \"gated\", \"kind\": \"manual\", \"select\": [\"ods_gated\"],
		\"first\": \"2024-01-01\", \"last\": \"2024-01-01\"}', 'me') FROM strata.lake" > /dev/null
	background daemon scheduler --jobs 2
	wait_until test -e arrived-ods.ods_gated
	! has_line "$(err_of daemon)" gc.begin
	touch gate-open
	wait_until gcs_done 1
	[ "$(grep -oE 'run.done|gc.begin' "$(err_of daemon)" | tr '\n' ' ')" = "run.done gc.begin " ]
	kill -TERM "$(pid_of daemon)"
	background_end daemon
	assert_status 0
}

@test "a gc of the scheduler that fails is told, tried again later, and changes nothing else" {
	shop_of_history
	strata -q run --run-id first > /dev/null
	make_old first
	a_day_later
	export STRATA_FAULT=retention.batch:3:kill
	background daemon scheduler --jobs 1
	unset STRATA_FAULT
	wait_until has_line "$(err_of daemon)" "gc.failed status=137"
	run -0 strata run
	kill -TERM "$(pid_of daemon)"
	background_end daemon
	assert_status 0
	background daemon scheduler --jobs 1 # the next one does not know, and does it
	wait_until gcs_done 1
	kill -TERM "$(pid_of daemon)"
	background_end daemon
	assert_status 0
}

@test "what a worker that was killed has left goes without another start of the scheduler" {
	background daemon scheduler --jobs 1
	wait_until has_line "$(err_of daemon)" scheduler.ready
	run -0 strata run
	wait_until test -n "$(ls .strata/staging)" # its empty folder, for its next try
	kill -KILL $(workers)
	wait_until gcs_done 1
	[ -z "$(ls .strata/staging)" ]
	kill -TERM "$(pid_of daemon)"
	background_end daemon
	assert_status 0
}
