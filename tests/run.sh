#!/usr/bin/env bash
# Every test: builds, runs the suites, and sums them up.
#
#   tests/run.sh [SUITE…]      build unit sim fuzz golden e2e fault (all when none is named)
#   MODE=asan tests/run.sh unit sim
#
# One line a suite, the failures in full, and a last line that is exactly `N passed, N failed`. What a suite
# cannot find (a program, a server, a test file) is a failure, and so is a skipped test. Logs: build/<MODE>/test/.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
exec </dev/null

export MODE=${MODE:-debug}
jobs=${JOBS:-$(nproc)}
logs=$PWD/build/$MODE/test
mkdir -p "$logs"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export STRATA=$PWD/build/$MODE/strata STRATA_WORKER=$PWD/build/$MODE/strata-worker
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}

total_passed=0 total_failed=0
report() { # suite passed failed seconds
	printf '%-8s %4d passed %4d failed  %4d s\n' "$1" "$2" "$3" "$4"
	total_passed=$((total_passed + $2))
	total_failed=$((total_failed + $3))
}
sum_up() {
	echo "$total_passed passed, $total_failed failed"
	[ "$total_failed" = 0 ]
	exit
}

# Each mode's build is one test: warnings are errors.
suite_build() {
	local began=$SECONDS passed=0 failed=0 mode modes=("$MODE")
	[ "$MODE" = debug ] && modes+=(release)
	for mode in "${modes[@]}"; do
		if make -s -j"$jobs" MODE="$mode" all > "$logs/build-$mode.log" 2>&1; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			cat "$logs/build-$mode.log"
		fi
	done
	report build $passed $failed $((SECONDS - began))
	[ $failed = 0 ]
}

# suite_cmocka NAME TARGET: programs of tests/NAME, one result a test; one that dies counts as a failure.
suite_cmocka() {
	local suite=$1 began=$SECONDS passed=0 failed=0 program log ok bad status
	local sources
	mapfile -t sources < <(find "tests/$suite" -name '*.c' ! -name 'world_*.c' 2>/dev/null | sort)
	if [ ${#sources[@]} = 0 ]; then
		echo "no tests in tests/$suite"
		report "$suite" 0 1 0
		return
	fi
	local programs=("${sources[@]/%.c/}")
	if ! make -s -j"$jobs" MODE="$MODE" "${programs[@]/#/build/$MODE/}" > "$logs/$suite-build.log" 2>&1; then
		cat "$logs/$suite-build.log"
		report "$suite" 0 1 $((SECONDS - began))
		return
	fi
	for program in "${programs[@]}"; do
		log=$logs/${program//\//_}.log
		timeout 600 "build/$MODE/$program" > "$log" 2>&1
		status=$?
		ok=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -1)
		bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -1)
		[ $status != 0 ] && [ "${bad:-0}" = 0 ] && bad=1
		# One that is no cmocka program, as a simulation may be, is one test; one without any test proves nothing.
		if [ $status = 0 ] && [ "${ok:-0}" = 0 ]; then
			if grep -q '^\[=====' "$log"; then bad=1; else ok=1; fi
		fi
		passed=$((passed + ${ok:-0}))
		failed=$((failed + ${bad:-0}))
		if [ "${bad:-0}" != 0 ]; then
			echo "--- $program (exit status $status)"
			grep -vE '^\[( RUN      |       OK )\]' "$log" | tail -60
		fi
	done
	report "$suite" $passed $failed $((SECONDS - began))
}

# Each fuzz target on its seeds and on what once broke it: one result a target.
suite_fuzz() {
	local began=$SECONDS passed=0 failed=0 source name program log status
	if ! make -s -j"$jobs" MODE="$MODE" fuzz-programs > "$logs/fuzz-build.log" 2>&1; then
		cat "$logs/fuzz-build.log"
		report fuzz 0 1 $((SECONDS - began))
		return
	fi
	for source in $(find tests/fuzz -name 'fuzz_*.c' | sort); do
		program=build/$MODE/${source%.c}
		name=$(basename "$program")
		log=$logs/$name.log
		timeout 600 "$program" "tests/fuzz/corpus/${name#fuzz_}" > "$log" 2>&1
		status=$?
		if [ $status = 0 ]; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "--- $program (exit status $status)"
			tail -60 "$log"
		fi
	done
	[ $((passed + failed)) = 0 ] && failed=1
	report fuzz $passed $failed $((SECONDS - began))
}

# suite_bats NAME: the files of tests/NAME, as many at a time as there are cores.
suite_bats() {
	local suite=$1 began=$SECONDS passed=0 failed=0 file log ok bad skipped planned
	local sources
	mapfile -t sources < <(find "tests/$suite" -name '*.bats' 2>/dev/null | sort)
	if ! command -v bats >/dev/null || [ ${#sources[@]} = 0 ] || [ ! -x "$STRATA" ]; then
		echo "no bats, no tests in tests/$suite, or no $STRATA; try infra/setup.sh --tests and make MODE=$MODE"
		report "$suite" 0 1 0
		return
	fi
	rm -f "$logs/$suite"-*.tap
	printf '%s\0' "${sources[@]}" | xargs -0 -P "$jobs" -I{} sh -c \
		'timeout 1200 bats --tap "$1" > "$2-$(basename "$1" .bats).tap" 2>&1' - {} "$logs/$suite"
	for file in "${sources[@]}"; do
		log=$logs/$suite-$(basename "$file" .bats).tap
		ok=$(grep -c '^ok ' "$log")
		skipped=$(grep -cE '^ok .* # skip' "$log")
		bad=$(grep -c '^not ok ' "$log")
		planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$log" | head -1)
		[ $((ok + bad)) -lt "${planned:-1}" ] && bad=$((${planned:-1} - ok))
		passed=$((passed + ok - skipped))
		failed=$((failed + bad + skipped))
		if [ $((bad + skipped)) != 0 ]; then
			echo "--- $file"
			grep -vE '^ok [^#]*$' "$log"
		fi
	done
	report "$suite" $passed $failed $((SECONDS - began))
}

# The programs of tests/fault print TAP: what dies, and what is left of it. FAULT_LONG=1: every crossing, many rounds.
suite_fault() {
	local began=$SECONDS passed=0 failed=0 program log ok bad long=()
	[ -n "${FAULT_LONG:-}" ] && long=(--long)
	make -s MODE="$MODE" "build/$MODE/tests/fault/io_shim.so"
	for program in sweep rounds world power_loss syscalls honest_errors; do
		log=$logs/fault-$program.tap
		local command=(deps/venv/bin/python "tests/fault/$program.py" "${long[@]}")
		[ -f "tests/fault/$program.bats" ] && command=(bats --tap "tests/fault/$program.bats")
		timeout "${FAULT_TIMEOUT:-900}" "${command[@]}" > "$log" 2>&1
		ok=$(grep -c '^ok ' "$log")
		bad=$(grep -c '^not ok ' "$log")
		grep -q '^1\.\.' "$log" || bad=$((bad + 1)) # it did not come to its end
		passed=$((passed + ok))
		failed=$((failed + bad))
		if [ "$bad" != 0 ]; then
			echo "--- tests/fault/$program"
			grep -v '^ok ' "$log" | tail -100
		fi
	done
	report fault $passed $failed $((SECONDS - began))
}

[ $# -gt 0 ] || set -- build unit sim fuzz golden e2e fault
for suite in "$@"; do
	case $suite in
	build) suite_build || sum_up ;;
	fuzz) suite_fuzz ;;
	unit | sim) suite_cmocka "$suite" ;;
	golden | e2e) suite_bats "$suite" ;;
	fault) suite_fault ;;
	*) echo "unknown suite '$suite'"; report "$suite" 0 1 0 ;;
	esac
done
sum_up
