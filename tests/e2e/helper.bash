# What every scenario shares: a project of its own, the programs of this build, a reader of what is published.
#
#     load helper
#     setup() { project_from_sample; }
#     teardown() { project_remove; }
#
# Nothing of the caller's environment reaches strata: no database, lake, zone or colour but the test's own.

REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
STRATA=${STRATA:-$REPO/build/debug/strata}
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

# Stops the test's private server and removes its data, which for root is not below the project.
project_remove() {
	[ -n "${PROJECT:-}" ] && [ -f "$PROJECT/.strata/lake.json" ] || return 0
	strata db stop >/dev/null 2>&1 || true
	if [ "$(id -u)" = 0 ]; then
		local uuid
		uuid=$(jq -r .uuid "$PROJECT/.strata/lake.json")
		[ -n "$uuid" ] && [ "$uuid" != null ] && rm -rf "/var/lib/strata/$uuid" "/var/lib/strata/$uuid.lock"
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

# All that a lake publishes, byte for byte: two calls around something that must not touch it are equal.
lake_digest() {
	find "$PROJECT" \( -name .strata -o -name raw -o -name dags \) -prune -o -type f -printf '%p %s %i\n' | sort | sha256sum
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
