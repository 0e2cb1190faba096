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
