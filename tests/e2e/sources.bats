# Sources that come late, `missing: wait`: whoever waits for one is told so, and goes on when it is there.
load helper

# The shop, whose orders are waited for.
setup() {
	project_shop
	sed -i "s|ods_orders: {|ods_orders: {missing: wait, settle: 100ms, |" dags/dw_config.yaml
	shop_raw 2024-01-01 1=1 # so that there is a path
}
teardown() {
	schedulers_remove
}

day="--date 2024-01-05"

waits() { # RUN [TEXT]: one of its tasks waits for its source, on record
	strata --output json tasks "$1" 2>/dev/null | jq -e --arg text "${2:-}" \
		'any(.[]; .state == "waiting" and .wait == "source" and (.reason | contains($text)))' >/dev/null
}
rows_of() { # DATE
	query "SELECT count(*) FROM read_parquet('dwd/dwd_orders/dt=$1/*.parquet')"
}

@test "a run in the foreground says once what it waits for, and goes on when the file comes" {
	background late run +dwd_orders --start 2024-01-04 --end 2024-01-05
	wait_until has_line "$(err_of late)" "raw/orders/dt=2024-01-04 has no files yet"
	shop_raw 2024-01-04 1=1 2=2
	shop_raw 2024-01-05 1=1
	background_end late
	assert_status 0
	[ "$(grep -c 'no files yet' "$(err_of late)")" = 1 ]
	[ "$(rows_of 2024-01-04)" = 2 ]
	[ "$(rows_of 2024-01-05)" = 1 ]
}

@test "what is waited for shows in tasks, in explain, and in the plan; the file that explain names lets it run" {
	run -0 strata plan +dwd_orders $day
	assert_output_has "source awaited: raw/orders/dt=2024-01-05 has no files yet"
	scheduler_up one
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-05 --run-id late --detach
	wait_until waits late "raw/orders/dt=2024-01-05"
	run -0 strata tasks late
	assert_output_has "source awaited: raw/orders/dt=2024-01-05 has no files yet"
	run -0 strata explain late "dwd_orders 2024-01-05"
	assert_output_has "waits for ods.ods_orders 2024-01-05"
	assert_output_has "source raw/orders/dt=2024-01-05 has no files yet; awaited for"
	wait_until explains "watching raw/orders; put its files there ('strata retry late ods_orders@2024-01-05' looks at once)"
	run -0 strata show late
	assert_output_has "1 waiting for a source"
	assert_output_has "ods.ods_orders 2024-01-05: source awaited: raw/orders/dt=2024-01-05 has no files yet"
	shop_raw 2024-01-05 1=1
	wait_until run_is late "done success"
	[ "$(rows_of 2024-01-05)" = 1 ]
	scheduler_down one
}

@test "a schedule's run waits for its source; a folder that is moved there whole is read" {
	local yesterday today
	yesterday=$(date -ud -1day +%F)
	today=$(date -ud -0day +%Y%m%d)
	cat >> dags/dw_config.yaml <<-EOF
		schedules:
		  nightly: {cron: '@daily', timezone: UTC, select: [+dwd_orders], catchup: latest, start_date: $yesterday}
	EOF
	scheduler_up one
	wait_until waits "nightly-${today}T000000Z"
	mkdir -p arriving
	printf 'id,amount\n1,1\n2,2\n' > arriving/orders.csv
	mv arriving "raw/orders/dt=$yesterday"
	wait_until run_is "nightly-${today}T000000Z" "done success"
	[ "$(rows_of "$yesterday")" = 2 ]
	scheduler_down one
}

@test "a scheduler is killed while a run waits, the file comes, and the next one builds it" {
	scheduler_up one
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-05 --run-id late --detach
	wait_until waits late
	kill -KILL "$(pid_of one)"
	background_end one || true
	shop_raw 2024-01-05 1=1
	scheduler_up two
	wait_until run_is late "done success"
	[ "$(rows_of 2024-01-05)" = 1 ]
	[ "$(strata --output json tasks late | jq '[.[].tries] | max')" = 1 ]
	scheduler_down two
}

@test "killed while it waits, the next scheduler waits on, and builds when the file comes then" {
	scheduler_up one
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-05 --run-id late --detach
	wait_until waits late
	kill -KILL "$(pid_of one)"
	background_end one || true
	scheduler_up two
	wait_until has_line "$(err_of two)" "task.waits"
	run_is late "planned "
	scheduler_down two # what waits keeps it from no clean end
	scheduler_up three
	wait_until has_line "$(err_of three)" "task.waits"
	shop_raw 2024-01-05 1=1
	wait_until run_is late "done success"
	scheduler_down three
}

@test "a path that is not there yet is waited for, also when it goes and comes back" {
	mv raw elsewhere
	scheduler_up one
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-06 --run-id late --detach
	wait_until waits late "raw/orders does not exist yet"
	run -0 strata explain late "ods_orders 2024-01-05"
	assert_output_has "watching the lake's folder"
	mkdir -p raw/orders
	wait_until explains "watching raw/orders"
	rmdir raw/orders raw
	wait_until explains "watching the lake's folder"
	shop_raw 2024-01-05 1=1
	wait_until published_day 2024-01-05
	run_is late "running "
	shop_raw 2024-01-06 1=1
	wait_until run_is late "done success"
	scheduler_down one
}
explains() {
	strata explain late "ods_orders 2024-01-05" | grep -qF -- "$1"
}
published_day() {
	[ -e "ods/ods_orders/dt=$1/_SUCCESS" ]
}

@test "a date is read when its files have settled, not at the first byte" {
	sed -i 's/settle: 100ms/settle: 60m/' dags/dw_config.yaml
	shop_raw 2024-01-05 1=1
	scheduler_up one
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-05 --run-id late --detach
	wait_until waits late "has 1 file, of which one has just changed"
	wait_until explains "has 1 file, of which one has just changed"
	mkdir raw/orders/dt=2024-01-06 # it is looked at again, and waits still
	wait_until explains "has 1 file, of which one has just changed"
	[ ! -e ods ]
	run -0 strata cancel late
	wait_until run_is late "done canceled"
	scheduler_down one
}

@test "with wait_for the named file says that a date is whole, or that it is empty" {
	sed -i 's/settle: 100ms/settle: 0s, wait_for: _DONE/' dags/dw_config.yaml
	shop_raw 2024-01-05 1=1
	mkdir raw/orders/dt=2024-01-06
	scheduler_up one
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-06 --run-id late --detach
	wait_until waits late "raw/orders/dt=2024-01-05 has 1 file and no _DONE yet"
	wait_until waits late "raw/orders/dt=2024-01-06 has 0 files and no _DONE yet"
	touch raw/orders/dt=2024-01-05/_DONE
	wait_until published_day 2024-01-05
	touch raw/orders/dt=2024-01-06/_DONE
	wait_until run_is late "done success"
	[ "$(strata --output json tasks late | jq -r '.[] | select(.table == "ods.ods_orders" and .partition == "2024-01-06") | .result')" = empty ]
	scheduler_down one
}

@test "a source without dates, a pattern, is waited for too" {
	sed -i 's|path: raw/orders|partitioned: false, path: raw/all/*.csv|' dags/dw_config.yaml
	background late run +dwd_orders $day
	wait_until has_line "$(err_of late)" "does not exist yet"
	mkdir raw/all
	printf 'id,amount\n1,1\n' > raw/all/orders.csv
	background_end late
	assert_status 0
	[ "$(rows_of 2024-01-05)" = 1 ]
}

@test "Ctrl-C while a run in the foreground waits cancels it cleanly" {
	background late run +dwd_orders $day
	wait_until has_line "$(err_of late)" "no files yet"
	kill -INT "$(pid_of late)"
	background_end late
	assert_status 130
	assert_output_has "canceled"
}

@test "what waits for its source keeps neither workers nor the partition from others" {
	sed -i 's/settle: 100ms/settle: 2s/' dags/dw_config.yaml # so that it can be fresh for the second run
	scheduler_up one --jobs 1
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-05 --run-id late --detach
	wait_until waits late
	run -0 strata run +dwd_orders --date 2024-01-01 # the same tables
	assert_output_has "  2 success"
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-05 --run-id later --detach
	wait_until waits later
	shop_raw 2024-01-05 1=1
	wait_until run_is late "done success"
	wait_until run_is later "done success"
	[ "$(manifest ods/ods_orders/dt=2024-01-05 .version)" = 1 ]
	scheduler_down one
}

@test "who follows a run of the scheduler is told what it waits for" {
	scheduler_up one
	background late run +dwd_orders --start 2024-01-04 --end 2024-01-05
	wait_until has_line "$(err_of late)" "raw/orders/dt=2024-01-04 has no files yet"
	shop_raw 2024-01-04 1=1
	shop_raw 2024-01-05 1=1
	background_end late
	assert_status 0
	assert_equal "$(grep -c "has no files yet" <<< "$output")" 1 # once a source
	scheduler_down one
}

@test "where the kernel has no more watches, that is said, and retry looks at once" {
	export STRATA_FAULT=source.watch:1:error
	scheduler_up one
	unset STRATA_FAULT
	run -0 strata backfill +dwd_orders --start 2024-01-05 --end 2024-01-05 --run-id late --detach
	wait_until has_line "$(err_of one)" "source.not_watched"
	has_line "$(err_of one)" "raise fs.inotify.max_user_watches"
	wait_until explains "looked at every minute, as it cannot be watched"
	shop_raw 2024-01-05 1=1
	run -0 strata retry late "ods_orders 2024-01-05"
	wait_until run_is late "done success"
	scheduler_down one
}

@test "missing: fail and missing: empty are as before" {
	sed -i 's/missing: wait, settle: 100ms/missing: fail/' dags/dw_config.yaml
	run -1 strata run +dwd_orders $day
	assert_output_has "source 'raw/orders' has no files for 2024-01-05"
	sed -i 's/missing: fail/missing: empty/' dags/dw_config.yaml
	run -0 strata run +dwd_orders $day
	assert_output_has "no rows"
	sed -i 's/missing: empty/settle: 1s/' dags/dw_config.yaml
	run -2 strata validate
	assert_output_has "'settle' of source 'ods_orders' is for 'missing: wait'"
}
