# What is wrong with the command line or the project is told before anything happens.
load helper

setup() {
	project_shop
	shop_days 1 1
}
teardown() {
	project_remove
}

@test "bad dates, options and commands are status 2" {
	for arguments in "run --date 2024-02-30" "run --date yesterday" "run --start 2024-01-05 --end 2024-01-01" \
		"run --date 2024-01-01 --end 2024-01-02" "run --jobs 0" "run --jobs many" "run --nonsense" "frobnicate" \
		"run --run-id a/b --date 2024-01-01" "backfill"; do
		run strata $arguments
		[ "$status" = 2 ] || { echo "strata $arguments: $status $output" >&2; return 1; }
		[ -n "$output" ]
	done
	[ ! -e ods ]
}

@test "a selection of nothing is status 4, an unknown table of status 2 or 4 says its neighbours" {
	run -4 strata run tag:nobody --date 2024-01-01
	run strata run dwd_order --date 2024-01-01
	[ "$status" = 2 ] || [ "$status" = 4 ]
	assert_output_has "dwd_orders"
	[ ! -e ods ]
}

@test "every problem of the project is told at once, and nothing starts" {
	project_file dags/dwd/dwd_typo.sql <<< "SELECT id FROM ods.ods_oders WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/dwd/dwd_var.sql <<< "SELECT '\${NOBODY}' AS a, '\${PARTITION_DATE}' AS b"
	project_file dags/dwd/dwd_empty.sql < /dev/null
	project_file dags/dwd/dwd_up.sql <<< "SELECT * FROM dws.dws_week WHERE dt = '\${PARTITION_DATE}'"
	run -2 strata run --date 2024-01-01
	assert_output_has "dags/dwd/dwd_typo.sql:1"
	assert_output_has "ods_orders"
	assert_output_has "dags/dwd/dwd_var.sql:1"
	assert_output_has "NOBODY"
	assert_output_has "dwd_empty.sql"
	assert_output_has "dags/dwd/dwd_up.sql:1"
	[ ! -e ods ]
}

@test "a database that is not there is status 3" {
	run -3 strata --db "host=$BATS_TEST_TMPDIR dbname=nowhere" run --date 2024-01-01
	[ ! -e ods ]
}

@test "dates are T-1 by default, in the zone that is told" {
	run -0 strata plan --timezone Pacific/Kiritimati
	[[ $output == *"$(TZ=Pacific/Kiritimati date -d yesterday +%F) (Pacific/Kiritimati)"* ]]
	run -0 strata run ods_orders --date 20240101
	[ -e ods/ods_orders/dt=2024-01-01/_SUCCESS ]
}

@test "what a command has not is told with who has it, or what is wanted instead" {
	run -2 strata backfill dwd --date 2024-01-01
	assert_equal "$output" "strata: 'strata backfill' has no option '--date': a backfill is of a range, --start D --end D; 'strata run --date D' is one day"
	run -2 strata explain latest dwd_orders --date=2024-01-01
	assert_equal "$output" "strata: 'strata explain' has no option '--date': write TABLE@DATE"
	run -2 strata plan --jobs 3
	assert_output_has "strata: '--jobs' is no option of 'strata plan', but of 'strata run', 'strata backfill', "
	assert_output_has "; 'strata plan --help' lists its own"
	assert_equal "${#lines[@]}" 1
	run -2 strata --force run
	assert_output_has "write it after the command"
	run -2 strata run --forse
	assert_equal "$output" "strata: unknown option '--forse' (did you mean '--force'?)"
	run -2 strata test dwd # as other tools call it, though 'list' is spelt more like it
	assert_equal "$output" "strata: unknown command 'test' (did you mean 'check'?)"
	run -2 strata build
	assert_equal "$output" "strata: unknown command 'build' (did you mean 'run'?)"
}

@test "trigger knows names before it asks a scheduler" {
	project_file tables.yaml <<< "tables: {dwd_orders: {tags: [daily]}}"
	cat >> "$PROJECT/dags/dw_config.yaml" <<< "schedules: {nightly: {cron: '30 6 * * *'}}"
	run -2 strata trigger nigthly
	assert_output_has "there is no schedule, table or layer 'nigthly' (did you mean 'nightly'?)"
	run -2 strata trigger dwd_order
	assert_output_has "(did you mean 'dwd_orders'?)"
	run -2 strata trigger daily
	assert_output_has "it is a tag, write 'tag:daily'"
	run -4 strata trigger tag:dialy
	assert_output_has "no table has the tag 'dialy' (did you mean 'tag:daily'?)"
	for words in "nightly dwd" "dwd nightly"; do
		run -2 strata trigger $words
		assert_output_has "'nightly' is a schedule; give it alone: strata trigger nightly"
	done
	for words in nightly "+dwd_orders" "tag:daily,+dws" "dwd dws"; do
		run -5 strata trigger $words
		assert_output_has "no scheduler is up"
	done
	run -2 strata explain nightly dwd_orders
	assert_output_has "'nightly' is a schedule and no run: 'strata status' shows"
	run -2 strata explain nightly-20300101T063000Z dwd_orders
	assert_output_has "'strata status' shows when 'nightly' comes next"
}

@test "a schedule named like a layer, and a callback whose program is not there, are warnings" {
	cat >> "$PROJECT/dags/dw_config.yaml" <<-'EOF'
		schedules: {dwd: {cron: '30 6 * * *'}, dws_week: {cron: '30 6 * * *'}, nightly: {cron: '30 6 * * *'}}
		callbacks:
		  a: {command: [./tell.sh, warehouse]}
		  b: {command: [no-such-program]}
		  c: {command: "./none.sh | cat"}
		  d: {command: "X=1 ./none.sh"}
		  e: {command: [cat]}
	EOF
	: > "$PROJECT/tell.sh"
	run -0 strata validate
	assert_output_has "dags/dw_config.yaml:4:13: warning: schedule 'dwd' has the name of a layer"
	assert_output_has "warning: schedule 'dws_week' has the name of a table"
	assert_output_has "'command' of callback 'a': './tell.sh' is not executable; chmod +x $PROJECT/./tell.sh"
	assert_output_has "'command' of callback 'b': there is no program 'no-such-program'; install it, or write its path"
	assert_output_has "'command' of callback 'c': there is no program './none.sh'"
	assert_output_has "5 warnings"
	run -2 strata validate --strict
	chmod +x "$PROJECT/tell.sh"
	run -0 strata validate
	assert_output_has "4 warnings"
}

@test "lost output is one error of one status in every command, a reader that left is none" {
	project_file dags/dwd/dwd_talks.sh <<< '#!/bin/sh
		# ${PARTITION_DATE}
		echo "what it says"
		echo a > "$STRATA_OUTPUT_DIR/part.csv"'
	chmod +x "$PROJECT/dags/dwd/dwd_talks.sh"
	strata run --date 2024-01-01
	strata run dwd_talks --date 2024-01-01 --force
	for command in "logs latest dwd_talks" list "run --date 2024-01-01" "plan --date 2024-01-02" "graph" "sql SELECT(1)" "runs -o json" help; do
		# shellcheck disable=SC2086
		status=0
		output=$({ strata $command > /dev/full; } 2>&1) || status=$?
		assert_status 3
		assert_output_has "strata: cannot write the output: No space left on device"
		strata $command 2> "$BATS_TEST_TMPDIR/err" | true
		[ "${PIPESTATUS[0]}" = 0 ] || { cat "$BATS_TEST_TMPDIR/err" >&2; return 1; }
	done
}

@test "a quiet run says nothing when all is well, and everything when it is not" {
	run -0 strata -q run --date 2024-01-01
	assert_equal "$output" ""
	project_file dags/dwd/dwd_orders.sql <<< "SELECT error('no') AS id, 1 AS amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	run -1 strata -q run --date 2024-01-01
	assert_output_has "dwd.dwd_orders 2024-01-01"
}

@test "a TZ that is no zone is told once, and a colon before one is none of its name" {
	run -0 env TZ=Nix/Da "$STRATA" -C "$PROJECT" plan --date 2024-01-01
	assert_equal "$(grep -c 'zone.unknown TZ=Nix/Da' <<< "$output")" 1
	run -0 env TZ=:America/New_York "$STRATA" -C "$PROJECT" plan --date 2024-01-01
	assert_output_has "(America/New_York)"
	assert_output_lacks zone.unknown
	run -0 env TZ=Nix/Da "$STRATA" -C "$PROJECT" --timezone UTC plan --date 2024-01-01
	assert_output_lacks zone.unknown
}

@test "signs of ours are ASCII where the locale is" {
	cat >> "$PROJECT/dags/dw_config.yaml" <<< "table_dependencies: {dwd: {dwd_orders: [dwd_b], dwd_b: [dwd_orders]}}"
	project_file dags/dwd/dwd_b.sql <<< "SELECT 1 AS a"
	run -2 env LC_ALL=C "$STRATA" -C "$PROJECT" validate
	assert_output_has "->"
	[ -z "$(LC_ALL=C grep -a '[^ -~]' <<< "$output")" ]
	run -2 strata validate
	assert_output_has "→"
}

@test "a name given to a run is its id, once" {
	strata run --date 2024-01-01 --run-id nightly-1
	[ "$(strata --output json runs | json '.[0].run')" = nightly-1 ]
	[ "$(manifest dwd/dwd_orders/dt=2024-01-01 .run_id)" = nightly-1 ]
	run -2 strata run --date 2024-01-01 --run-id nightly-1
	assert_output_has "nightly-1"
}
