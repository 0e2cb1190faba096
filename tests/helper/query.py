"""Runs its arguments as SQL in a DuckDB that knows nothing of strata; prints the last result, tab-separated."""
import sys

import duckdb

connection = duckdb.connect()
for sql in sys.argv[1:]:
    result = connection.execute(sql)
for row in result.fetchall():
    print("\t".join("NULL" if value is None else str(value) for value in row))
