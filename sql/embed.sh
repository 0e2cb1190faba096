#!/bin/sh
# Print the migrations given as arguments (sql/NNNN_name.sql, sorted) as C: one byte array each, so that
# no compiler's limit on string literals matters, and a table of them.
set -eu
for f in "$@"; do
	name=$(basename "$f" .sql)
	echo "static const unsigned char sql_${name}[] = {"
	od -An -v -tx1 "$f" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo "0x00};"
done
echo "static const struct migration migrations[] = {"
for f in "$@"; do
	name=$(basename "$f" .sql)
	number=$(echo "$name" | sed 's/_.*//; s/^0*//')
	echo "	{$number, \"$name\", sql_$name, sizeof sql_$name - 1},"
done
echo "};"
