#!/usr/bin/env bats
# What somebody does wrong in the first hour: the message says where, what, and what to do.

load helper

setup() {
	project_shop
}

teardown() {
	project_remove
}

@test "a SQL file that is no text is named with its line" {
	printf 'SELECT id,\n1\0 AS a FROM ods.ods_orders' > dags/dwd/dwd_orders.sql
	run -2 strata validate
	assert_output_has "dags/dwd/dwd_orders.sql:2:1: error: not UTF-8 text"
	assert_output_lacks "defect"
	printf "SELECT id,\n'\351t\351' AS a FROM ods.ods_orders" > dags/dwd/dwd_orders.sql
	run -2 strata validate
	assert_output_has "dags/dwd/dwd_orders.sql:2:1: error: not UTF-8 text"
}

@test "a zone that does not exist is one problem among all" {
	cat >> dags/dw_config.yaml <<< 'defaults: {timezone: Mars/Olympus, retries: -1}'
	run -2 strata validate
	assert_output_has "dags/dw_config.yaml:4:22: error: unknown time zone 'Mars/Olympus'"
	assert_output_has "'retries' must be"
	run -2 strata validate --timezone Mars/Olympus
	assert_output_has "strata: unknown time zone"
}

@test "a lake of two slashes is refused and nothing is made" {
	run -2 strata --lake file://srv/lake plan
	assert_output_has "write 'file:///srv/lake'"
	[ ! -e srv ]
}

@test "a table that builds on itself is told to declare its columns" {
	project_file dags/dws/dws_sum.sql <<-'EOF'
		SELECT coalesce((SELECT sum(n) FROM dws.dws_sum WHERE dt = '${PARTITION_DATE-1}'), 0)::BIGINT + sum(amount)::BIGINT AS n
		FROM dwd.dwd_orders WHERE dt = '${PARTITION_DATE}'
	EOF
	run -0 strata validate
	assert_output_has "dags/dws/dws_sum.sql:1:37: warning: 'dws.dws_sum' reads itself"
	shop_days 1 2
	run -0 strata run +dws_sum --start 2024-01-01 --end 2024-01-02
	assert_output_has "no input: dws.dws_sum itself; declare its columns in tables.yaml"
	run -0 strata explain latest dws_sum@2024-01-01
	assert_output_has "no input: dws.dws_sum itself; declare its columns in tables.yaml"
	project_file tables.yaml <<< 'tables: {dws_sum: {columns: {n: BIGINT}}}'
	run -0 strata validate --strict
	strata run +dws_sum --start 2024-01-01 --end 2024-01-02
	assert_equal "$(strata --output csv sql 'SELECT n FROM dws.dws_sum ORDER BY dt' | tail -n +2)" $'101\n203'
}

@test "a running total whose yesterday is not there fails, and does not begin anew" {
	project_file dags/dws/dws_sum.sql <<-'EOF'
		SELECT coalesce((SELECT sum(n) FROM dws.dws_sum WHERE dt = '${PARTITION_DATE-1}'), 0)::BIGINT + sum(amount)::BIGINT AS n
		FROM dwd.dwd_orders WHERE dt = '${PARTITION_DATE}'
	EOF
	project_file tables.yaml <<< 'tables: {dws_sum: {columns: {n: BIGINT}}}'
	shop_days 1 5
	strata run +dws_sum --start 2024-01-01 --end 2024-01-02
	run -1 strata run +dws_sum --start 2024-01-04 --end 2024-01-05
	assert_output_has "dws.dws_sum 2024-01-03 was never built, but dates before it were, and it goes on from them; 'strata backfill +dws_sum --start 2024-01-03' first"
	[ ! -e dws/dws_sum/dt=2024-01-04 ] && [ ! -e dws/dws_sum/dt=2024-01-05 ]
	[ -e dwd/dwd_orders/dt=2024-01-05 ]
	run -0 strata backfill +dws_sum --start 2024-01-03 --end 2024-01-05
	assert_equal "$(strata --output csv sql 'SELECT n FROM dws.dws_sum ORDER BY dt' | tail -n +2)" $'101\n203\n306\n410\n515'
	strata clear --data dws_sum --partition 2024-01-03 --yes
	run -1 strata run dws_sum --date 2024-01-04 --force
	assert_equal "$(strata --output csv sql "SELECT n FROM dws.dws_sum WHERE dt = '2024-01-04'" | tail -1)" 410
}

@test "sql and lineage know which tables there are" {
	shop_days 1 1
	strata run +dwd_orders --date 2024-01-01
	run -1 strata sql 'FROM dwd.dwd_order'
	assert_output_has "there is no table 'dwd.dwd_order' (did you mean 'dwd.dwd_orders'?)"
	run -1 strata sql 'FROM dwd_orders'
	assert_output_has "write 'dwd.dwd_orders'"
	run -1 strata sql 'FROM dws.dws_week'
	assert_output_has "table 'dws.dws_week' was never built; strata run +dws_week"
	run -1 strata sql "FROM dws.dws_week_dt('2024-01-01')"
	assert_output_has "was never built"
	run -1 strata sql "FROM dwd_orders_dt('2024-01-01')"
	assert_output_has "write 'dwd.dwd_orders_dt'"
	run -1 strata sql "FROM dwd.dwd_order_dt('2024-01-01')"
	assert_output_has "there is no table 'dwd_order' (did you mean 'dwd_orders'?)"
	run -1 strata sql 'FROM "dwd.dwd_orders"'
	assert_output_has "write dwd.dwd_orders without them"
	run -1 strata sql 'FROM nowhere.nothing'
	assert_output_has "there is no table 'nowhere.nothing'; 'strata list' shows them"
	run -1 strata sql 'FROM no_such_function(1)'
	assert_output_has "no_such_function does not exist"
	run -2 strata lineage dwd_order
	assert_output_has "did you mean 'dwd_orders'?"
	run -0 strata lineage dws_week
}

@test "a log's path can be opened from where the command was typed" {
	project_file dags/dwd/dwd_orders.sql <<< "SELECT error('boom') AS id, 1 AS amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	shop_days 1 1
	cd /
	run -1 strata run +dwd_orders --date 2024-01-01
	log=$(sed -n 's/^ *log: //p' <<< "$output")
	[ -f "$log" ]
	cd "$PROJECT"
	run -1 strata run +dwd_orders --date 2024-01-01
	assert_output_has "log: .strata/logs/"
}

@test "an absent source path: where it was looked for, and what to do" {
	run -1 strata run ods_orders --date 2024-01-01
	assert_output_has "source path 'raw/orders' does not exist below the lake $PROJECT; put the files there, or correct \`sources\` in dags/dw_config.yaml"
	run strata plan ods_orders --date 2024-01-01
	assert_output_has "does not exist below the lake $PROJECT;"
}

@test "the run's head fits 100 columns, also of a range" {
	shop_days 1 3
	run -0 strata --timezone America/New_York run --start 2024-01-01 --end 2024-01-03
	head=$(grep ' to run, ' <<< "$output")
	assert_equal "${head:0:4}${head#run *, }" "run 2024-01-01 to 2024-01-03 (America/New_York): 9 to run, 0 fresh"
	[ ${#head} -le 100 ]
}

@test "what is declared of columns is compared before anything runs" {
	shop_days 1 1
	project_file tables.yaml <<-'EOF'
		tables:
		  ods_orders:
		    columns: {id: int8, amount: VARCHRA}
		  dwd_orders:
		    primary_keys: [id, zzz, dt]
		    timestamp_col: amuont
		    columns:
		      id: {type: VARCHAR, description: who}
		      amount: long
		      nope: INTEGER
	EOF
	run -2 strata validate
	assert_output_has "tables.yaml:3:33: error: unknown type 'VARCHRA' of column 'amount' of table 'ods_orders' (did you mean 'VARCHAR'?)"
	assert_output_has "tables.yaml:5:24: error: 'primary_keys' of table 'dwd_orders' names 'zzz'"
	assert_output_has "tables.yaml:6:20: error: 'timestamp_col' of table 'dwd_orders' names 'amuont', which dags/dwd/dwd_orders.sql does not yield (did you mean 'amount'?)"
	assert_output_has "tables.yaml:8:18: error: column 'id' of table 'dwd_orders' is BIGINT, declared VARCHAR"
	assert_output_has "tables.yaml:10:7: error: 'columns' of table 'dwd_orders' names 'nope'"
	assert_output_has ": 5 errors"
	run -2 strata run --date 2024-01-01
	assert_output_has "5 errors; nothing was started"
	[ ! -e ods ]
	sed -i 's/VARCHRA/int64/; s/, zzz//; s/amuont/amount/; /nope/d; s/type: VARCHAR/type: bigint/' tables.yaml
	run -0 strata validate --strict
	run -0 strata run --date 2024-01-01
}

@test "a declared type that RAW alone decides is a warning, since another day may have it" {
	shop_days 1 1
	sed -i 's/, options.*/}/' dags/dw_config.yaml
	project_file tables.yaml <<< 'tables: {dwd_orders: {columns: {amount: VARCHAR}}}'
	run -0 strata validate
	assert_output_has "tables.yaml:1:41: warning: column 'amount' of table 'dwd_orders' is BIGINT by the newest file of RAW, declared VARCHAR"
	run -1 strata run --date 2024-01-01
	assert_output_has "check columns failed: 'amount' is BIGINT, declared VARCHAR"
}

@test "a broken newest file of RAW fails what reads it, and keeps no other table or date from being built" {
	shop_days 1 2
	sed -i 's/, options.*/}/' dags/dw_config.yaml
	project_file dags/ods/ods_other.sql <<< "SELECT 1 AS one"
	mkdir -p raw/orders/dt=2024-01-03
	printf 'id\n3\n' > raw/orders/dt=2024-01-03/orders.csv
	run -2 strata validate
	assert_output_has "dags/dwd/dwd_orders.sql:1:12: error: Referenced column \"amount\" not found"
	assert_output_has "; by 'raw/orders/dt=2024-01-03/orders.csv', the newest file of RAW"
	run -1 strata run --start 2024-01-01 --end 2024-01-03
	assert_output_has "dags/dwd/dwd_orders.sql:1:12: warning: Referenced column"
	assert_output_has "failed: dwd.dwd_orders 2024-01-03"
	[ -e ods/ods_other/_SUCCESS ]
	[ -e dws/dws_week/dt=2024-01-02/_SUCCESS ]
	[ ! -e dws/dws_week/dt=2024-01-03 ]
	# What the SQL itself names is no matter of RAW: nothing is started.
	rm -r raw/orders/dt=2024-01-03
	sed -i 's/sum(amount)/sum(amuont)/' dags/dws/dws_week.sql
	run -2 strata run --start 2024-01-01 --end 2024-01-02
	assert_output_has "dags/dws/dws_week.sql:1:32: error: Referenced column \"amuont\" not found"
	assert_output_lacks "newest file of RAW"
}

@test "a schedule that could never do what it says is told where" {
	cat >> dags/dw_config.yaml <<-'EOF'
		schedules:
		  a: {cron: '61 * * * *', select: dwdd, timezone: Mars/X}
		  b: {cron: '@dayly'}
		  c: {cron: '0 6 * * mon-fri', timezone: America, select: +dws dwd_ordrs}
		  d:
		    cron: '@daily'
		    timezone: Europe/Viena
		    select:
		      - tag:daily
		      - dwd_orders,dqs
		  e: {cron: 0 0 30 feb *}
		  f: {cron: '@daily', timezone: Europe/Vienna, select: tag:none}
	EOF
	run -2 strata validate
	assert_output_has "dags/dw_config.yaml:5:13: error: 'cron' of schedule 'a', '61 * * * *': minute '61' is not within 0-59"
	assert_output_has "dags/dw_config.yaml:5:35: error: 'select' of schedule 'a': unknown table or layer 'dwdd'"
	assert_output_has "dags/dw_config.yaml:5:51: error: unknown time zone 'Mars/X'"
	assert_output_has "dags/dw_config.yaml:6:13: error: 'cron' of schedule 'b', '@dayly': unknown name '@dayly' (did you mean '@daily'?)"
	assert_output_has "dags/dw_config.yaml:7:42: error: unknown time zone 'America'"
	assert_output_has "dags/dw_config.yaml:7:59: error: 'select' of schedule 'c': unknown table or layer 'dwd_ordrs' (did you mean 'dwd_orders'?)"
	assert_output_has "dags/dw_config.yaml:10:15: error: unknown time zone 'Europe/Viena'"
	assert_output_has "dags/dw_config.yaml:13:9: error: 'select' of schedule 'd': unknown table or layer 'dqs' (did you mean 'dws'?)"
	assert_output_has "dags/dw_config.yaml:14:13: error: 'cron' of schedule 'e', '0 0 30 feb *': none of its months has a day 30: it would never come"
	assert_output_has "dags/dw_config.yaml:15:56: warning: 'select' of schedule 'f' is empty"
	assert_output_has "9 errors and 1 warning"
}

@test "explain of a table that nothing has is no task that is well done" {
	shop_days 1 1
	strata run --date 2024-01-01
	run -2 strata explain latest dwd_order
	assert_output_has "there is no table 'dwd_order' (did you mean 'dwd_orders'?)"
	run -2 strata explain latest nothing_like_it
	assert_output_has "there is no table 'nothing_like_it'"
	run -0 strata explain latest dwd_orders
}

@test "progress is one line of the terminal, also of a narrow one" {
	shop_days 1 2
	cat > on-terminal <<-EOF
		stty cols 40
		"$STRATA" -C "$PROJECT" run --start 2024-01-01 --end 2024-01-02 > /dev/null
	EOF
	script -qec "sh on-terminal" /dev/null < /dev/null > drawn 3>&-
	grep -oP '\r\[[^\r\e]*(?=\e\[K)' drawn | tr -d '\r' > bars
	grep -qF '[........] 0/6' bars
	[ "$(wc -L < bars)" -lt 40 ]
}
