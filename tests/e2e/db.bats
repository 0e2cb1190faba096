# The private Postgres: made on first use, wherever the project lies and whoever asks, and gone when told.
load helper

setup() {
	project_empty
	"$STRATA" -C "$BATS_TEST_TMPDIR" -q init project > /dev/null
}

teardown() {
	project_remove
}

value() { # value NAME < db status --output json
	jq -r --arg name "$1" '.[] | select(.name == $name).value'
}

@test "status, start, stop: each says how it is, twice as well as once" {
	[ "$(strata db status -o json | value server)" = "not made yet" ]
	conninfo=$(strata db start)
	[ "$(strata db start)" = "$conninfo" ]
	strata db status -o json > up
	[ "$(value server < up)" = up ]
	kill -0 "$(value pid < up)" 2>/dev/null || [ "$(id -u)" != 0 ]
	[ "$(psql -XAtc 'SELECT 1' "$conninfo")" = 1 ]
	run strata db stop
	assert_status 0
	assert_output_has "is down"
	[ "$(strata db status -o json | value server)" = down ]
	run strata db stop
	assert_status 0
	assert_output_has "was down"
}

@test "it listens on no network address, and its folders are its owner's alone" {
	conninfo=$(strata db start)
	[ "$(psql -XAtc 'SHOW listen_addresses' "$conninfo")" = "" ]
	strata db status -o json > up
	[ "$(stat -c %a "$(value socket < up)")" = 700 ]
	[ "$(stat -c %a "$(value data < up)")" = 700 ]
}

@test "migrate applies each migration once" {
	run strata db migrate
	assert_status 0
	[[ $output =~ [1-9][0-9]*\ migrations?\ applied ]]
	run strata db migrate
	assert_output_has "0 migrations applied"
	[ "$(psql -XAtc 'SELECT count(*) FROM strata.lake' "$(strata db start)")" = 1 ]
}

@test "a project in a path of 150 characters" {
	long=$PROJECT/$(printf 'x%.0s' $(seq 120))/$(printf 'y%.0s' $(seq 60))
	mkdir -p "$long"
	"$STRATA" -q init "$long" > /dev/null
	PROJECT=$long
	conninfo=$(strata db start)
	[ "$(psql -XAtc 'SELECT 1' "$conninfo")" = 1 ]
	strata db stop
}

@test "an ordinary user has the data in the project" {
	[ "$(id -u)" = 0 ] || { [ "$(strata db status -o json | value data)" = "$(realpath "$PROJECT")/.strata/pg" ]; return; }
	# Somebody who may not read this clone: the programs and the project go where all may.
	home=$(mktemp -d)
	chmod 755 "$home"
	cp "$STRATA" "$(dirname "$STRATA")/strata-worker" "$home/"
	cp -r "$PROJECT" "$home/project"
	chown -R nobody "$home/project"
	as_nobody() {
		env -u XDG_RUNTIME_DIR HOME="$home" STRATA_WORKER="$home/strata-worker" setpriv --reuid nobody --regid nogroup \
			--clear-groups "$home/strata" -C "$home/project" "$@" 3>&-
	}
	cd "$home"
	conninfo=$(as_nobody db start)
	as_nobody db status -o json > "$BATS_TEST_TMPDIR/up"
	[ "$(value data < "$BATS_TEST_TMPDIR/up")" = "$home/project/.strata/pg" ]
	[ "$(stat -c %U "$(value data < "$BATS_TEST_TMPDIR/up")")" = nobody ]
	[ "$(setpriv --reuid nobody --regid nogroup --clear-groups psql -XAtc 'SELECT 1' "$conninfo")" = 1 ]
	as_nobody db stop
	cd /
	rm -rf "$home"
}

@test "somebody else's database is asked, but never started or stopped" {
	export STRATA_DB="host=$BATS_TEST_TMPDIR user=strata"
	run strata db status
	assert_status 0
	assert_output_has "out of reach"
	run strata db stop
	assert_status 2
	run strata db migrate
	assert_status 3
	unset STRATA_DB
}

@test "no password is ever shown" {
	run strata --db 'postgresql://joe:hush@localhost:1/x' db status
	[[ $output != *hush* ]]
	run strata --db 'postgresql://joe:hush@localhost:1/x' db migrate
	assert_status 3
	[[ $output != *hush* ]]
}

@test "doctor finds all well, and what is not" {
	run strata doctor
	assert_status 0
	[ "$(strata doctor -o json | jq -r '[.[].status] | unique | join(" ")')" = ok ]
	[ "$(strata doctor -o json | jq -r 'map(.check) | join(" ")')" = "version machine limits file events clock project time zone lake publish lake space worker database state space state clock" ]
	[ "$(ulimit -n 500 && strata doctor -o json | jq -r '.[] | select(.status != "ok") | "\(.check) \(.status) \(.detail)"' | sed 's/500.*; /500; /')" = \
		"limits warning 500; queries over many partitions may fail: 'ulimit -n 4096'" ]
	run strata --db "host=$BATS_TEST_TMPDIR" doctor
	assert_status 3
	[[ $output =~ database\ +failed ]]
	rm -r dags
	run strata doctor
	assert_status 2
	assert_output_has "strata init"
}
