# clear --data: the one way in which published history goes. It asks, forgets in lake and state, and can be gone on with.
load helper

setup() {
	project_shop
	shop_days 1 4
}

teardown() { project_remove; }

# A statement in the private database.
state() {
	psql -qAt "$(strata -q db start)" -c "$1" 3>&-
}

@test "a changed layout is refused until the table is cleared, which names what goes and keeps who did it" {
	strata -q run ods dwd --start 2024-01-01 --end 2024-01-04 > /dev/null
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount FROM ods.ods_orders"
	run strata run dwd_orders --date 2024-01-04
	assert_status 1
	assert_output_has 'strata clear --data dwd.dwd_orders'

	before=$(lake_listing)
	run strata clear --data dwd_orders < /dev/null
	assert_status 2
	assert_output_has "this would remove from 'dwd.dwd_orders' for good: 4 partitions, 8 rows, "
	assert_output_has 'say --yes'
	[ "$(lake_listing)" = "$before" ]

	run strata clear --data dwd.dwd_orders --yes
	assert_status 0
	assert_output_has "removed from 'dwd.dwd_orders': 4 partitions, 8 rows, "
	[ ! -e dwd/dwd_orders ]
	[ "$(ls .strata/staging)" = "" ]
	[ -e ods/ods_orders/dt=2024-01-04/manifest.json ]
	assert_equal "$(state "SELECT action, object, detail->>'published', actor <> '' FROM strata.audit")" 'clear|dwd.dwd_orders|4|t'
	assert_equal "$(plan_says dwd_orders --date 2024-01-04)" 'dwd.dwd_orders  build new'
	strata -q run dwd_orders --date 2024-01-04 > /dev/null
	[ "$(manifest dwd/dwd_orders .row_count)" = 8 ]

	run strata clear --data dwd_orders --yes
	assert_status 0
	assert_output_has ': 1 partition, 8 rows'
	run strata clear --data dwd_orders
	assert_status 0
	assert_output_has "of 'dwd.dwd_orders' there is nothing to remove"
}

@test "a date, a range; versions go on; readers are built again" {
	raw_settle
	strata -q run --start 2024-01-01 --end 2024-01-04 > /dev/null
	strata -q clear --data dwd_orders --partition 2024-01-02 --yes
	strata -q clear --data dwd_orders --start 20240103 --end 2024-01-31 -y
	assert_equal "$(ls dwd/dwd_orders)" dt=2024-01-01
	assert_equal "$(state "SELECT partition FROM strata.partition WHERE table_name = 'dwd.dwd_orders'")" 2024-01-01
	assert_equal "$(plan_says dwd_orders --start 2024-01-01 --end 2024-01-04)" "dwd.dwd_orders 2024-01-02 build new
dwd.dwd_orders 2024-01-03 build new
dwd.dwd_orders 2024-01-04 build new"
	strata -q run --start 2024-01-01 --end 2024-01-04 > /dev/null
	[ "$(manifest dwd/dwd_orders/dt=2024-01-01 .version)" = 1 ]
	[ "$(manifest dwd/dwd_orders/dt=2024-01-02 .version)" = 2 ]
	[ "$(manifest dws/dws_week/dt=2024-01-04 .version)" = 2 ]
	[ -z "$(plan_says --start 2024-01-01 --end 2024-01-04)" ]
}

@test "dying at each point: the same command again completes" {
	for point in clear.move:2 clear.remove:1 clear.forget:1; do
		strata -q run ods dwd --start 2024-01-01 --end 2024-01-04 > /dev/null
		STRATA_FAULT=$point:kill run strata clear --data dwd_orders --yes
		[ "$status" != 0 ]
		run strata clear --data dwd_orders --yes
		assert_status 0
		[ ! -e dwd/dwd_orders ]
		[ "$(state "SELECT count(*) FROM strata.partition WHERE table_name = 'dwd.dwd_orders'")" = 0 ]
		[ "$(plan_says dwd_orders --date 2024-01-04)" = 'dwd.dwd_orders 2024-01-04 build new' ]
	done
	# What it had moved away is garbage.
	strata -q gc > /dev/null
	[ -z "$(ls .strata/staging)" ]
}

@test "after a death in between a run builds what is gone" {
	strata -q run --start 2024-01-01 --end 2024-01-04 > /dev/null
	STRATA_FAULT=clear.forget:1:kill run strata clear --data dwd_orders --yes
	[ ! -e dwd/dwd_orders ]
	run strata run --start 2024-01-01 --end 2024-01-04
	assert_status 0
	assert_equal "$(ls dwd/dwd_orders | wc -l)" 4
	[ "$(manifest dwd/dwd_orders/dt=2024-01-02 .version)" = 2 ]
}

@test "a table that has left the project can be cleared by its name" {
	strata -q run ods dwd --date 2024-01-04 > /dev/null
	rm -r dags/dws dags/dwd
	project_file dags/dw_config.yaml <<-'EOF'
		sources:
		  ods_orders: {path: raw/orders, options: {columns: {id: BIGINT, amount: BIGINT}}}
	EOF
	run strata clear --data dwd.dwd_orders --yes
	assert_status 0
	[ ! -e dwd/dwd_orders ]
	run strata clear --data dwd.dwd_orders --yes
	assert_status 2
}

@test "what is wrong with the words" {
	run strata clear
	assert_status 2
	assert_output_has 'strata clear --data TABLE'
	run strata clear --data dwd_order
	assert_status 2
	assert_output_has "did you mean 'dwd_orders'?"
	run strata clear --data dwd_orders --start 2024-01-01
	assert_status 2
	assert_output_has "needs both '--start' and '--end'"
	run strata clear --data dwd_orders --partition yesterday
	assert_status 2
}

@test "beside a run it removes nothing and exits with 5" {
	strata -q run ods dwd --date 2024-01-04 > /dev/null
	mkfifo "$BATS_TEST_TMPDIR/started" "$BATS_TEST_TMPDIR/go"
	project_file dags/ads/ads_slow.sh <<-END
		#!/bin/sh
		echo started > "$BATS_TEST_TMPDIR/started"
		read -r _ < "$BATS_TEST_TMPDIR/go"
		echo 'id' > "\$STRATA_OUTPUT_DIR/a.csv"
		echo '1' >> "\$STRATA_OUTPUT_DIR/a.csv"
	END
	chmod +x dags/ads/ads_slow.sh
	background slow -q run ads_slow
	read -r _ < "$BATS_TEST_TMPDIR/started"
	run strata clear --data dwd_orders --yes
	assert_status 5
	[ -e dwd/dwd_orders/dt=2024-01-04/manifest.json ]
	echo go > "$BATS_TEST_TMPDIR/go"
	background_end slow
	assert_status 0
}

# On a terminal of its own; the answer is typed.
answered() {
	"$REPO/deps/venv/bin/python" - "$1" "$STRATA" -C "$PROJECT" clear --data dwd_orders 3>&- <<-'END'
		import os, pty, sys
		pid, terminal = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[2], sys.argv[2:])
		seen = b""
		while True:
		    try:
		        part = os.read(terminal, 4096)
		    except OSError:
		        break
		    seen += part
		    if b"[y/N] " in seen and sys.argv[1] is not None:
		        os.write(terminal, sys.argv[1].encode() + b"\n")
		        sys.argv[1] = None
		sys.stdout.write(seen.decode())
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
}

@test "at a terminal it asks, and only a yes removes" {
	strata -q run ods dwd --date 2024-01-04 > /dev/null
	run answered ''
	assert_output_has "removes from 'dwd.dwd_orders' for good: 1 partition, 2 rows"
	assert_output_has 'nothing was removed'
	[ "$status" != 0 ]
	[ -e dwd/dwd_orders ]
	run answered y
	assert_status 0
	[ ! -e dwd/dwd_orders ]
}
