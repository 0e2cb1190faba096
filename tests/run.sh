#!/usr/bin/env bash
# Every test: builds, runs the suites, and sums them up.
#
#   tests/run.sh [SUITE…]      build unit sim fuzz compare golden e2e fault (all when none is named)
#   MODE=asan tests/run.sh unit sim
#
# The programs of all suites run side by side (tests/helper/job.bash). One line a suite, the failures in full, and a
# last line that is exactly `N passed, N failed`. What a suite cannot find (a program, a server, a test file) is a
# failure, and so is a skipped test. Logs: build/<MODE>/test/. FAULT_LONG=1: the long forms of the fault programs.
set -uo pipefail
# Who is started in the background ignores Ctrl-C, and so would all that is started here.
[ -n "${STRATA_TEST_SIGNALS:-}" ] || STRATA_TEST_SIGNALS=default exec env --default-signal=HUP,INT,QUIT bash "${BASH_SOURCE[0]}" "$@"
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
exec </dev/null

export MODE=${MODE:-debug}
jobs=${JOBS:-$(nproc)}
logs=$PWD/build/$MODE/test
mkdir -p "$logs"
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export STRATA=$PWD/build/$MODE/strata STRATA_WORKER=$PWD/build/$MODE/strata-worker
source tests/helper/job.bash

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
build() {
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

# sources SUITE: the files that are its programs.
sources() {
	case $1 in
	unit) find tests/unit -name '*.c' ;;
	sim) find tests/sim -name 'sim_*.c' ;;
	fuzz) find tests/fuzz -name 'fuzz_*.c' ;;
	compare) echo tests/helper/cron_compare.py ;;
	golden | e2e) find "tests/$1" -name '*.bats' ;;
	fault) printf 'tests/fault/%s\n' sweep.py rounds.py daemon.py overtaken.py world.py power_loss.py syscalls.py honest_errors.bats ;;
	esac 2>/dev/null | sort
}

# What the suites run and make builds; a suite that cannot be built has failed and is left out.
build_programs() {
	local suite targets kept=() source
	for suite in "${suites[@]}"; do
		targets=()
		case $suite in
		unit | sim | fuzz)
			while read -r source; do targets+=("build/$MODE/${source%.c}"); done < <(sources "$suite") ;;
		compare) targets=("build/$MODE/tests/helper/cron_fires") ;;
		fault) targets=("build/$MODE/tests/fault/io_shim.so") ;;
		esac
		if [ ${#targets[@]} -gt 0 ] && ! make -s -j"$jobs" MODE="$MODE" "${targets[@]}" > "$logs/$suite-build.log" 2>&1; then
			cat "$logs/$suite-build.log"
			report "$suite" 0 1 0
		elif [ -z "$(sources "$suite")" ]; then
			echo "no tests in tests/$suite"
			report "$suite" 0 1 0
		elif [[ $suite =~ ^(golden|e2e|fault)$ ]] && { ! command -v bats >/dev/null || [ ! -x "$STRATA" ]; }; then
			echo "no bats, or no $STRATA; try infra/setup.sh --tests and make MODE=$MODE"
			report "$suite" 0 1 0
		else
			kept+=("$suite")
		fi
	done
	suites=("${kept[@]}")
}

# The long ones first, so that the end does not wait for one of them; those after them in any order.
longest=(sweep.py power_loss.py plan_run.bats rounds.py daemon.py cron_compare.py syscalls.py world.py test_read_set_mutants.c test_fresh_mutants.c sim_daemon.c sim_world.c
	test_server.c honest_errors.bats rebuild.bats failures.bats inputs.bats interrupts.bats recovery.bats places.bats
	test_read_set.c test_commit.c freshness.bats user_mistakes.bats versions.bats clear.bats ask.bats)
in_order() {
	awk -v names="${longest[*]}" '
	BEGIN { n = split(names, name, " "); for (i = 1; i <= n; i++) rank[name[i]] = i }
	{ file = $0; sub(/.*\//, "", file); print (file in rank ? rank[file] : n + 1) "\t" $0 }' | sort -s -n | cut -f2-
}

# Counts of one program's log, as $ok and $bad. status: of the program; 124 when it was ended as too long.
count_cmocka() { # log status
	ok=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$1" | tail -1)
	bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$1" | tail -1)
	ok=${ok:-0} bad=${bad:-0}
	[ "$2" != 0 ] && [ "$bad" = 0 ] && bad=1
	# One that is no cmocka program, as a simulation may be, is one test; one without any test proves nothing.
	if [ "$2" = 0 ] && [ "$ok" = 0 ]; then
		if grep -q '^\[=====' "$1"; then bad=1; else ok=1; fi
	fi
}
count_tap() { # log status
	local skipped planned
	ok=$(grep -c '^ok ' "$1")
	skipped=$(grep -cE '^ok .* # skip' "$1")
	bad=$(grep -c '^not ok ' "$1")
	planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$1" | head -1)
	# One that did not come to its end, or failed beside its tests, has failed.
	[ $((ok + bad)) -lt "${planned:-$((ok + bad + 1))}" ] && bad=$((${planned:-$((ok + bad + 1))} - ok))
	[ "$2" != 0 ] && [ "$bad" = 0 ] && bad=1
	ok=$((ok - skipped)) bad=$((bad + skipped))
}

# count SUITE: sums up the logs of its programs, and shows those of which something failed.
count() {
	local suite=$1 passed=0 failed=0 seconds=0 source log status took ok bad
	while read -r source; do
		log=$(job_log "$source")
		read -r status took < "$log.status" || status=1 took=0
		case $suite in
		unit | sim) count_cmocka "$log" "$status" ;;
		fuzz) ok=$((status == 0)) bad=$((status != 0)) ;;
		*) count_tap "$log" "$status" ;;
		esac
		passed=$((passed + ok)) failed=$((failed + bad)) seconds=$((seconds + took))
		if [ "$bad" != 0 ]; then
			echo "--- $source (exit status $status)"
			grep -vE '^(\[( RUN      |       OK )\]|ok [^#]*$)' "$log" | tail -150
		fi
	done < <(sources "$suite")
	report "$suite" "$passed" "$failed" "$seconds"
}

suites=()
[ $# -gt 0 ] || set -- build unit sim fuzz compare golden e2e fault
for suite in "$@"; do
	case $suite in
	build) build || sum_up ;;
	unit | sim | fuzz | compare | golden | e2e | fault) suites+=("$suite") ;;
	*) echo "unknown suite '$suite'"; report "$suite" 0 1 0 ;;
	esac
done
[ ${#suites[@]} -gt 0 ] || sum_up
build_programs
[ ${#suites[@]} -gt 0 ] || sum_up

# All suites in one go: what waits leaves the cores to what computes. Two for each core, because most of them wait.
began=$SECONDS
rm -f "$logs"/*.log.status
trap job_places_remove EXIT
job_places
for suite in "${suites[@]}"; do sources "$suite"; done | in_order | tr '\n' '\0' |
	xargs -0 -P $((jobs * 2)) -I{} bash -c 'source tests/helper/job.bash; job "$1"' - {}
for suite in "${suites[@]}"; do count "$suite"; done
echo "seconds are the programs' own, $((SECONDS - began)) s in all; the longest: $(
	for log in "$logs"/*.log.status; do echo "$(cut -d' ' -f2 "$log") $(basename "$log" .log.status)"; done | sort -nr | head -5 |
		awk '{ printf "%s%s %s s", (NR > 1 ? ", " : ""), $2, $1 }')"
sum_up
