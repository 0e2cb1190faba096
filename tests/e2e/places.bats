# Where and as whom strata runs: an ordinary user, long paths, another Postgres, another lake.
load helper

setup() {
	project_shop
	shop_days 1 2
}
teardown() {
	[ -z "${SOMEBODY:-}" ] || remove_somebody
	project_remove
	server_stop
}

range="--start 2024-01-01 --end 2024-01-02"
remove_somebody() {
	as_somebody "$STRATA" -C "$PROJECT" db stop >/dev/null 2>&1 || true
	userdel -r "$SOMEBODY" >/dev/null 2>&1 || true
	rm -rf "$HOME_OF_SOMEBODY"
	PROJECT=
}
as_somebody() {
	(cd / && runuser -u "$SOMEBODY" -- env -u XDG_RUNTIME_DIR STRATA_WORKER="$PROGRAMS/strata-worker" "$@" 3>&-)
}

@test "an ordinary user has everything below the project" {
	[ "$(id -u)" = 0 ] || {
		strata run $range
		[ -d .strata/pg ]
		return
	}
	SOMEBODY=strata-e2e-$$
	HOME_OF_SOMEBODY=$(mktemp -d /tmp/strata-e2e.XXXXXX)
	useradd --no-create-home --home-dir "$HOME_OF_SOMEBODY" --shell /bin/sh "$SOMEBODY"
	# The build may lie where nobody else may look.
	PROGRAMS=$HOME_OF_SOMEBODY/bin
	mkdir "$PROGRAMS"
	cp "$STRATA" "$(dirname "$STRATA")/strata-worker" "$PROGRAMS/"
	cp -r "$PROJECT" "$HOME_OF_SOMEBODY/project"
	chown -R "$SOMEBODY" "$HOME_OF_SOMEBODY"
	PROJECT=$HOME_OF_SOMEBODY/project
	STRATA=$PROGRAMS/strata
	run -0 as_somebody "$STRATA" -C "$PROJECT" run $range
	assert_output_has "6 success"
	[ -d "$PROJECT/.strata/pg" ]
	[ "$(stat -c %U "$PROJECT/.strata/pg")" = "$SOMEBODY" ]
	[ -z "$(find "$HOME_OF_SOMEBODY" ! -user "$SOMEBODY")" ]
	[ "$(query "SELECT amount FROM '$PROJECT/dws/dws_week/dt=2024-01-02/*.parquet'")" = 203 ]
	run -0 as_somebody "$STRATA" -C "$PROJECT" runs
	assert_output_has "success"
	run -0 as_somebody "$STRATA" -C "$PROJECT" db stop
}

# Where Postgres's own user may not even look.
@test "a project below a folder that is its owner's alone" {
	shut=$(mktemp -d "$HOME/strata-e2e.XXXXXX")
	chmod 700 "$shut"
	mv "$PROJECT" "$shut/project"
	PROJECT=$shut/project
	run strata run $range
	strata db stop
	[ "$(id -u)" != 0 ] || rm -rf "$STATE_DIR/$(json .uuid < "$PROJECT/.strata/lake.json")"
	rm -rf "$shut"
	PROJECT=
	assert_status 0
	assert_output_has "6 success"
}

@test "a project below a path of more than 150 characters" {
	long=$PROJECT/$(printf 'a%.0s' {1..80})/$(printf 'b%.0s' {1..80})
	mkdir -p "$long"
	mv dags raw "$long/"
	PROJECT=$long
	cd "$PROJECT"
	[ ${#PROJECT} -gt 150 ]
	run -0 strata run $range
	assert_output_has "6 success"
	run -0 strata runs
	[ "$(query "SELECT amount FROM 'dws/dws_week/dt=2024-01-02/*.parquet'")" = 203 ]
}

@test "a path with spaces, quotes and what is no ASCII" {
	odd="$PROJECT/it's a \"ware house\" ü"
	mkdir -p "$odd"
	mv dags raw "$odd/"
	PROJECT=$odd
	cd "$PROJECT"
	raw_settle
	run -0 strata run $range
	run -0 strata run $range
	assert_output_has "6 fresh"
	[ -e dws/dws_week/dt=2024-01-02/_SUCCESS ]
}

@test "STRATA_DB names another Postgres, and no private one is made" {
	server_start
	raw_settle
	run -0 strata run $range
	assert_output_lacks "private Postgres"
	[ ! -e .strata/pg ]
	[ ! -e "$STATE_DIR/$(json .uuid < .strata/lake.json)" ]
	[ "$(psql -AtX "$STRATA_DB" -c "SELECT count(*) FROM strata.partition")" = 6 ]
	run -0 strata run $range
	assert_output_has "6 fresh"
}

@test "two lakes in one database do not know each other" {
	server_start
	raw_settle
	strata run $range
	first=$PROJECT
	PROJECT=$BATS_TEST_TMPDIR/other
	mkdir "$PROJECT"
	cp -r "$first/dags" "$first/raw" "$PROJECT/"
	cd "$PROJECT"
	run -0 strata run $range
	assert_output_has "6 to run"
	[ "$(strata --output json runs | jq length)" = 1 ]
	PROJECT=$first
	cd "$PROJECT"
	run -0 strata run $range
	assert_output_has "6 fresh"
}

@test "another folder is the lake with --lake" {
	mkdir "$BATS_TEST_TMPDIR/lake"
	mv raw "$BATS_TEST_TMPDIR/lake/"
	run -0 strata --lake "$BATS_TEST_TMPDIR/lake" run $range
	[ -e "$BATS_TEST_TMPDIR/lake/dws/dws_week/dt=2024-01-02/_SUCCESS" ]
	[ ! -e dws ] && [ ! -e .strata/lake.json ]
	PROJECT=$BATS_TEST_TMPDIR/lake # where the state is, for the teardown
	cp -r dags "$PROJECT/"
}

@test "a lake that is named and not there is refused with its like beside it, by whatever would begin another history there" {
	mkdir "$BATS_TEST_TMPDIR/lake"
	for command in "run $range" "db adopt" "db start" runs scheduler; do
		# shellcheck disable=SC2086
		run -2 strata --lake "$BATS_TEST_TMPDIR/laek" $command
		assert_output_has "--lake: there is no folder '$BATS_TEST_TMPDIR/laek' (did you mean '$BATS_TEST_TMPDIR/lake'?); for a new lake make it first: mkdir -p $BATS_TEST_TMPDIR/laek"
	done
	STRATA_LAKE=$BATS_TEST_TMPDIR/none/at/all run -2 strata run $range
	assert_output_has "STRATA_LAKE: there is no folder '$BATS_TEST_TMPDIR/none/at/all'; for a new lake"
	run -2 strata --lake "$PROJECT/dags/dw_config.yaml" runs
	assert_output_has "is no folder; name the one that is the lake"
	[ ! -e "$BATS_TEST_TMPDIR/laek" ] && [ ! -e "$BATS_TEST_TMPDIR/none" ] && [ -z "$(ls -A "$BATS_TEST_TMPDIR/lake")" ]
}

@test "db adopt takes no folder that is no lake, and a lake that the project names is made" {
	mkdir "$BATS_TEST_TMPDIR/other"
	run -2 strata --lake "$BATS_TEST_TMPDIR/other" db adopt
	assert_output_has "'$BATS_TEST_TMPDIR/other' is no lake: it has no .strata/lake.json"
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/other")" ]
	project_file tables.yaml <<< "storage: {base_uri: $BATS_TEST_TMPDIR/new/lake}"
	strata list
	run -0 strata db status
	PROJECT=$BATS_TEST_TMPDIR/new/lake # where the state is, for the teardown
	[ -e "$PROJECT/.strata/lake.json" ]
}

@test "a lake is shown by its plain path, and a link stays what it is" {
	mkdir -p "$BATS_TEST_TMPDIR/disk/lake" "$BATS_TEST_TMPDIR/a"
	ln -s disk/lake "$BATS_TEST_TMPDIR/link"
	[ "$(strata --lake "$BATS_TEST_TMPDIR/./a/..//disk/lake/" -o json db status | json '.[] | select(.name == "lake") | .value')" = "$BATS_TEST_TMPDIR/disk/lake" ]
	[ "$(strata --lake "$BATS_TEST_TMPDIR/link" -o json db status | json '.[] | select(.name == "lake") | .value')" = "$BATS_TEST_TMPDIR/link" ]
	# ".." after a link leads to the folder that the link is in elsewhere
	[ "$(strata --lake "$BATS_TEST_TMPDIR/link/../lake" -o json db status | json '.[] | select(.name == "lake") | .value')" = "$BATS_TEST_TMPDIR/link/../lake" ]
}

@test "strata is found from anywhere below nothing but -C" {
	cd /
	run -0 strata run $range
	[ -e "$PROJECT/dws/dws_week/dt=2024-01-02/_SUCCESS" ]
}
