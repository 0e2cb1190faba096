# strata top in odd terminals, and looking at what goes away or is very large.
load helper
load screen

setup() {
	screen_project
}
teardown() {
	screen_close
	schedulers_remove
}

in_terminal() { # OPTION…: of tests/helper/terminal.py
	run -0 env LC_ALL=C.UTF-8 python3 -B "$REPO/tests/helper/terminal.py" "$@" "$STRATA" -C "$PROJECT" top
}

@test "a terminal that only takes lines, or is not known, is refused with what to do" {
	strata -q db start
	in_terminal --term dumb
	assert_output_has "the terminal 'dumb' cannot be drawn on"
	assert_output_has "use '--plain'"
	assert_output_has "ended 2"
	in_terminal --term no-such-terminal
	assert_output_has "the terminal 'no-such-terminal' is not known here"
	assert_output_has "ended 2"
	in_terminal --term vt100 --send q
	assert_output_has "Overview"
	assert_output_has "ended 0"
	run -2 strata top <&-
	assert_output_has "must be a terminal"
}

@test "it ends when the terminal hangs up, and by SIGHUP" {
	strata -q db start
	in_terminal --hang-up
	assert_output_has "ended 0"
	in_terminal --signal SIGHUP
	assert_output_has "ended 0"
}

@test "SIGTERM ends it also where nobody reads the terminal, and it does not grow meanwhile" {
	strata -q db start
	in_terminal --unread --size 200x60 --storm 300 --signal SIGTERM
	[ "$(sed -n 's/^grown \([0-9]*\) MB/\1/p' <<< "$output")" -lt 8 ]
	assert_output_lacks "never stuck"
	assert_output_has "ended 143"
	in_terminal --unread --size 200x60 --hang-up
	assert_output_lacks "still up" # by SIGHUP, also before it is ready for that
}

@test "after a storm of resizes, also to nothing, the picture is as before" {
	local size panel
	a_run
	screen_open 80x24
	for panel in 1 2 3 '?' q 2 m d q t q a q; do
		screen_keys "$panel"
		for size in 300x100 40x15 1x1 2x60 300x2 120x5 3x3; do
			terminal resize-window -x "${size%x*}" -y "${size#*x}"
		done
	done
	terminal resize-window -x 80 -y 24
	screen_is 80x24-map
}

@test "each width from 40 to 300 columns draws within itself, with wide and combining characters" {
	local width
	project_file tables.yaml <<-'EOF'
		tables:
		  dws_week: {description: "注文の集計 e\u0301te\u0301 \u202E 👩‍👩‍👧 und Größen", owner: "数据\u0301"}
	EOF
	a_run
	screen_open 40x15
	screen_keys 3
	screen_shows "dws_week"
	for width in $(seq 40 13 300) 300; do
		terminal resize-window -x "$width" -y 15
		wait_until title_fills "$width"
		[[ $(screen) == *"dws.dws_week"* ]]
	done
	screen_shows "注文の集計"
}
title_fills() { # WIDTH: the time is at the right end of the first line
	[[ $(terminal capture-pane -p | head -1 | sed 's/…/./g' | LC_ALL=C wc -c) -eq $(($1)) ]]
}

@test "a run whose history goes away while it is shown" {
	a_run
	screen_open 80x24
	screen_keys 2 m
	screen_shows "dwd_orders"
	state "DELETE FROM strata.lineage; DELETE FROM strata.try; DELETE FROM strata.task; DELETE FROM strata.run; NOTIFY strata_changed_$(state "SELECT max(lake_id) FROM strata.lake")"
	screen_shows "first" # what was known stays, with what has become of it below
	screen_shows "no run"
	screen_keys t # what cannot be loaded says why, and is left like any other
	screen_shows "Time"
	screen_shows "no run"
	screen_lacks "loading"
	screen_keys j q
	screen_lacks "Time"
	screen_keys q
	screen_shows "nothing here"
	screen_keys q
	screen_shows "ended 0"
}

@test "two screens at once, beside a run in the foreground" {
	gated_table dags/dwd/dwd_gate.sh
	background slow run dwd_gate --run-id slow --date 2024-01-03
	wait_until test -e arrived-dwd.dwd_gate
	screen_open 100x24
	screen_shows "dwd.dwd_gate 2024-01-03"
	screen_shows "strata" # whose run it is
	screen_keys 2 m j
	screen_shows "running"
	terminal split-window -c "$PROJECT" "env LC_ALL=C.UTF-8 '$STRATA' top runs"
	screen_shows "R slow"
	touch gate-open
	screen_shows "S slow"
	screen_keys q
	terminal select-pane -t 0
	wait_until screen_has ": success"
	background_end slow
	assert_status 0
}

@test "of a log of a gigabyte the end is shown, and no more is read" {
	local log
	strata -q run --run-id first --date 2024-01-05
	log=$(find .strata/logs/first -path '*dws_week*2024-01-05*')
	truncate -s 1G "$log"
	for i in $(seq 2000); do echo "line $i of the end"; done >> "$log"
	screen_open 80x24
	screen_keys 2 a
	screen_shows "dws.dws_week"
	screen_keys /
	screen_type "dws_week"
	screen_lacks "ods_orders"
	screen_keys Enter L
	screen_shows "line 2000 of the end"
	screen_keys /
	screen_type "line 1500"
	screen_keys Enter
	screen_shows "line 1500 of the end"
	[ "$(ps -o rss= -p "$(pgrep -P "$(terminal list-panes -F '#{pane_pid}')")")" -lt 60000 ]
}
