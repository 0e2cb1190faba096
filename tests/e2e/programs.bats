# What commands print for programs is what docs/CLI.md says they print, in the same order of the same fields.
load helper

setup() {
	project_shop
	cat >> dags/dw_config.yaml <<-'EOF'
		schedules:
		  nightly: {cron: '0 3 * * *', timezone: UTC, select: [dwd], catchup: off}
		callbacks:
		  note: {command: 'cat >/dev/null', on: [failure]}
	EOF
	shop_days 1 2
}
teardown() {
	schedulers_remove
}

# documented COMMAND [N]: the fields of the N-th answer of its section, a line each.
documented() {
	awk -v head="### strata $1" -v nth="${2:-1}" '
		/^###? / { inside = $0 == head; answer = 0 }
		inside && /^`--output json\|csv`/ { answer++ }
		inside && /^\| option / { fields = 0 }
		inside && /^\| field / { fields = 1 }
		inside && answer == nth && fields && /^\| `/ { gsub(/`/, "", $2); print $2 }' "$REPO/docs/CLI.md"
}

declare -ga SEEN=()
# matches COMMAND N ARGUMENT…: JSON has exactly the documented fields, and CSV has them as its head.
matches() {
	local command=$1 nth=$2 want got
	shift 2
	want=$(documented "$command" "$nth")
	[ -n "$want" ] || { echo "docs/CLI.md has no fields of '$command'" >&2; return 1; }
	got=$(strata --output json "$@" 2>"$BATS_TEST_TMPDIR/err" | jq -r 'if type == "array" then .[0] // error("no row") else . end | keys_unsorted[]') ||
		{ echo "strata $*: $(cat "$BATS_TEST_TMPDIR/err")" >&2; return 1; }
	[ "$(sort <<< "$got")" = "$(sort <<< "$want")" ] || { diff <(sort <<< "$want") <(sort <<< "$got") >&2; echo "JSON of strata $*" >&2; return 1; }
	SEEN+=("$command")
}
heads() { # the same of CSV
	local command=$1 nth=$2
	shift 2
	[ "$(strata --output csv "$@" 2>/dev/null | head -1)" = "$(documented "$command" "$nth" | paste -sd,)" ] || { echo "CSV of strata $*" >&2; return 1; }
}
both() {
	matches "$@"
	heads "$@"
}

@test "every command's JSON and CSV have the documented fields" {
	project_file dags/dwd/other.sql <<< "SELECT 1" # a warning: it has not its layer's prefix
	both validate 1 validate
	both list 1 list
	matches graph 1 graph
	[ "$(strata -o csv graph 2>/dev/null | head -1)" = from,to,dates,declared ]
	both render 1 render dwd_orders --date 2024-01-01
	both plan 1 plan --date 2024-01-01
	both version 1 version
	matches "db start" 1 db start
	both "db status" 1 db status
	both "db migrate" 1 db migrate
	matches run 1 run --date 2024-01-01
	matches backfill 1 backfill --start 2024-01-01 --end 2024-01-02
	echo "tables: {dwd_orders: {primary_keys: [id]}}" > tables.yaml
	both check 1 check dwd_orders --date 2024-01-01
	rm tables.yaml
	both runs 1 runs
	both tasks 1 tasks latest
	both show 1 show latest
	both show 2 show latest dwd_orders@2024-01-02
	both explain 1 explain latest dwd_orders@2024-01-02
	both lineage 1 lineage dwd_orders
	both history 1 history dwd_orders
	both diff 1 diff latest "$(strata -o json runs | jq -r '.[1].run')"
	both "catalog refresh" 1 catalog refresh
	mkdir -p catalog/migrations
	echo "CREATE VIEW dwd.mine AS SELECT 1 AS one" > catalog/migrations/0001.sql
	matches "catalog migrate" 1 catalog migrate
	both doctor 1 doctor
	both status 1 status
	both "callbacks test" 1 callbacks test note
	both "callbacks retry" 1 callbacks retry
	both "db rebuild" 1 db rebuild --dry-run
	both "db adopt" 1 db adopt --dry-run
	matches pause 1 pause nightly
	matches unpause 1 unpause nightly
	matches clear 1 clear --data ods_orders --yes
	project_file dags/ods/ods_bad.sql <<< "SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"
	! strata run ods_bad --date 2024-01-01 --keep-staging --run-id bad
	both callbacks 1 callbacks
	mkdir -p .strata/staging/00000000-0000-4000-8000-000000000000
	both gc 1 gc --dry-run
	scheduler_up one
	matches trigger 1 trigger ods_orders --date 2024-01-01
	run_of() { strata --output json runs | jq -r '.[0].run'; }
	wait_until run_is "$(run_of)" "done success"
	done_run=$(run_of)
	matches clear 2 clear "$done_run"
	matches retry 1 retry "$done_run"
	project_file dags/ods/ods_slow.sh <<< $'#!/bin/sh\nsleep 600'
	chmod +x dags/ods/ods_slow.sh
	slow_is_known() { strata trigger ods_slow --date 2024-01-01; }
	wait_until slow_is_known
	matches cancel 1 cancel "$(run_of)"
	both audit 1 audit
	matches run 1 run ods_orders --date 2024-01-02 --force # carried out by the scheduler
	matches backfill 1 backfill ods_orders --start 2024-01-01 --end 2024-01-02 --detach
	scheduler_down one
	matches "db stop" 1 db stop

	# None was left out.
	sed -n 's/^### strata //p' "$REPO/docs/CLI.md" | while read -r command; do
		[ -z "$(documented "$command")" ] || printf '%s\n' "${SEEN[@]}" | grep -qxF "$command" || { echo "'$command' was not tried" >&2; exit 1; }
	done
}

@test "a run that the scheduler carries out says in JSON how it ended, with what failed" {
	project_file dags/dwd/dwd_bad.sql <<< "SELECT error('no') AS n, '\${PARTITION_DATE}' AS day"
	scheduler_up one
	run -1 --separate-stderr strata --output json run ods dwd_bad --date 2024-01-01
	[ "$(jq -r '.result + " " + (.published | tostring) + " " + (.rows | tostring) + " " + .failures[0].task' <<< "$output")" = "failed 1 2 dwd.dwd_bad 2024-01-01" ]
	scheduler_down one
}

@test "what has neither listing nor answer refuses the formats, and an error is an event where logs are JSON" {
	for command in "logs latest x" help init top scheduler "completion bash"; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr strata --output json $command
		[ -z "$output" ]
		[[ ${stderr_lines[0]} == *"prints text only"* ]]
	done
	run -2 --separate-stderr strata --log-format json render nobody
	[ "$(jq -r '.event + " " + .error + " " + (.status | tostring)' <<< "${stderr_lines[-1]}")" = "command.failed there is no table 'nobody'; 'strata list' shows them 2" ]
}

# The values of the first row, a line each: as JSON has them, with what is no plain value as JSON, and as CSV has them.
json_values() {
	strata -o json "$@" 2>/dev/null | jq -r '.[0][] | if . == null then "" elif type == "string" then . elif type == "array" then join(" ") else tojson end'
}
csv_values() {
	strata -o csv "$@" 2>/dev/null | "$REPO/deps/venv/bin/python" -c 'import csv, sys; print("\n".join(list(csv.reader(sys.stdin))[1]))'
}

@test "CSV has the values of JSON: times in UTC, durations in microseconds, nothing for null" {
	strata run --date 2024-01-01 --run-id one
	for listing in runs tasks audit "history ods_orders" list plan; do
		[ "$listing" != audit ] || strata clear --data ods_orders --yes
		assert_equal "$(csv_values $listing)" "$(json_values $listing)"
		[ -n "$(csv_values $listing)" ]
	done
	run -0 strata runs
	assert_output_has "CREATED (UTC)"
	run -0 strata tasks
	assert_output_lacks "(UTC)" # no times in the table, so no zone
	strata -o csv runs | grep -qE ',20[0-9-]{8}T[0-9:.]+Z,[0-9]+,20'
}
