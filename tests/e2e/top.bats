# strata top, as a person at a terminal sees it.
load helper
load screen

setup() {
	screen_project
}
teardown() {
	screen_close
	schedulers_remove
}

@test "each panel at 80x24, from history alone" {
	a_run
	screen_open 80x24
	screen_is 80x24-overview
	screen_keys 2
	screen_is 80x24-runs
	screen_keys Enter
	screen_shows "dwd_orders"
	screen_is 80x24-map
	screen_keys d
	screen_shows "critical path"
	screen_is 80x24-graph
	screen_keys q t
	screen_shows "TOOK TIME"

	screen_keys q a
	screen_shows "PARTITION"
	screen_keys q 3
	screen_shows "NEWEST"
	screen_is 80x24-tables
	screen_keys Enter
	screen_shows "The last 5 builds"
	screen_keys '?'
	screen_shows "Everywhere"
	screen_is 80x24-help
	screen_keys q q q
	screen_shows "ended 0"
}

@test "40x15 and 200x60, and from one to the other while it is open" {
	a_run
	screen_open 40x15
	screen_keys 2 m
	screen_shows "dwd_orders"
	screen_is 40x15-map
	terminal resize-window -x 200 -y 60
	screen_is 200x60-map
	terminal resize-window -x 40 -y 15
	screen_is 40x15-map
	screen_keys d
	screen_is 40x15-graph
	screen_keys 1
	screen_is 40x15-overview
	terminal resize-window -x 200 -y 60
	screen_is 200x60-overview
}

@test "without colours, without UTF-8, and with text that is wide" {
	project_file tables.yaml <<-'EOF'
		tables:
		  dws_week: {description: 注文の集計 und Größen, owner: 数据}
	EOF
	a_run
	SCREEN_ENV=NO_COLOR=1 screen_open 80x24
	screen_keys 3 G Enter
	screen_shows "is         注文の集計 und Größen"
	[ -z "$(terminal capture-pane -e -p | grep -oE $'\e\\[(3|4|9|10)[0-7]' | head -1)" ]
	screen_keys T
	screen_shows "no colours"
	screen_close
	SCREEN_LOCALE=C screen_open 80x24
	screen_keys 3 G Enter
	screen_shows "? ? ? ? ?  und Gr??en"
	screen_keys 2 m
	screen_is ascii-map
}

@test "a task's page marks the line of its error, and its log is opened" {
	project_file dags/dwd/dwd_orders.sql <<-'EOF'
		SELECT id,
		       CAST('late' AS INTEGER) AS amount
		FROM ods.ods_orders WHERE dt = '${PARTITION_DATE}'
	EOF
	run -1 strata -q run --run-id broken --date 2024-01-05
	screen_open 100x40
	screen_shows "failure"
	screen_keys j j j Enter
	screen_shows "Task broken dwd.dwd_orders 2024-01-05"
	screen_shows ">    2         CAST('late' AS INTEGER)"
	screen_keys L
	screen_shows "Log"
	screen_shows "Conversion Error"
	screen_keys q e
	screen_shows "Conversion Error"
}

@test "a failure without a line has none on its page" {
	project_file dags/ods/ods_script.sh <<< $'#!/bin/sh\nexit 7'
	chmod +x dags/ods/ods_script.sh
	run -1 strata -q run ods_script --run-id broken
	screen_open 200x40
	screen_shows "failure"
	screen_keys j j j Enter
	screen_shows "Task broken ods.ods_script"
	screen_shows "exited with 7"
	screen_lacks "column -"
}

@test "filter, sort, mouse" {
	a_run
	screen_open 80x24
	screen_keys 3
	screen_shows "dws_week"
	screen_keys /
	screen_type "dws"
	screen_lacks "ods_orders"
	screen_keys Enter
	screen_shows "/dws"
	screen_keys Escape
	screen_shows "ods_orders"
	screen_keys s
	screen_shows "TABLE▲"
	screen_keys S
	screen_shows "TABLE▼"
	screen_click 5 5
	screen_click 5 5
	screen_shows "Table dwd.dwd_orders"
}

@test "a map that is filtered or folded has the cells of what is left" {
	a_run
	screen_open 80x24
	screen_keys 2 m
	screen_shows "dws_week                         S"
	screen_keys /
	screen_type "_w"
	screen_lacks "ods_orders"
	screen_shows "dws_week                         S"
	screen_keys Enter Escape
	screen_shows "ods_orders                       S"
	screen_keys z
	screen_lacks "ods_orders"
	screen_shows "▸ ods"
	screen_shows "dwd_orders                       S"
}

@test "beside a scheduler: a run is watched, canceled, retried, and shows each change" {
	gated_table dags/dwd/dwd_gate.sh
	scheduler_up one
	strata -q backfill +dwd_gate --run-id slow --start 2024-01-01 --end 2024-01-03 --detach
	wait_until test -e arrived-dwd.dwd_gate
	screen_open 100x24
	screen_shows "scheduler up"
	screen_shows "dwd.dwd_gate 2024-01-01"
	wait_until screen_has_line_like "worker +w[0-9a-f-]+ +load .*dwd.dwd_gate 2024-01-01 .*MB"
	screen_keys 2
	screen_shows "slow"
	screen_keys m j j j
	screen_shows "running"
	screen_keys x
	screen_shows "strata cancel slow"
	screen_keys n
	screen_shows "nothing was done"
	screen_keys p
	screen_shows "strata pause slow"
	screen_keys y
	screen_shows "run slow is paused"
	screen_keys x
	screen_shows "strata cancel slow"
	screen_keys y
	screen_shows "canceled"
	wait_until run_is slow "done canceled"
	screen_keys q
	screen_shows "C slow"
	touch gate-open
	screen_keys 3 G
	screen_shows "dws_week"
	screen_keys B
	screen_shows "first date"
	screen_type "2024-01-02"
	screen_keys Tab
	screen_type "2024-01-03"
	screen_shows "strata backfill --detach dws.dws_week --start 2024-01-02 --end"
	screen_shows "     2024-01-03 "
	screen_keys Tab Enter
	screen_lacks "first date"
	screen_keys 2
	screen_shows "2024-01-02..01-03"
}

# The numbers of all the workers that are at it, as a program gets them.
status_has() { # FILTER
	strata --output json status | jq -e "$1" >/dev/null
}

@test "a long task says how far it is, and nobody says so of one that is dead" {
	local digest=i
	for _ in {1..60}; do digest="md5($digest::VARCHAR)"; done
	rm -r dags
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dws: [dwd]}
		schedules:
		  nightly: {cron: '30 6 * * *', timezone: UTC}
	EOF
	project_file dags/dwd/dwd_big.sql <<< "SELECT range AS i FROM range(4000000)"
	project_file dags/dws/dws_digest.sql <<< "SELECT i, $digest AS m FROM dwd.dwd_big"
	scheduler_up one --jobs 2
	screen_open 160x24
	screen_shows "scheduler up"
	wait_until screen_has_line_like "lane +scheduled runs +0 of 2 +.*1 kept for them"
	strata -q backfill +dws_digest --start 2024-01-01 --end 2024-01-01 --run-id slow --detach
	wait_until status_has '.[] | select(.what == "worker" and .table == "dws.dws_digest" and .state == "load") | .percent > 0 and .of_rows >= 4000000 and .written > 0'
	wait_until screen_has_line_like "worker +w.* load .* dws.dws_digest  [0-9]+ % of some 4,000,[0-9]+ rows, wrote .*MB.* slow"
	wait_until screen_has_line_like "lane +other runs +1 of 1"
	run -0 strata status
	assert_output_has " % of some 4,000,"
	status_has '.[] | select(.what == "lane" and .name == "scheduled runs") | .used == 0 and .slots == 2 and .kept == 1'
	status_has '.[] | select(.what == "lane" and .name == "other runs") | .used == 1 and .slots == 1 and .kept == 0'

	local worker
	worker=$(strata --output json status | jq -r '.[] | select(.what == "worker" and .table) | .name')
	kill -KILL "$(awk '{ print $1 }' .strata/workers/*/"$worker".lock)"
	wait_until run_is slow "done failed"
	wait_until status_has "all(.[]; .name != \"$worker\")"
	screen_lacks " % of some"

	strata -q backfill +dws_digest --start 2024-01-01 --end 2024-01-01 --run-id slower --detach
	wait_until status_has '.[] | select(.what == "worker" and .table == "dws.dws_digest") | .percent > 0'
	kill -KILL "$(pid_of one)"
	wait_until status_has 'all(.[]; .what != "worker" and .what != "lane")'
	screen_lacks " % of some"
}

@test "the command line takes panels, words of strata, and completes" {
	a_run
	screen_open 80x24
	screen_keys :
	screen_type "tab"
	screen_keys Tab
	screen_shows ":table  tables  table"
	screen_type "s"
	screen_keys Enter
	screen_shows "NEWEST"
	screen_keys :
	screen_type "runs --output csv"
	screen_keys Enter
	screen_shows "first,backfill"
	screen_keys :
	screen_type "retry la" # as strata's own completion in a shell
	screen_keys Tab
	screen_shows ":retry latest"
	screen_type "dwd_o"
	screen_keys Tab
	screen_shows ":retry latest dwd_orders"
	screen_keys C-u
	screen_type "validate --str"
	screen_keys Tab
	screen_shows ":validate --strict"
	screen_type "zzz"
	screen_keys Tab
	screen_shows "nothing begins with that"
	screen_keys Escape :
	screen_type "theme purple"
	screen_keys Enter
	screen_shows "there is no theme 'purple'"
	screen_keys :
	screen_type "quit"
	screen_keys Enter
	screen_shows "ended 0"
}

@test "the database goes away and comes back: a banner, never an end" {
	server_start
	a_run
	screen_open 80x24 --db "'$STRATA_DB'"
	screen_keys 2
	screen_shows "first"
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -m immediate -w stop >/dev/null
	screen_shows "The database is away"
	screen_shows "first" # what was known stays
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -w -s -l "$SERVER/log" -o "-k $SERVER -c listen_addresses='' -c fsync=off" start
	screen_lacks "The database is away"
	strata -q run --run-id second --date 2024-01-05 --force
	screen_shows "second"
	server_stop
}

@test "Ctrl-C, Ctrl-Z and fg, SIGTERM: the terminal is sane afterwards" {
	a_run
	screen_open 80x24
	screen_keys C-z
	screen_shows "Stopped"
	terminal send-keys -l "echo shell-is-back; fg"
	terminal send-keys Enter
	screen_shows "Overview"
	screen_lacks "shell-is-back"
	screen_keys C-c
	screen_shows "ended"
	terminal send-keys -l "stty -a | grep -o ' echo ' ; echo 'after'"
	terminal send-keys Enter
	screen_shows "after"
	[[ $(screen) == *" echo "* ]]
}

@test "y copies what shows the thing that the cursor is on" {
	a_run
	screen_open 80x24
	screen_keys y
	screen_shows "copied: strata status"
	screen_keys 2 y
	screen_shows "copied: strata tasks first"
	screen_keys 3 y
	screen_shows "copied: strata history ods.ods_orders"
	screen_keys Enter y
	screen_shows "copied: strata history ods.ods_orders"
	screen_keys 2 a y
	screen_shows "copied: strata show first dws.dws_week@2024-01-0"
	screen_keys q d y
	screen_shows "copied: strata history ods.ods_orders"
}

@test "a partition that fails again and again is one failure, and one that is mended comes last" {
	local day
	project_file dags/dwd/dwd_orders.sql <<< "SELECT CAST('late' AS INTEGER) AS id, 1 AS amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	for day in 04 05 05; do
		run -1 strata -q run +dwd_orders --date 2024-01-$day
	done
	screen_open 160x24
	screen_shows "2 times; "
	[ "$(screen | grep -c '^failure .* failed ')" = 2 ]
	screen | grep -A1 "dwd_orders 2024-01-05 .* 2 times; " | grep "dwd_orders 2024-01-04 .* failed"
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	strata -q run +dwd_orders --date 2024-01-05
	screen_shows "mended"
	screen | grep -A1 "dwd_orders 2024-01-04 .* failed " | grep "dwd_orders 2024-01-05 .* mended .* 2 times; "
}

@test "an edited project is read again, and one that is broken is shown as it was" {
	a_run
	screen_open 120x30
	screen_keys 3
	screen_shows "dws_week"
	project_file dags/dws/dws_new.sql <<< "SELECT 1 AS one"
	screen_shows "dws.dws_new"
	project_file dags/ads/ads_new.sql <<< "SELECT 1 AS one" # in a folder that was not there
	screen_shows "ads.ads_new"
	project_file tables.yaml <<< "tables: {dws_new: {ownr: somebody}}"
	screen_shows "the project is broken: tables.yaml:1:"
	screen_shows "dws.dws_new"
	project_file tables.yaml <<< "tables: {dws_new: {owner: somebody}}"
	screen_shows "the project is whole again"
	screen_shows "somebody"
	rm dags/dws/dws_new.sql tables.yaml
	screen_lacks "dws.dws_new"
	screen_keys 2 m
	screen_shows "dws_week"
	project_file dags/dwd/dwd_bad.sql <<< "SELEC 1" # what only the worker finds
	screen_shows "the project is broken: dags/dwd/dwd_bad.sql:1:1"
	screen_shows "dws_week"
	screen_close
	screen_open 120x30 # opened while it is broken
	screen_keys 2 d
	screen_shows "the project is broken: dags/dwd/dwd_bad.sql:1:1"
	screen_shows "dws_week"
	screen_lacks "critical path"
	rm dags/dwd/dwd_bad.sql
	screen_shows "critical path"
	screen_shows "the project is whole again"
}

@test "a crash leaves the terminal sane, too, and is one still" {
	local signal
	a_run
	for signal in SEGV ABRT; do
		screen_open 80x24
		kill -"$signal" "$(pgrep -P "$(terminal list-panes -F '#{pane_pid}')")"
		screen_shows "ended $((128 + $(kill -l "$signal")))"
		screen_lacks "Overview"
		terminal send-keys -l "stty -a | grep -o ' echo ' ; echo 'after'"
		terminal send-keys Enter
		screen_shows "after"
		[[ $(screen) == *" echo "* ]]
		[ "$(terminal display-message -p '#{mouse_any_flag}#{cursor_flag}')" = 01 ]
		screen_close
	done
}

@test "off a terminal it says what to do" {
	run -2 strata top < /dev/null
	assert_output_has "must be a terminal"
}

@test "--plain into a pipe that nobody reads ends by SIGTERM" {
	local pid status=0
	a_run
	state "INSERT INTO strata.run (lake_id, run_id, kind, state, result, epoch, created_at) SELECT max(lake_id), 'r' || i, 'manual', 'done', 'failed', 1, now() FROM strata.lake, generate_series(1, 1900) i GROUP BY i"
	mkfifo unread
	exec 8<>unread
	"$STRATA" top runs --plain 3>&- > unread 8>&- &
	pid=$!
	wait_until sleeps_in_write "$pid"
	kill -TERM "$pid"
	wait "$pid" || status=$?
	[ "$status" = 143 ]
	exec 8>&-
}
sleeps_in_write() { # PID
	[[ $(cat "/proc/$1/wchan") == *pipe* || $(cut -d' ' -f1 "/proc/$1/syscall") == 1 ]]
}

@test "--plain prints lines, and one for each change" {
	a_run
	run -0 strata top --plain --once
	assert_output_has "scheduler none  down"
	assert_output_has "schedule  nightly  on"
	run -0 strata top runs --plain --once
	assert_output_has "S first  backfill  2024-01-01..01-05  15/15"
	run -2 strata top rnus --plain
	assert_output_has "did you mean 'runs'"
	run -2 strata top --once
	assert_output_has "goes with '--plain'"
	background plain top runs --plain
	wait_until has_line "$(out_of plain)" "S first"
	strata -q run --run-id second --date 2024-01-05 --force
	wait_until has_line "$(out_of plain)" "S second"
	[ "$(grep -c "S first" "$(out_of plain)")" = 1 ]
	kill -TERM "$(pid_of plain)"
	background_end plain
	assert_status 0
	[ -z "$(tr -d '[:print:][:space:]' < "$(out_of plain)" | grep -a $'\e')" ]
}
