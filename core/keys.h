/* Every key of dw_config.yaml and tables.yaml, in one table that reads them, knows their defaults, finds
 * what a misspelt one meant, and makes docs/CONFIG.md.
 *
 * A section is one map of a file: its keys and where each value goes in that section's struct. The
 * structs below hold what was written, not yet checked against the rest of the project. */
#ifndef STRATA_CORE_KEYS_H
#define STRATA_CORE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "core/diag.h"
#include "core/project.h"
#include "core/yaml.h"

#define FILE_CONFIG "dags/dw_config.yaml"
#define FILE_TABLES "tables.yaml"

enum key_type {     /* goes into */
	KEY_TEXT,       /* const char *                                     */
	KEY_TEXTS,      /* struct texts                                     */
	KEY_BOOL,       /* bool                                             */
	KEY_TRISTATE,   /* enum tristate: true, false, or absent            */
	KEY_COUNT,      /* uint32_t in [lo, hi]                             */
	KEY_INTEGER,    /* int32_t in [lo, hi]                              */
	KEY_FACTOR,     /* double in [lo, hi]                               */
	KEY_DURATION,   /* int64_t, milliseconds, at least lo               */
	KEY_DATE,       /* int32_t, days since 1970                         */
	KEY_CHOICE,     /* int, index into choices                          */
	KEY_NAME,       /* const struct yaml *, a text whose place matters  */
	KEY_MAP,        /* const struct yaml *, a map that its owner reads  */
	KEY_ANY,        /* const struct yaml *, of any shape                */
};

struct texts {
	const char *const *items;
	size_t len;
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;              /* of its value in the section's struct */
	const char *fallback;       /* the default, as one would write it; NULL: none */
	const char *shape;          /* what docs call its type; NULL: as the type says */
	const char *const *choices; /* KEY_CHOICE: NULL-terminated */
	int64_t lo, hi;
	bool required;
	const char *doc;            /* one line */
};

struct section {
	const char *name;           /* "sources.<table>" */
	const char *file;
	const char *doc;
	const char *example;
	const struct key *keys;
	size_t nkeys;
	const struct section *base; /* whose value holds where a key is absent; NULL: none */
};

enum retry_on_choice { RETRY_ON_TRANSIENT, RETRY_ON_ANY };
enum output_choice { OUTPUT_TABLE, OUTPUT_NONE };
enum format_choice { FORMAT_PARQUET, FORMAT_DELTA, FORMAT_ICEBERG };

struct config_in { /* dw_config.yaml */
	const struct yaml *layers, *deps, *sources, *schedules, *pools, *defaults, *history, *callbacks;
};

struct history_in {
	uint32_t keep_days;
};

struct policy_in {
	struct table_policy policy; /* but for pool, engine, retry_any */
	const struct yaml *pool, *engine;
	int retry_on;               /* enum retry_on_choice */
};

struct defaults_in {
	struct policy_in p; /* first: shares its keys with table_in */
	const struct yaml *timezone;
};

struct source_in {
	const struct yaml *path;
	int format, missing;
	bool partitioned;
	const struct yaml *wait_for, *options;
	int64_t settle_ms;
};

struct options_in {
	const char *delim, *nullstr, *encoding;
	enum tristate header, all_varchar;
	const struct yaml *columns;
};

struct schedule_in {
	const struct yaml *cron, *timezone, *select;
	int32_t date_offset, start_date;
	uint32_t lookback, max_active_runs;
	int catchup;
	int64_t catchup_window_ms, deadline_ms, timeout_ms;
};

struct callback_in {
	const struct yaml *url, *headers, *command, *on, *kinds, *schedules, *tables;
	int64_t timeout_ms, retry_for_ms;
};

struct catalog_in { /* tables.yaml */
	const struct yaml *project, *storage, *tables;
};

struct project_in {
	const char *name, *env;
};

struct storage_in {
	const char *s3_bucket, *s3_prefix, *base_uri;
};

struct table_in {
	struct policy_in p; /* first: shares its keys with defaults_in */
	const char *description, *owner, *timestamp_col;
	const struct yaml *path;
	struct texts tags, primary_keys;
	const struct yaml *columns, *checks;
	int output, format;
};

struct column_in {
	const char *type, *description;
	const struct yaml *checks;
};

extern const struct section section_config, section_defaults, section_history, section_source, section_options, section_schedule, section_callback,
	section_catalog, section_project, section_storage, section_table, section_column;
extern const struct section section_layers, section_deps, section_pools; /* docs only: their keys are the user's names */
/* All of them in the order of docs/CONFIG.md, NULL-terminated. */
extern const struct section *const sections[];

/* Where values and complaints go. */
struct keys_reader {
	struct arena *arena;
	struct diags *diags;
};

/* Set every key of `target` to its default (absent: NULL, TRI_UNSET, DATE_NONE, 0). */
void section_reset(const struct section *s, void *target);

/* Read a map into `target`, whose keys that are absent or null stay as they are. `what` names the map
 * in complaints: "source 'ods_flights'". A null node is an empty map. False when the node is no map
 * or a required key is missing; a wrong value is reported and its key stays as it was. */
bool section_read(const struct keys_reader *r, const struct section *s, const struct yaml *node, const char *what,
                  void *target);

/* A list of texts; null is an empty list. False (and reported) when it is anything else. */
bool keys_texts(const struct keys_reader *r, const struct yaml *node, const char *what, struct texts *ret);

/* Complain about keys of a map that differ in case only: SQL takes them for one column. */
void keys_folded_twins(const struct keys_reader *r, const struct yaml *map, const char *what);

/* docs/CONFIG.md. */
void keys_doc(struct buf *out);

#endif
