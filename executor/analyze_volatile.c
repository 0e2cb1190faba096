/* Which functions give another value tomorrow on the same data: clocks, randomness, sequences, settings,
 * and whatever reads files or the catalog. DuckDB's own stability is no test (today() is CONSISTENT_WITHIN_QUERY,
 * read_csv has none). */
#include "base/str.h"
#include "executor/analyze_walk.h"

static const char *const functions[] = {
	"ago", "arrow_scan", "currval", "current_catalog", "current_connection_id", "current_database",
	"current_date", "current_localtime", "current_localtimestamp", "current_query", "current_query_id",
	"current_role", "current_schema", "current_schemas", "current_setting", "current_time",
	"current_timestamp", "current_transaction_id", "current_user", "delta_scan", "gen_random_uuid",
	"get_block_size", "get_current_time", "get_current_timestamp", "getenv", "getvariable", "glob",
	"iceberg_metadata", "iceberg_scan", "iceberg_snapshots", "in_search_path", "localtime",
	"localtimestamp", "mysql_query", "mysql_scan", "nextval", "now", "pandas_scan",
	"pg_conf_load_time", "pg_postmaster_start_time", "postgres_query", "postgres_scan",
	"postgres_scan_pushdown", "python_map_function", "random", "seq_scan", "session_user", "setseed",
	"shapefile_meta", "sniff_csv", "sqlite_scan", "st_read", "st_read_meta", "stats", "summary",
	"today", "transaction_timestamp", "txid_current", "user", "uuid", "uuidv1", "uuidv4", "uuidv7",
	"which_secret", "write_log",
};

static const char *const prefixes[] = {"read_", "parquet_", "duckdb_", "pragma_"};

static const char *const names[] = {
	"current_catalog", "current_date", "current_role", "current_schema", "current_time", "current_timestamp",
	"current_user", "localtime", "localtimestamp",
};

bool walk_volatile_function(const char *name, size_t arguments)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (str_eq(functions[i], name))
			return true;
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (str_has_prefix(name, prefixes[i]))
			return true;
	return str_eq(name, "age") && arguments == 1; /* against today */
}

bool walk_volatile_name(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_eq(names[i], name))
			return true;
	return false;
}

bool walk_opaque_function(const char *name)
{
	return str_eq(name, "query") || str_eq(name, "query_table") || str_eq(name, "json_execute_serialized_sql") ||
	       str_eq(name, "from_substrait") || str_eq(name, "from_substrait_json");
}
