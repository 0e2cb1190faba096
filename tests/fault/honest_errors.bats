#!/usr/bin/env bats
# What a person reads for each fault: the message, the status, and what to do next, to the letter. Ids, times, paths and
# sizes of this machine are replaced by RUN, TRY, TIME,
# PROJECT, PID, HOST, N.

load ../e2e/helper

setup() {
	project_shop
	shop_days 1 1
	day="--date 2024-01-01"
}
teardown() {
	unset LD_PRELOAD
	project_remove
	server_stop
	[ -z "${SMALL:-}" ] || umount -l "$SMALL"
}

without_chance() {
	sed -E "s#$PROJECT#PROJECT#g; s#[0-9]{8}-[0-9]{6}-[a-z0-9]{4}#RUN#g; s#[0-9.]+ (ms|s|m [0-9]+ s)\$#TIME#
		s#[0-9T:.-]+Z#TIME#; s#w[0-9]+-[0-9a-f]+#WORKER#g; s#[0-9.]+ ?([kKMG]i?B|B|bytes)\b#N#g; s#away_ms=[0-9]+#away_ms=N#
		s#process [0-9]+ on [^ )]+#process PID on HOST#; s#[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}#TRY#g
		/^strata: started the private Postgres/d; /^[0-9:]{8}  /d; /^    log: /d"
}

# says STATUS ARGUMENT… < text: what `strata ARGUMENT…` prints, all of it.
says() {
	local expected=$1 status=0 output
	shift
	output=$(strata "$@" 2>&1) || status=$?
	assert_equal "$(without_chance <<< "$output")" "$(cat)"
	assert_equal "$status" "$expected"
}

# has_said STATUS NAME < text: the same of one in the background, to its end.
has_said() {
	background_end "$2"
	assert_equal "$(without_chance <<< "$output")" "$(cat)"
	assert_equal "$status" "$1"
}

# shim SETTING…: io_shim.c in every program from here on.
shim() {
	export LD_PRELOAD=$REPO/build/${MODE:-debug}/tests/fault/io_shim.so IO_SHIM_SHARED=$BATS_TEST_TMPDIR/shared "$@"
}

@test "the database is down at the start" {
	export STRATA_DB="host=/nonexistent dbname=x"
	says 3 run $day <<-'EOT'
		strata: cannot connect to the state database: connection to server on socket "/nonexistent/.s.PGSQL.5432" failed: No such file or directory Is the server running locally and accepting connections on that socket?; start it, or correct --db or STRATA_DB
	EOT
}

@test "the worker program is missing" {
	export STRATA_WORKER=/nonexistent/strata-worker
	says 3 run $day <<-'EOT'
		strata: the worker program '/nonexistent/strata-worker' cannot be started (build it, or set STRATA_WORKER): No such file or directory
	EOT
}

@test "the source's folder is gone" {
	rm -r raw
	says 1 -q run $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed, 2 upstream_failed
		  no source of the selection has any file

		failed: ods.ods_orders 2024-01-01
		    source path 'raw/orders' does not exist below the lake PROJECT; put the files there, or correct `sources` in dags/dw_config.yaml
	EOT
}

@test "a worker dies" {
	project_file dags/dwd/dwd_die.sh <<< $'#!/bin/sh\n# ${PARTITION_DATE}\nkill -9 $PPID; sleep 1'
	chmod +x dags/dwd/dwd_die.sh
	says 1 -q run dwd_die $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_die 2024-01-01  dags/dwd/dwd_die.sh
		    its worker WORKER was killed by signal 9 (Killed); if that was the kernel for lack of memory (dmesg tells), run again with fewer --jobs
	EOT
}

@test "a query needs more memory than there is" {
	project_file dags/dwd/dwd_big.sql <<< "SELECT '\${PARTITION_DATE}' AS day, len(list(i)) AS n FROM range(200000000) t(i)"
	says 1 -q run dwd_big --jobs 512 $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_big 2024-01-01  dags/dwd/dwd_big.sql
		    Out of Memory Error: failed to allocate data of size N (N/N used); a worker has 70 % of the machine's memory divided by --jobs: run again with fewer --jobs, or let the query need less
	EOT
}

@test "the lake's identity is damaged" {
	strata -q run $day 2> /dev/null
	cp .strata/lake.json kept.json
	echo '{"uuid' > .strata/lake.json
	says 3 run $day <<-'EOT'
		strata: 'PROJECT/.strata/lake.json' is not a lake's identity; restore it from a backup, or remove it to start a new history
	EOT
	cp kept.json .strata/lake.json
}

@test "a manifest is damaged: what it published is built again" {
	strata -q run $day 2> /dev/null
	echo '{"dest' > ods/ods_orders/dt=2024-01-01/manifest.json
	says 1 -q run --force dwd_orders $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_orders 2024-01-01  dags/dwd/dwd_orders.sql
		    ods/ods_orders/dt=2024-01-01/manifest.json: manifest: line 1: unexpected newline near '"dest'; run its table again with --force
	EOT
	strata -q run $day 2> /dev/null
	strata -q run --force dwd_orders $day
}

@test "the database is of a newer strata" {
	strata -q run $day 2> /dev/null
	state "INSERT INTO strata.migration (number, name, checksum, strata_version) VALUES (9999, 'future', 'x', '99')" > /dev/null
	local ours
	ours=$(find "$REPO/sql" -name '[0-9]*.sql' | wc -l)
	says 3 run $day <<-EOT
		strata: the database's schema is newer (migration future) than this strata ($ours): use a newer strata, or another database
	EOT
}

@test "a migration of the database is not ours" {
	strata -q run $day 2> /dev/null
	state "UPDATE strata.migration SET checksum = 'x' WHERE number = 1" > /dev/null
	says 3 run $day <<-'EOT'
		strata: migration 0001_state of the database is not the one that this strata knows as 0001_state: it was changed after it was applied; use the strata that made the schema, or another database
	EOT
}

@test "an applied migration of the analysts' catalog was changed" {
	project_file catalog/migrations/001_v.sql <<< "CREATE VIEW v AS SELECT 1 AS a;"
	strata -q run $day 2> /dev/null
	project_file catalog/migrations/001_v.sql <<< "CREATE VIEW v AS SELECT 2 AS a;"
	says 1 catalog refresh <<-'EOT'
		strata: make the catalog: 001_v.sql was applied and has changed since; undo the change and add a new file instead
	EOT
}

@test "the disk of the lake is full" {
	strata -q run $day 2> /dev/null
	export LD_PRELOAD=$REPO/build/${MODE:-debug}/tests/fault/io_shim.so IO_SHIM_ROOT=$PROJECT/.strata/staging
	export IO_SHIM_SHARED=$BATS_TEST_TMPDIR/shared IO_SHIM_FAIL=1:enospc:on:strata-worker
	says 1 -q run --force dwd_orders $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_orders 2024-01-01  dags/dwd/dwd_orders.sql
		    remove '.strata/staging/TRY': No space left on device; make room on the lake's disk (`strata gc` shows what nobody needs), then run again
	EOT
}

@test "the disk of the lake has an error" {
	strata -q run $day 2> /dev/null
	export LD_PRELOAD=$REPO/build/${MODE:-debug}/tests/fault/io_shim.so IO_SHIM_ROOT=$PROJECT/dwd
	export IO_SHIM_SHARED=$BATS_TEST_TMPDIR/shared IO_SHIM_FAIL=1:eio:on:strata-worker
	says 1 -q run --force dwd_orders $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_orders 2024-01-01  dags/dwd/dwd_orders.sql
		    sync folder 'dwd': Input/output error; the disk reports an error: look at the system's log (dmesg) before you run again
	EOT
}

@test "another run holds the lake" {
	gated_table dags/dwd/dwd_gate.sh
	background one run dwd_gate $day --jobs 1
	wait_until [ -e arrived-dwd.dwd_gate ]
	says 5 run --no-wait dwd_orders $day <<-'EOT'
		strata: the lake is held by 'strata run dwd_gate --date 2024-01-01 --jobs 1' (process PID on HOST); try again when it is done, or wait for it without --no-wait
	EOT
	touch gate-open
	background_end one
}

server_restart() {
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -w -s -l "$SERVER/log" -o "-k $SERVER -c listen_addresses='' -c fsync=off" start
}
server_down() {
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -w -s -m immediate stop
}

@test "the database goes away in the middle of a run and comes back" {
	server_start
	gated_table dags/dwd/dwd_gate.sh
	background one run dwd_gate $day --jobs 1
	wait_until [ -e arrived-dwd.dwd_gate ]
	server_down
	wait_until has_line "$(err_of one)" journal.down
	server_restart
	wait_until has_line "$(err_of one)" journal.up
	touch gate-open
	has_said 0 one <<-'EOT'
		run RUN: success in TIME
		  1 success
		  published 1 partition, 1 row, N
		run RUN, 2024-01-01 (UTC): 1 to run, 0 fresh
		TIME warn  journal.down error="server closed the connection unexpectedly This probably means the server terminated abnormally before or while processing the request." then="what runs goes on, and is recorded when the database is back"
		TIME warn  journal.up away_ms=N
	EOT
}

@test "the database goes away in the middle of a run for more than a minute" {
	server_start
	gated_table dags/dwd/dwd_gate.sh
	shim IO_SHIM_CLOCK="0:40:$BATS_TEST_TMPDIR/faster" # of the clock that counts the minute
	background one run dwd_gate $day --jobs 1
	wait_until [ -e arrived-dwd.dwd_gate ]
	server_down
	touch "$BATS_TEST_TMPDIR/faster"
	has_said 3 one <<-'EOT'
		run RUN, 2024-01-01 (UTC): 1 to run, 0 fresh
		TIME warn  journal.down error="server closed the connection unexpectedly This probably means the server terminated abnormally before or while processing the request." then="what runs goes on, and is recorded when the database is back"
		strata: the state database has been away for a minute; what was running has been stopped. Nothing published is lost: start the database, and the same command completes the rest
	EOT
	rm "$BATS_TEST_TMPDIR/faster"
	touch gate-open
	server_restart
	says 0 -q run dwd_gate $day <<-'EOT'
		strata: closed 1 run of a scheduler that died; what they had published is kept
	EOT
}

# A lake on a filesystem of its own: small_lake SIZE.
small_lake() {
	SMALL=$BATS_TEST_TMPDIR/small
	mkdir "$SMALL"
	mount -t tmpfs -o "size=$1" tmpfs "$SMALL"
	mv "$PROJECT"/* "$SMALL"
	PROJECT=$SMALL
	cd "$PROJECT"
}

@test "the lake is read-only: nothing is run, and looking works" {
	server_start
	small_lake 50m
	strata -q run $day > /dev/null
	raw_settle
	strata -q run $day > /dev/null # RAW is old enough by now to be fresh afterwards
	mount -o remount,ro "$SMALL"
	says 3 run --force $day <<-'EOT'
		strata: the lake 'PROJECT' cannot be written: open lock 'PROJECT/.strata/scheduler.lock': Read-only file system; mount the lake's file system for writing, then run again
	EOT
	says 0 plan $day <<-'EOT'
		2024-01-01 (UTC): 0 to build, 3 fresh
	EOT
	mount -o remount,rw "$SMALL"
	strata -q run --force $day
}

@test "the file system of the lake is full in the middle of a COPY" {
	server_start
	small_lake 4m
	project_file dags/dwd/dwd_big.sql <<< "SELECT hash(i) AS h FROM range(2000000) t(i) -- \${PARTITION_DATE}"
	says 1 -q run dwd_big $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_big 2024-01-01  dags/dwd/dwd_big.sql
		    IO Error: Could not write file ".strata/staging/TRY/out/part-0.parquet": No space left on device; make room on the lake's disk (`strata gc` shows what nobody needs), then run again
	EOT
	mount -o remount,size=100m "$SMALL"
	strata -q run dwd_big $day
}

@test "the file system of the lake is full before a run" {
	server_start
	small_lake 4m
	strata -q run $day > /dev/null
	head -c 5M /dev/zero > filler 2> /dev/null || true
	says 3 run --force $day <<-'EOT'
		strata: the lake 'PROJECT' cannot be written: No space left on device; make room on the lake's disk (`strata gc` shows what nobody needs), then run again
	EOT
	rm filler
	strata -q run --force $day
}

@test "the file system of the lake cannot exchange folders" {
	shim IO_SHIM_ROOT="$PROJECT" IO_SHIM_NO_EXCHANGE=1
	says 1 -q run $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed, 2 upstream_failed

		failed: ods.ods_orders 2024-01-01  dags/ods/ods_orders.sql
		    the filesystem of '.strata/staging/TRY' cannot exchange two folders, so that nothing can be published atomically; use ext4, xfs or btrfs: Invalid argument
	EOT
	[ ! -e ods ]
}

@test "the disk of the lake has an error in the middle of a COPY" {
	strata -q run $day 2> /dev/null
	shim IO_SHIM_ROOT="$PROJECT/.strata/staging" IO_SHIM_FAIL=1:eio:once:strata-worker IO_SHIM_ONLY="write /"
	says 1 -q run --force dwd_orders $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_orders 2024-01-01  dags/dwd/dwd_orders.sql
		    IO Error: Could not write file ".strata/staging/TRY/out/part-0.parquet": Input/output error; the disk reports an error: look at the system's log (dmesg) before you run again
	EOT
}

@test "the system gives a worker no more memory" {
	project_file dags/dwd/dwd_big.sql <<< "SELECT '\${PARTITION_DATE}' AS day, len(list(i)) AS n FROM range(200000000) t(i)"
	strata -q run ods_orders $day 2> /dev/null
	ulimit -v 1200000
	says 1 -q run dwd_big $day <<-'EOT'
		run RUN: failed in TIME
		  1 failed

		failed: dwd.dwd_big 2024-01-01  dags/dwd/dwd_big.sql
		    Out of Memory Error: Failed to allocate block of N (bad allocation); a worker has 70 % of the machine's memory divided by --jobs: run again with fewer --jobs, or let the query need less
	EOT
}

@test "the scheduler stands still: another one says who holds the lake" {
	gated_table dags/dwd/dwd_gate.sh
	background one run dwd_gate $day --jobs 1
	wait_until [ -e arrived-dwd.dwd_gate ]
	kill -STOP "$(pid_of one)"
	says 5 run --no-wait dwd_orders $day <<-'EOT'
		strata: the lake is held by 'strata run dwd_gate --date 2024-01-01 --jobs 1' (process PID on HOST); try again when it is done, or wait for it without --no-wait
	EOT
	touch gate-open
	kill -CONT "$(pid_of one)"
	background_end one
	assert_status 0
}

@test "the clock is 25 years behind, and goes right again" {
	raw_settle
	touch "$BATS_TEST_TMPDIR/past"
	shim IO_SHIM_CLOCK="-800000000:1:$BATS_TEST_TMPDIR/past"
	says 0 -q run $day < /dev/null
	# Whether RAW has changed since cannot be told: it is built again, and the plan says why.
	says 0 plan $day <<-'EOT'
		TABLE           PARTITION   ACTION  REASON
		ods.ods_orders  2024-01-01  build   source is newer than this machine's clock
		dwd.dwd_orders  2024-01-01  build   upstream will rebuild: ods.ods_orders 2024-01-01
		dws.dws_week    2024-01-01  build   upstream will rebuild: dwd.dwd_orders 2024-01-01
		2024-01-01 (UTC): 3 to build, 0 fresh
	EOT
	rm "$BATS_TEST_TMPDIR/past"
	strata -q run $day
	says 0 plan $day <<-'EOT'
		2024-01-01 (UTC): 0 to build, 3 fresh
	EOT
}

@test "the clock goes back by a month in the middle of a run" {
	gated_table dags/dwd/dwd_gate.sh
	shim IO_SHIM_CLOCK="-2678400:1:$BATS_TEST_TMPDIR/past"
	background one -q run dwd_gate $day --jobs 1
	wait_until [ -e arrived-dwd.dwd_gate ]
	touch "$BATS_TEST_TMPDIR/past" gate-open
	has_said 0 one < /dev/null
	unset LD_PRELOAD
	[ "$(state "SELECT count(*) FROM strata.event WHERE at < now() - interval '20 days'")" -gt 0 ]
	says 0 -q run dwd_orders ods_orders $day < /dev/null
}
