#!/usr/bin/env bash
# Make dbt-duckdb, the peer of the bench, in a virtual environment of its own and print its program's path.
#
#   bench/dbt.sh FOLDER
#
# dbt-core needs an override for a dependency that the public index does not have, which only uv can give.
# Idempotent; on failure prints why and leaves no half environment behind.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1

core=1.12.6
adapter=1.11.1
made=$folder/dbt-$core-$adapter
if [ ! -x "$made/bin/dbt" ]; then
	rm -rf "$made"
	trap 'rm -rf "$made"' ERR INT TERM
	python3 -m venv "$made" >&2
	"$made/bin/python" -m pip --disable-pip-version-check install --quiet uv >&2
	"$made/bin/uv" pip install --quiet --python "$made/bin/python" --override "$here/dbt-override.txt" \
		"dbt-core==$core" "dbt-duckdb==$adapter" duckdb==1.5.5 >&2
fi
echo "$made/bin/dbt"
