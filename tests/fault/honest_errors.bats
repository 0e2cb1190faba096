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
	project_remove
}

# says STATUS ARGUMENT… < text: what `strata ARGUMENT…` prints, all of it.
says() {
	local expected=$1 status=0 output
	shift
	output=$(strata "$@" 2>&1) || status=$?
	output=$(sed -E "s#$PROJECT#PROJECT#g; s#[0-9]{8}-[0-9]{6}-[a-z0-9]{4}#RUN#g; s#[0-9.]+ (ms|s)\$#TIME#
		s#[0-9T:.-]+Z#TIME#; s#w[0-9]+-[0-9a-f]+#WORKER#g; s#[0-9.]+ ?([KMG]i?B|bytes)#N#g
		s#process [0-9]+ on [^ )]+#process PID on HOST#; s#[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}#TRY#g
		/^strata: started the private Postgres/d; /^[0-9:]{8}  /d; /^    log: /d" <<< "$output")
	assert_equal "$output" "$(cat)"
	assert_equal "$status" "$expected"
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
	says 3 run $day <<-'EOT'
		strata: the database's schema is newer (migration future) than this strata (1): use a newer strata, or another database
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
