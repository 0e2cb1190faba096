#!/usr/bin/env bash
# The numbers, as ratios to floors and peers measured in the same run: bench/README.md says how.
#
#   bench/run.sh [--rounds N] [--minutes N] [WORK…]      all works, or the named ones; the length of the soak
#
# Builds the floors, then bench/bench.py measures. strata is taken from build/release as it is there.
# Nothing is asserted: a missed aim is printed, and the status is 0 when everything could be measured.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

duckdb=${DUCKDB_HOME:-deps/duckdb}
bin=build/bench/bin
warnings=(-Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wconversion -Wvla -Werror)
mkdir -p "$bin"

[ -f "$duckdb/include/duckdb.h" ] || { echo "bench: no DuckDB in $duckdb: run 'make deps'" >&2; exit 3; }
if [ ! "$bin/floor" -nt bench/floor.c ]; then
	echo "bench: building the floors" >&2
	gcc -std=c11 -O2 -D_GNU_SOURCE "${warnings[@]}" -isystem "$duckdb/include" -c bench/floor.c -o "$bin/floor.o"
	g++ "$bin/floor.o" -o "$bin/floor" -Wl,--start-group "$duckdb"/lib/*.a -Wl,--end-group -lpthread -ldl -lm
fi
if [ ! "$bin/commits" -nt bench/commits.c ]; then
	read -ra flags <<<"$(pkg-config --cflags --libs libpq)"
	gcc -std=c11 -O2 -D_GNU_SOURCE "${warnings[@]}" bench/commits.c -o "$bin/commits" "${flags[@]}"
fi
exec python3 -B bench/bench.py "$@"
