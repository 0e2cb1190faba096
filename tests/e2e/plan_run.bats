# What `plan` says is what `run` does.
load helper

setup() {
	# In memory where there is such a place: this test is about decisions, not about disks.
	FAST=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "$BATS_TEST_TMPDIR")/strata-e2e.XXXXXX")
	server_start
}
teardown() {
	server_stop
	rm -rf "$FAST"
}

@test "plan, run and a model of freshness agree over 200 random edits" {
	seed=${STRATA_TEST_SEED:-28338} # has found something once; the long form takes another one each time
	edits=200
	[ "${MODE:-}" != asan ] || edits=50 # each program takes several times as long
	echo "STRATA_TEST_SEED=$seed"
	python3 "$REPO/tests/helper/random_edits.py" "$STRATA" "$FAST" "$seed" "${STRATA_TEST_EDITS:-$edits}" 3>&-
}
