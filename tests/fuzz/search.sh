#!/usr/bin/env bash
# Search with libFuzzer for inputs that break a promise.
#
#   tests/fuzz/search.sh SECONDS [NAME…]     every target, or those named, as many at a time as there are cores
#
# Starts from corpus/NAME and what earlier searches kept in build/fuzz/corpus/NAME, with the seed FUZZ_SEED (libFuzzer's
# -seed; else another one each time). An input that breaks something is kept as build/fuzz/found/NAME-* and printed in
# base64; put it into corpus/NAME under a name that says what it broke. The last line is `N passed, N failed`.
#
# The limits of time and memory for one input are for what never ends or grows without bound: no slow machine meets them.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

seconds=${1:?usage: tests/fuzz/search.sh SECONDS [NAME…]}
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
shift
mapfile -t names < <(find tests/fuzz -name 'fuzz_*.c' | sed 's|.*/fuzz_||; s|\.c$||' | sort)
[ $# -gt 0 ] && names=("$@")
mkdir -p build/fuzz/found build/fuzz/log

search() { # NAME SECONDS
	local program input dict=() kept=build/fuzz/corpus/$1 log=build/fuzz/log/$1 began=build/fuzz/log/$1.began
	program=$(find build/fuzz/tests/fuzz -name "fuzz_$1" -type f)
	mkdir -p "$kept"
	touch "$began"
	[ -f "tests/fuzz/dict/$1.dict" ] && dict=("-dict=tests/fuzz/dict/$1.dict")
	timeout -k 10 $(($2 + 400)) "$program" -max_total_time="$2" -seed="${FUZZ_SEED:-0}" -timeout=120 -rss_limit_mb=4096 -max_len=8192 \
		-print_final_stats=1 "${dict[@]}" \
		-artifact_prefix="build/fuzz/found/$1-" "$kept" "tests/fuzz/corpus/$1" > "$log" 2>&1 </dev/null
	local status=$?
	printf '%-10s %9s inputs, %s, %s\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
		"$(sed -nE 's/.*(cov: [0-9]+ ft: [0-9]+).*/\1/p' "$log" | tail -1)" "$([ $status = 0 ] && echo ok || echo FAILED)"
	[ $status = 0 ] && return
	grep -vE '^#[0-9]+' "$log" | tail -60
	for input in build/fuzz/found/"$1"-*; do
		[ "$input" -nt "$began" ] && echo "$input, in base64:" && base64 "$input"
	done
	return $status
}
export -f search

failed=0
printf '%s\0' "${names[@]}" | xargs -0 -P "${JOBS:-$(nproc)}" -I{} bash -c 'search "$1" "$2" || { echo "$1" >> build/fuzz/failed; exit 0; }' - {} "$seconds"
if [ -f build/fuzz/failed ]; then
	failed=$(wc -l < build/fuzz/failed)
	rm build/fuzz/failed
fi
echo "$((${#names[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
