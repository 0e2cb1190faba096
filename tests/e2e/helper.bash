# What every scenario shares: a project of its own, the programs of this build, a reader of what is published.
#
#     load helper
#     setup() { project_from_sample; }
#     teardown() { project_remove; }
#
# Nothing of the caller's environment reaches strata: no database, lake, zone or colour but the test's own.

bats_require_minimum_version 1.5.0
REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
STRATA=${STRATA:-$REPO/build/debug/strata}
STATE_DIR=${STRATA_STATE_DIR:-/var/lib/strata} # where root's private servers have their data
unset STRATA_DB STRATA_LAKE STRATA_TIMEZONE STRATA_FAULT STRATA_FAULT_ONCE ENV NO_COLOR MAKEFLAGS MAKELEVEL
unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE
export TZ=UTC LC_ALL=C.UTF-8 COLUMNS=100

# bats keeps descriptor 3 for itself; a server that inherited it would keep bats waiting.
strata() {
	"$STRATA" -C "$PROJECT" "$@" 3>&-
}

# The repository's own sample, RAW data included, in a folder of the test's own.
project_from_sample() {
	PROJECT=$BATS_TEST_TMPDIR/project
	mkdir -p "$PROJECT"
	cp -r "$REPO/dags" "$REPO/tables.yaml" "$REPO/raw" "$PROJECT/"
	cd "$PROJECT" || return 1
}

# An empty project; the test writes what it needs with project_file.
project_empty() {
	PROJECT=$BATS_TEST_TMPDIR/project
	mkdir -p "$PROJECT/dags"
	cd "$PROJECT" || return 1
}

# project_file PATH < content
project_file() {
	mkdir -p "$PROJECT/$(dirname "$1")"
	cat > "$PROJECT/$1"
}

# A shop: orders from RAW, cleaned, and the sum of seven days. shop_raw DATE ID=AMOUNT… writes RAW.
project_shop() {
	project_empty
	project_file dags/dw_config.yaml <<-'EOF'
		layer_dependencies: {dwd: [ods], dws: [dwd], ads: [dws, dwd]}
		sources:
		  ods_orders: {path: raw/orders, options: {columns: {id: BIGINT, amount: BIGINT}}}
	EOF
	project_file dags/ods/ods_orders.sql <<< "SELECT *, '\${PARTITION_DATE}' AS dt FROM tmp_ods_orders"
	project_file dags/dwd/dwd_orders.sql <<< "SELECT id, amount FROM ods.ods_orders WHERE dt = '\${PARTITION_DATE}'"
	project_file dags/dws/dws_week.sql <<-'EOF'
		SELECT count(*) AS orders, sum(amount)::BIGINT AS amount
		FROM dwd.dwd_orders
		WHERE dt BETWEEN '${PARTITION_DATE-6}' AND '${PARTITION_DATE}'
	EOF
}

shop_raw() {
	local folder=$PROJECT/raw/orders/dt=$1 order
	shift
	mkdir -p "$folder"
	{
		echo id,amount
		for order in "$@"; do echo "${order/=/,}"; done
	} > "$folder/orders.csv"
}

# shop_days FIRST LAST: RAW of January's days, two orders each.
shop_days() {
	local day
	for day in $(seq -f %02.0f "$1" "$2"); do
		shop_raw "2024-01-$day" "1=$((10#$day))" 2=100
	done
}

# A RAW file that changed less than two seconds ago counts as changing still, so its reader is not fresh yet.
# Tests of freshness wait until the RAW of their project is older.
raw_is_old() {
	[ -z "$(find -L "$PROJECT/raw" -newerct '2 seconds ago' -print -quit)" ]
}
raw_settle() {
	wait_until raw_is_old
}

# wait_until COMMAND…: the one way in which a test waits, for an event and not for a time.
WAIT_SECONDS=${WAIT_SECONDS:-60}
wait_until() {
	local end=$((SECONDS + WAIT_SECONDS))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			echo "waited ${WAIT_SECONDS} s in vain for: $*" >&2
			return 1
		fi
		sleep 0.02
	done
}

# background NAME ARGUMENT…: strata in a process group of its own, as a terminal gives it one. Its pid is
# pid_of NAME, its output the files out_of NAME and err_of NAME; background_end NAME waits and sets $status.
declare -gA BACKGROUND=() # -g: bats loads this file within a function
background() {
	local name=$1
	shift
	set -m
	"$STRATA" -C "$PROJECT" "$@" > "$BATS_TEST_TMPDIR/$name.out" 2> "$BATS_TEST_TMPDIR/$name.err" < /dev/null 3>&- &
	BACKGROUND[$name]=$!
	set +m
}
pid_of() {
	echo "${BACKGROUND[$1]}"
}
out_of() {
	echo "$BATS_TEST_TMPDIR/$1.out"
}
err_of() {
	echo "$BATS_TEST_TMPDIR/$1.err"
}
background_end() {
	status=0
	wait "${BACKGROUND[$1]}" || status=$?
	output=$(cat "$(out_of "$1")" "$(err_of "$1")")
	unset "BACKGROUND[$1]"
}
has_ended() {
	! kill -0 "$1" 2>/dev/null
}
has_line() { # FILE TEXT
	grep -qF -- "$2" "$1" 2>/dev/null
}

# The pids of this project's workers that live.
workers() {
	local lock pid
	for lock in "$PROJECT"/.strata/workers/*/*.lock "$PROJECT"/.strata/workers/*.lock; do
		[ -f "$lock" ] || continue
		for pid in $(awk '$1 > 0 { print $1 }' "$lock"); do
			[[ $(readlink "/proc/$pid/exe") == */strata-worker ]] && echo "$pid"
		done
	done
	return 0
}

# Ends what the test started, by id; stops its private server and removes the server's data, which for root is
# not below the project.
project_remove() {
	local name pid uuid
	for name in "${!BACKGROUND[@]}"; do
		kill -KILL "${BACKGROUND[$name]}" 2>/dev/null || true
		wait "${BACKGROUND[$name]}" 2>/dev/null || true
	done
	[ -n "${PROJECT:-}" ] && [ -f "$PROJECT/.strata/lake.json" ] || return 0
	for pid in $(workers); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	strata db stop >/dev/null 2>&1 || true
	if [ "$(id -u)" = 0 ]; then
		uuid=$(jq -r .uuid "$PROJECT/.strata/lake.json")
		[ -n "$uuid" ] && [ "$uuid" != null ] && rm -rf "${STATE_DIR:?}/$uuid" "$STATE_DIR/$uuid.lock"
	fi
	return 0
}

# json FILTER < JSON: raw strings, so that `[ "$(… | json .x)" = y ]` reads well.
json() {
	jq -r "$1"
}

# What an independent DuckDB reads: query 'SELECT … FROM read_parquet(…)', a row a line, tabs between values.
query() {
	"$REPO/deps/venv/bin/python" "$REPO/tests/helper/query.py" "$@" 3>&-
}

POSTGRES=/usr/lib/postgresql/15/bin

as_postgres() {
	if [ "$(id -u)" = 0 ]; then
		(cd / && runuser -u postgres -- "$@" 3>&-)
	else
		"$@" 3>&-
	fi
}

# A server of the test's own, outside of strata's care: server_start, then $STRATA_DB; server_stop in teardown.
server_start() {
	SERVER=$(mktemp -d "${TMPDIR:-/tmp}/strata-e2e.XXXXXX")
	[ "$(id -u)" != 0 ] || chown postgres "$SERVER"
	as_postgres "$POSTGRES/initdb" -D "$SERVER/data" -U somebody -A trust -E UTF8 --locale=C -N >/dev/null
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -w -s -l "$SERVER/log" -o "-k $SERVER -c listen_addresses='' -c fsync=off" start
	export STRATA_DB="host=$SERVER user=somebody dbname=postgres"
}

server_stop() {
	[ -n "${SERVER:-}" ] || return 0
	as_postgres "$POSTGRES/pg_ctl" -D "$SERVER/data" -m immediate stop >/dev/null || true
	rm -rf "$SERVER"
}

# What a lake publishes: every file and folder of its layers, with inode, times and the content's checksum. Two
# calls around something that must not touch the lake are equal.
lake_listing() {
	local layer
	for layer in "$PROJECT"/*/; do
		case $(basename "$layer") in dags | raw*) continue ;; esac
		find "$layer" -type d -printf '%p %i %T@\n' -o -printf '%p %i %s %T@\n'
		find "$layer" -type f -exec sha256sum {} +
	done | LC_ALL=C sort
}

# manifest PATH FILTER: a field of what is published there.
manifest() {
	jq -r "$2" "$PROJECT/$1/manifest.json"
}

# plan_says ARGUMENT…: what would be built, `table partition reason` a line.
plan_says() {
	strata -q --output json plan "$@" | jq -r '.[] | select(.action != "fresh") | "\(.table) \(.partition) \(.action) \(.reason)"'
}

# assert_status N / assert_output_has TEXT after bats's `run`: they show what there was instead.
# shellcheck disable=SC2154 # bats sets both
assert_status() {
	[ "$status" = "$1" ] && return
	printf 'status %s, expected %s; output:\n%s\n' "$status" "$1" "$output" >&2
	return 1
}

# shellcheck disable=SC2154 # bats sets it
assert_output_has() {
	[[ $output == *"$1"* ]] && return
	printf 'not in the output: %s\noutput:\n%s\n' "$1" "$output" >&2
	return 1
}

# assert_equal ACTUAL EXPECTED
assert_equal() {
	[ "$1" = "$2" ] && return
	diff -u <(echo "$2") <(echo "$1") >&2
	return 1
}

assert_output_lacks() {
	[[ $output != *"$1"* ]] && return
	printf 'in the output: %s\noutput:\n%s\n' "$1" "$output" >&2
	return 1
}

# worker COMMAND ARGUMENT…: strata-worker by its line protocol, without strata (tests/helper/worker.py).
worker() {
	"$REPO/deps/venv/bin/python" "$REPO/tests/helper/worker.py" "$(dirname "$STRATA")/strata-worker" "$PROJECT" "$@" 3>&-
}

# A table whose program waits at a gate, so that a test decides how long a run lasts: gated_table FILE. It says that
# it is there by the file arrived-TABLE, and goes on when the test has made the file gate-open. Bounded, so that
# nothing outlives a test that fails.
gated_table() {
	project_file "$1" <<-'EOF'
		#!/bin/sh
		# ${PARTITION_DATE}
		touch "arrived-$STRATA_TABLE"
		for i in $(seq 3000); do [ -e gate-open ] && break; sleep 0.02; done
		echo "day,n
		$STRATA_PARTITION_DATE,1" > "$STRATA_OUTPUT_DIR/part.csv"
	EOF
	chmod +x "$PROJECT/$1"
}

# The same of the dates from DAY on, gate_from TABLE DAY; and each build of a date is a line of the file built-TABLE.
gate_from() {
	project_file "dags/dwd/$1.sh" <<-EOF
		#!/bin/sh
		# \${PARTITION_DATE}
		echo "\$STRATA_PARTITION_DATE" >> "built-\$STRATA_TABLE"
		if [ "\$(echo "\$STRATA_PARTITION_DATE" | tr -d -)" -ge "$(tr -d - <<< "$2")" ]; then
			touch "arrived-\$STRATA_TABLE"
			for i in \$(seq 3000); do [ -e gate-open ] && break; sleep 0.02; done
		fi
		echo "day,n
		\$STRATA_PARTITION_DATE,1" > "\$STRATA_OUTPUT_DIR/part.csv"
	EOF
	chmod +x "$PROJECT/dags/dwd/$1.sh"
}

# A query that no machine ends.
# shellcheck disable=SC2034 # for the tests
ENDLESS="SELECT count(*) AS n, '\${PARTITION_DATE}' AS day FROM range(1000000000) a, range(1000000000) b WHERE a.range * b.range > 5"

# is_running TABLE: is a try of it at work in the newest run?
is_running() {
	[ "$(strata --output json show latest "$1" 2>/dev/null | jq '[.. | objects | select(.state? == "running" and .running? != null)] | length')" -gt 0 ] 2>/dev/null
}

# results [RUN]: `table partition result` of its tasks, sorted.
results() {
	strata --output json tasks "${1:-latest}" | json '.[] | "\(.table) \(.partition) \(.result)"' | LC_ALL=C sort
}

# db_status NAME: one of what `strata db status` tells.
db_status() {
	strata --output json db status | jq -r --arg name "$1" '.[] | select(.name == $name) | .value'
}

# A query of the state itself, for what no command shows.
state() {
	psql -AtX "host=$(db_status socket) user=strata dbname=postgres" -c "$1" 3>&-
}

# scheduler_up NAME [OPTION…]: one of that name, ready.
scheduler_up() {
	local name=$1
	shift
	background "$name" scheduler "$@"
	wait_until has_line "$(err_of "$name")" "scheduler.ready"
}
scheduler_down() {
	kill -TERM "$(pid_of "$1")"
	background_end "$1"
	assert_status 0
}
run_is() { # RUN STATE
	[ "$(strata --output json runs | jq -r ".[] | select(.run == \"$1\") | .state + \" \" + (.result // \"\")")" = "$2" ]
}
schedulers_remove() { # for teardown: with all that they have started
	local name
	for name in "${!BACKGROUND[@]}"; do
		kill -KILL -- "-${BACKGROUND[$name]}" 2>/dev/null || true
	done
	project_remove
}
