#!/usr/bin/env bash
# Search with libFuzzer for inputs that break a promise.
#
#   tests/fuzz/search.sh SECONDS [NAME…]     every target, or those named, two at a time
#
# Starts from corpus/NAME and what earlier searches kept in build/fuzz/corpus/NAME. An input that breaks something
# is kept as build/fuzz/found/NAME-*; put it into corpus/NAME under a name that says what it broke. The last line
# is `N passed, N failed`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

seconds=${1:?usage: tests/fuzz/search.sh SECONDS [NAME…]}
shift
mapfile -t names < <(find tests/fuzz -name 'fuzz_*.c' | sed 's|.*/fuzz_||; s|\.c$||' | sort)
[ $# -gt 0 ] && names=("$@")
mkdir -p build/fuzz/found build/fuzz/log

search() { # NAME SECONDS
	local program dict=() kept=build/fuzz/corpus/$1 log=build/fuzz/log/$1
	program=$(find build/fuzz/tests/fuzz -name "fuzz_$1" -type f)
	mkdir -p "$kept"
	[ -f "tests/fuzz/dict/$1.dict" ] && dict=("-dict=tests/fuzz/dict/$1.dict")
	"$program" -max_total_time="$2" -timeout=25 -rss_limit_mb=3000 -max_len=8192 -print_final_stats=1 "${dict[@]}" \
		-artifact_prefix="build/fuzz/found/$1-" "$kept" "tests/fuzz/corpus/$1" > "$log" 2>&1 </dev/null
	local status=$?
	printf '%-10s %9s inputs, %s, %s\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
		"$(sed -nE 's/.*(cov: [0-9]+ ft: [0-9]+).*/\1/p' "$log" | tail -1)" "$([ $status = 0 ] && echo ok || echo FAILED)"
	[ $status = 0 ] || grep -vE '^#[0-9]+' "$log" | tail -40
	return $status
}
export -f search

failed=0
printf '%s\0' "${names[@]}" | xargs -0 -P "${JOBS:-2}" -I{} bash -c 'search "$1" "$2" || { echo "$1" >> build/fuzz/failed; exit 0; }' - {} "$seconds"
if [ -f build/fuzz/failed ]; then
	failed=$(wc -l < build/fuzz/failed)
	rm build/fuzz/failed
fi
echo "$((${#names[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
