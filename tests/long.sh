#!/usr/bin/env bash
# The long forms of tests that `make test` runs in short ones. One result a step; what a step says of its figures is
# shown. The last line is `N passed, N failed`. Logs: build/debug/test/long-*.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
exec </dev/null

logs=build/debug/test
mkdir -p "$logs"
passed=0 failed=0
# step NAME COMMAND…
step() {
	local name=$1 log=$logs/long-$1.log began=$SECONDS
	shift
	if "$@" > "$log" 2>&1; then
		passed=$((passed + 1))
		printf 'ok     %-18s %5d s\n' "$name" $((SECONDS - began))
		grep -vE '^\[|^  (CC|LINK) |^ok ' "$log" | tail -20
		grep -E '^ok .*(reads|kills:|images|completes|calls)' "$log"
	else
		failed=$((failed + 1))
		printf 'FAILED %-18s %5d s\n' "$name" $((SECONDS - began))
		tail -60 "$log"
	fi
}

unit=build/debug/tests/unit/executor
step build make MODE=debug all $unit/test_fresh_mutants $unit/test_read_set_mutants $unit/test_read_set_random
step fresh-mutants env STRATA_PAIRS=100000 $unit/test_fresh_mutants
step read-set-mutants env STRATA_MUTANTS=20000 $unit/test_read_set_mutants
step read-set-random env STRATA_QUERIES=20000 $unit/test_read_set_random
step compare-build make -s MODE=debug build/debug/tests/helper/cron_fires
step compare deps/venv/bin/python tests/helper/cron_compare.py --long
step sim-build make -s MODE=debug build/debug/tests/sim/sim_world build/debug/tests/sim/sim_daemon
step sim-night env SIM_SECONDS="${SIM_SECONDS:-600}" SIM_SEED="$(date +%s)000" build/debug/tests/sim/sim_world
step sim-daemon-night env SIM_SECONDS="${SIM_SECONDS:-600}" SIM_SEED="$(date +%s)000" build/debug/tests/sim/sim_daemon
step mutants make -s mutants
export STRATA=$PWD/build/debug/strata
step random-edits env STRATA_TEST_SEED="$RANDOM" STRATA_TEST_EDITS=1000 BATS_TEST_TIMEOUT=1800 bats --tap tests/e2e/plan_run.bats
step fault-sweep deps/venv/bin/python tests/fault/sweep.py --long
step world deps/venv/bin/python tests/fault/world.py
step kill-rounds deps/venv/bin/python tests/fault/rounds.py --long
step daemon-rounds deps/venv/bin/python tests/fault/daemon.py --long
step overtaken deps/venv/bin/python tests/fault/overtaken.py --long
step fault-shim make -s MODE=debug build/debug/tests/fault/io_shim.so
step power-loss deps/venv/bin/python tests/fault/power_loss.py --long
step failing-calls deps/venv/bin/python tests/fault/syscalls.py --long
step asan-e2e env MODE=asan tests/run.sh build e2e
step fuzz make fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-30}"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
