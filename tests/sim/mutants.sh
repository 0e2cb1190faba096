#!/usr/bin/env bash
# Is each planted mutant caught? tests/sim/mutants/*.patch each break one promise of the product; its second line
# names the program that must fail with it. In a copy of the tree: apply, build, run, take back.
#
#   tests/sim/mutants.sh [NAME…]
#
# The worlds of sim_daemon are long and few: what none of the first 1,000 days meets gets 4,000.
# First each program must pass as it is. One line a mutant, then `N caught, N missed`. A patch that does not apply, or a tree that does not build, is a failure:
# a mutant that is no longer planted proves nothing.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

here=$PWD
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mapfile -t patches < <(ls tests/sim/mutants/*.patch)
[ $# -gt 0 ] && patches=("${@/#/tests/sim/mutants/}") && patches=("${patches[@]/%/.patch}")

git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$tree"
mkdir -p "$tree/build"
[ -d build/debug ] && cp -a build/debug "$tree/build/"
export DUCKDB_HOME=${DUCKDB_HOME:-$here/deps/duckdb}

program_of() {
	case $1 in
	sim_*) echo "build/debug/tests/sim/$1" ;;
	*) find tests/unit -name "$1.c" | sed 's|^\(.*\)\.c$|build/debug/\1|' ;;
	esac
}

passes() { (cd "$tree" && SIM_SHRINK=0 SIM_DAYS=4000 timeout 300 "$1" > log 2>&1); }

build() { make -s -C "$tree" MODE=debug DUCKDB_HOME="$DUCKDB_HOME" "$1" > "$tree/log" 2>&1; }

# What fails without a mutant catches none.
sound=1
for program in $(sed -sn 's/^caught by: //p' "${patches[@]}" | sort -u); do
	if ! build "$(program_of "$program")" || ! passes "$(program_of "$program")"; then
		sound=0
		echo "$program fails as it is:"
		tail -5 "$tree/log" | sed 's/^/    /'
	fi
done
[ $sound = 1 ] || { echo "0 caught, ${#patches[@]} missed"; exit 1; }

caught=0 missed=0
for patch in "${patches[@]}"; do
	name=$(basename "$patch" .patch)
	program=$(program_of "$(sed -n 's/^caught by: //p' "$patch")")
	said=
	if ! patch -s -p1 -d "$tree" --no-backup-if-mismatch < "$patch" > "$tree/log" 2>&1; then
		verdict='DOES NOT APPLY'
	elif ! build "$program"; then
		verdict='DOES NOT BUILD'
	elif passes "$program"; then
		verdict=MISSED
	else
		verdict=caught
		said=$(grep -oE '[a-z_]+\.[ch]:[0-9]+: .*|ended by signal.*' "$tree/log" | head -1)
	fi
	printf '%-28s %-14s %s\n' "$name" "$verdict" "$said"
	[ "$verdict" = MISSED ] || [ "$verdict" = caught ] || sed 's/^/    /' "$tree/log"
	if [ "$verdict" = caught ]; then caught=$((caught + 1)); else missed=$((missed + 1)); fi
	[ "$verdict" = 'DOES NOT APPLY' ] || patch -s -R -p1 -d "$tree" --no-backup-if-mismatch < "$patch"
done
echo "$caught caught, $missed missed"
[ $missed = 0 ] && [ $caught -gt 0 ]
