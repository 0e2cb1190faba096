# What is done from strata top, each by its key, beside a real scheduler.
load helper
load screen

setup() {
	project_shop
	shop_days 1 5
	cat >> dags/dw_config.yaml <<-'EOF'
		schedules:
		  nightly: {cron: '30 6 * * *', timezone: UTC, select: [+dws]}
	EOF
}
teardown() {
	screen_close
	schedulers_remove
}

newest_run() {
	strata --output json runs | jq -r 'max_by(.created).run'
}
runs_are() { # N
	[ "$(strata --output json runs | jq length)" = "$1" ]
}
schedule_is() { # paused|on
	[ "$(state "SELECT paused FROM strata.schedule WHERE name = 'nightly'")" = "$1" ]
}
# What is asked, confirmed, and said then.
does() { # KEY COMMAND
	screen_keys "$1"
	screen_shows "$2"
	screen_keys y
	screen_lacks "y yes"
}

@test "retry of a task and of a run, clear of both" {
	project_file dags/dwd/dwd_orders.sql <<< "SELECT CAST('late' AS INTEGER) AS id, 1 AS amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	scheduler_up one
	run -1 strata -q run --run-id broken --start 2024-01-01 --end 2024-01-02
	screen_open 120x24
	screen_shows "failure"
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	wait_until has_line "$(err_of one)" "project.read"
	screen_keys 2
	screen_shows "broken"
	screen_keys a j
	screen_shows "dwd.dwd_orders"
	screen_keys k k
	screen_keys r
	screen_shows "Retry this task?"
	screen_shows "strata retry broken dwd.dwd_orders@2024-01-0"
	screen_keys y
	wait_until runs_are 2
	wait_until run_is "$(newest_run)" "done success"
	screen_keys q
	does r "strata retry broken"
	wait_until runs_are 3
	wait_until run_is "$(newest_run)" "done success"
	screen_keys g
	screen_keys G
	screen_keys a
	screen_shows "2024-01-02"
	screen_keys g
	screen_keys C
	screen_shows "strata clear broken dwd.dwd_orders --partition 2024-01-0"
	screen_keys y
	screen_lacks "y yes"
	wait_until runs_are 4
	wait_until run_is "$(newest_run)" "done success"
	screen_keys q
	screen_shows "LEFT"
	does C "strata clear broken"
	wait_until runs_are 5
}

@test "p pauses a run and a schedule, and lets what is paused go on" {
	gated_table dags/dwd/dwd_gate.sh
	scheduler_up one
	strata -q backfill dwd_gate --run-id slow --start 2024-01-01 --end 2024-01-03 --detach
	wait_until test -e arrived-dwd.dwd_gate
	screen_open 100x24
	screen_shows "dwd.dwd_gate 2024-01-01"
	screen_keys 2
	screen_shows "slow"
	does p "strata pause slow"
	screen_shows "p slow"
	does p "strata unpause slow"
	screen_shows "R slow"
	screen_keys m j j
	screen_shows "running"
	does p "strata pause slow"
	screen_shows "R R p"
	screen_keys p
	screen_shows "strata unpause slow" # the panel about it knows, too
	screen_keys n L
	does p "strata unpause slow"
	screen_shows "is going on"
	touch gate-open
	wait_until run_is slow "done success"
	screen_keys 1 /
	screen_type "nightly"
	screen_keys Enter
	screen_shows "/nightly"
	does p "strata pause nightly"
	wait_until schedule_is t
	screen_shows "paused"
	does p "strata unpause nightly"
	wait_until schedule_is f
}

@test "trigger of a schedule and of a table, a backfill, an action that is refused" {
	scheduler_up one
	screen_open 100x24
	screen_shows "nightly"
	screen_keys /
	screen_type "nightly"
	screen_keys Enter
	does R "strata trigger nightly"
	wait_until runs_are 1
	wait_until run_is "$(newest_run)" "done success"
	screen_keys 3
	screen_shows "ods_orders"
	screen_keys j
	does R "strata trigger dwd.dwd_orders"
	wait_until runs_are 2
	screen_keys B
	screen_shows "first date"
	screen_type "2024-01-02"
	screen_keys Tab
	screen_type "2024-01-03"
	screen_keys Tab
	screen_type "2"
	screen_shows "strata backfill --detach dwd.dwd_orders --start 2024-01-02 --end"
	screen_shows "max-active 2"
	screen_keys Enter
	wait_until runs_are 3
	[ "$(state "SELECT first_day || ' ' || last_day FROM strata.run ORDER BY created_at DESC LIMIT 1" 2>&1)" != "" ]
	screen_keys B
	screen_shows "first date"
	screen_type "yesterday"
	screen_keys Tab Tab Enter
	screen_shows "yesterday" # what it says is shown
	screen_shows "YYYY-MM-DD"
}

@test "a log in the pager, explain, and what is copied" {
	strata -q run --run-id first --date 2024-01-05
	printf '%s\n' '#!/bin/sh' 'cat > pager-got' 'echo this-is-the-pager; read -r line < /dev/tty' > pager
	chmod +x pager
	SCREEN_ENV="PAGER=./pager" screen_open 100x24
	terminal set-option -g set-clipboard on
	screen_keys 2
	screen_shows "first"
	screen_keys y
	screen_shows "copied: strata tasks first"
	wait_until copied "strata tasks first"
	screen_keys a
	screen_shows "PARTITION"
	screen_keys y
	wait_until copied "strata show first dws.dws_week@2024-01-05"
	screen_keys P
	screen_shows "this-is-the-pager"
	screen_lacks "PARTITION"
	screen_keys Enter
	screen_shows "PARTITION"
	[ -s pager-got ]
	screen_keys r
	screen_shows "strata retry first"
	screen_keys c
	wait_until copied "strata retry first dws.dws_week@2024-01-05"
	screen_keys n
	screen_keys e
	screen_shows "dws.dws_week 2024-01-05"
	screen_shows "success"
}
copied() { # TEXT
	[ "$(terminal show-buffer 2>/dev/null)" = "$1" ]
}
