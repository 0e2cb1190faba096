/* See keys.h: the table itself. Add a key here, and reading, advice and docs follow. */
#include "core/keys.h"

static const char *const choices_format[] = {"csv", "json", "parquet", NULL};
static const char *const choices_missing[] = {"empty", "wait", "fail", NULL};
static const char *const choices_catchup[] = {"off", "latest", "all", NULL};
static const char *const choices_retry_on[] = {"transient", "any", NULL};
static const char *const choices_output[] = {"table", "none", NULL};
static const char *const choices_table_format[] = {"parquet", "delta", "iceberg", NULL};

#define KEYS(list) .keys = (list), .nkeys = sizeof(list) / sizeof *(list)
#define AT(type, member) .offset = offsetof(struct type, member)

static const struct key keys_config[] = {
	{"layer_dependencies", KEY_MAP, AT(config_in, layers), .doc = "Which layers there are, and which each may read."},
	{"table_dependencies", KEY_MAP, AT(config_in, deps), .doc = "Dependencies that no SQL shows."},
	{"sources", KEY_MAP, AT(config_in, sources), .doc = "The RAW files behind each ODS table."},
	{"schedules", KEY_MAP, AT(config_in, schedules), .doc = "When the scheduler runs what."},
	{"pools", KEY_MAP, AT(config_in, pools), .doc = "How many tasks of a kind may run at once."},
	{"defaults", KEY_MAP, AT(config_in, defaults), .doc = "What holds for every table."},
	{"history", KEY_MAP, AT(config_in, history), .doc = "How long it is remembered what happened."},
	{"callbacks", KEY_MAP, AT(config_in, callbacks), .doc = "Who is told of failures, recoveries and missed deadlines."},
};

/* The keys that defaults and tables share. D(x) is x in defaults, and in tables nothing: there the
 * value of defaults holds. */
#define POLICY_KEYS(D)                                                                                              \
	{"retries", KEY_COUNT, AT(policy_in, policy.retries), D("0"), .hi = 1000,                                   \
	 .doc = "Further tries after a failed one."},                                                               \
	{"retry_delay", KEY_DURATION, AT(policy_in, policy.retry_delay_ms), D("10s"),                               \
	 .doc = "Wait before the first retry."},                                                                    \
	{"retry_backoff", KEY_FACTOR, AT(policy_in, policy.retry_backoff), D("2"), .lo = 1, .hi = 100,              \
	 .doc = "Factor by which the wait grows with each further retry."},                                         \
	{"max_retry_delay", KEY_DURATION, AT(policy_in, policy.max_retry_delay_ms), D("10m"),                       \
	 .doc = "The longest wait between two tries."},                                                             \
	{"retry_on", KEY_CHOICE, AT(policy_in, retry_on), D("transient"), .choices = choices_retry_on,              \
	 .doc = "`transient`: only what a retry can cure (I/O, out of memory, a lost worker); `any`: every failure."}, \
	{"timeout", KEY_DURATION, AT(policy_in, policy.timeout_ms), D("0"),                                         \
	 .doc = "A try that runs longer is stopped; 0 is no limit."},                                               \
	{"pool", KEY_NAME, AT(policy_in, pool), D("default"), .doc = "The pool whose slots its tasks take."},       \
	{"engine", KEY_NAME, AT(policy_in, engine), D("duckdb"), .shape = "`duckdb`",                               \
	 .doc = "What runs the SQL. Executable files always have `exec`."},                                         \
	{"allow_empty", KEY_BOOL, AT(policy_in, policy.allow_empty), D("true"),                                     \
	 .doc = "An empty result is a success, and clears the partition; `false`: it fails, and nothing changes."}, \
	{"depends_on_past", KEY_BOOL, AT(policy_in, policy.depends_on_past), D("false"),                            \
	 .doc = "A date waits for the date before it. Implied where a table reads itself."},                        \
	{"deterministic", KEY_BOOL, AT(policy_in, policy.deterministic), D("false"),                                \
	 .doc = "An executable gives the same rows for the same input, so it may be fresh."}

#define OWN(text) .fallback = (text)
#define INHERITED(text) .fallback = NULL

static const struct key keys_defaults[] = {
	POLICY_KEYS(OWN),
	{"timezone", KEY_NAME, AT(defaults_in, timezone), .shape = "IANA zone",
	 .doc = "In which zone \"yesterday\" is. Else the system's."},
};

static const struct key keys_history[] = {
	{"keep_days", KEY_COUNT, AT(history_in, keep_days), "400", .hi = 36500,
	 .doc = "Runs that ended more than so many days ago are removed, with their logs; 0 keeps them for ever."},
};

static const struct key keys_source[] = {
	{"path", KEY_NAME, AT(source_in, path), .required = true,
	 .doc = "Where the files are, relative to the lake (also with a leading `/`)."},
	{"format", KEY_CHOICE, AT(source_in, format), "csv", .choices = choices_format, .doc = "What the files are."},
	{"partitioned", KEY_BOOL, AT(source_in, partitioned), "true",
	 .doc = "`true`: files of a day in `<path>/dt=<date>/`; `false`: `path` is a folder, a glob or one file."},
	{"missing", KEY_CHOICE, AT(source_in, missing), "empty", .choices = choices_missing,
	 .doc = "A date without files is empty input, or is waited for, or fails."},
	{"wait_for", KEY_NAME, AT(source_in, wait_for), .shape = "name of a file",
	 .doc = "With `missing: wait`: the file, such as `_SUCCESS`, that says that a date is whole. Else the first file that can be read does; see [SCHEDULES.md](SCHEDULES.md#sources-that-come-late-missing-wait)."},
	{"settle", KEY_DURATION, AT(source_in, settle_ms), "2s",
	 .doc = "With `missing: wait`: so long no file of the date may have changed before it is read."},
	{"options", KEY_MAP, AT(source_in, options), .doc = "How to read the files; see below."},
};

static const struct key keys_options[] = {
	{"delim", KEY_TEXT, AT(options_in, delim), .doc = "CSV: what separates values. Else detected."},
	{"header", KEY_TRISTATE, AT(options_in, header), .doc = "CSV: the first line has names. Else detected."},
	{"nullstr", KEY_TEXT, AT(options_in, nullstr), .doc = "CSV: the text that means NULL. Else the empty text."},
	{"encoding", KEY_TEXT, AT(options_in, encoding), .doc = "CSV: `utf-8`, `utf-16` or `latin-1`. Else utf-8."},
	{"columns", KEY_MAP, AT(options_in, columns), .shape = "map of name to type",
	 .doc = "Every column and its type, in the order of the file; a header may name them differently. Else detected from all rows."},
	{"all_varchar", KEY_TRISTATE, AT(options_in, all_varchar), .doc = "CSV: every column is VARCHAR. Else detected."},
};

static const struct key keys_schedule[] = {
	{"cron", KEY_NAME, AT(schedule_in, cron), .shape = "five fields, or `@daily` and its like", .required = true,
	 .doc = "When, as in cron; [SCHEDULES.md](SCHEDULES.md) says more."},
	{"timezone", KEY_NAME, AT(schedule_in, timezone), .shape = "IANA zone",
	 .doc = "The zone of `cron` and of the dates. Else that of `defaults`."},
	{"select", KEY_ANY, AT(schedule_in, select), .shape = "text, or list of text",
	 .doc = "What to run, as on the command line. Else everything."},
	{"date_offset", KEY_INTEGER, AT(schedule_in, date_offset), "-1", .lo = -3660, .hi = 3660,
	 .doc = "The run's date, in days from the day on which it starts."},
	{"lookback", KEY_COUNT, AT(schedule_in, lookback), "0", .hi = 3660,
	 .doc = "So many days before that date are looked at again; fresh ones cost nothing."},
	{"catchup", KEY_CHOICE, AT(schedule_in, catchup), "off", .choices = choices_catchup,
	 .doc = "What missed intervals get: nothing, the latest of them a run, or each one."},
	{"catchup_window", KEY_DURATION, AT(schedule_in, catchup_window_ms), "0",
	 .doc = "How far back missed intervals count; 0 is no limit."},
	{"max_active_runs", KEY_COUNT, AT(schedule_in, max_active_runs), "1", .lo = 1, .hi = 1000,
	 .doc = "Runs of this schedule at once."},
	{"deadline", KEY_DURATION, AT(schedule_in, deadline_ms), "0",
	 .doc = "A run that is not done so long after its interval's time calls the `deadline` callbacks, once, and goes on; 0 is none."},
	{"timeout", KEY_DURATION, AT(schedule_in, timeout_ms), "0",
	 .doc = "A run that takes longer, from when it was made, has failed: what runs is stopped, the rest is canceled. 0 is no limit."},
	{"start_date", KEY_DATE, AT(schedule_in, start_date),
	 .doc = "The first date: none before it is planned, and `latest` and `all` begin with it. Else the schedule begins when it is first seen."},
};

static const struct key keys_callback[] = {
	{"url", KEY_NAME, AT(callback_in, url), .shape = "`https://…`, with `${NAME}`",
	 .doc = "Where it is sent, by POST, as JSON. Empty by a variable (`${HOOK_URL:-}`): this callback is off."},
	{"headers", KEY_MAP, AT(callback_in, headers), .shape = "map of name to text, with `${NAME}`", .doc = "More headers of the request."},
	{"command", KEY_ANY, AT(callback_in, command), .shape = "text, or list of text",
	 .doc = "In place of `url`: a command for the shell, or a program and its arguments. It has the JSON on its standard input."},
	{"on", KEY_ANY, AT(callback_in, on), "[failure, recovery, deadline]", .shape = "list of event",
	 .doc = "Which events: `failure`, `recovery`, `deadline`, `success` of runs, `table_failure`, `table_recovery` of tables."},
	{"kinds", KEY_ANY, AT(callback_in, kinds), .shape = "list of `manual`, `scheduled`, `backfill`", .doc = "Of which runs. Else of all."},
	{"schedules", KEY_ANY, AT(callback_in, schedules), .shape = "list of schedule", .doc = "Only of runs of these schedules."},
	{"tables", KEY_ANY, AT(callback_in, tables), .shape = "text, or list of text",
	 .doc = "Which tables' events, selected as on the command line. Else all."},
	{"timeout", KEY_DURATION, AT(callback_in, timeout_ms), "30s", .lo = 100, .doc = "An attempt that takes longer has failed."},
	{"retry_for", KEY_DURATION, AT(callback_in, retry_for_ms), "1d",
	 .doc = "How long it is tried again, at growing distances, before it is given up."},
};

static const struct key keys_catalog[] = {
	{"project", KEY_MAP, AT(catalog_in, project), .doc = "What this project is called."},
	{"storage", KEY_MAP, AT(catalog_in, storage), .doc = "Where the lake is."},
	{"tables", KEY_MAP, AT(catalog_in, tables), .doc = "What each table is. A table needs no entry to run."},
};

static const struct key keys_project[] = {
	{"name", KEY_TEXT, AT(project_in, name), .doc = "The project's name. Else its folder's."},
	{"env", KEY_TEXT, AT(project_in, env), "dev", .doc = "The environment: `${ENV}` in the SQL."},
};

static const struct key keys_storage[] = {
	{"s3_bucket", KEY_TEXT, AT(storage_in, s3_bucket), .doc = "For `${s3_bucket}` in this file."},
	{"s3_prefix", KEY_TEXT, AT(storage_in, s3_prefix), .doc = "For `${s3_prefix}` in this file."},
	{"base_uri", KEY_TEXT, AT(storage_in, base_uri), .shape = "path, `file:///…` or `s3://bucket/prefix`",
	 .doc = "The lake, and `${base_uri}` in this file. `--lake` and `STRATA_LAKE` come first, and name a folder that is there; this one is made when it is first needed. Else the project folder."},
};

static const struct key keys_table[] = {
	{"description", KEY_TEXT, AT(table_in, description), .doc = "For people."},
	{"owner", KEY_TEXT, AT(table_in, owner), .doc = "Whom to ask."},
	{"tags", KEY_TEXTS, AT(table_in, tags), .doc = "For selection: `tag:daily`."},
	{"path", KEY_NAME, AT(table_in, path),
	 .doc = "External table: where its Parquet is, relative to the lake or a URI. A table with a file may only repeat its lake path, `<layer>/<table>`."},
	{"primary_keys", KEY_TEXTS, AT(table_in, primary_keys),
	 .doc = "Columns that are never NULL and together unique, within a partition where there are partitions."},
	{"timestamp_col", KEY_TEXT, AT(table_in, timestamp_col), .doc = "The column that says when a row happened; never NULL."},
	{"columns", KEY_MAP, AT(table_in, columns), .shape = "map of name to column",
	 .doc = "The columns, without `dt`; see below."},
	{"checks", KEY_ANY, AT(table_in, checks), .shape = "any",
	 .doc = "Accepted with a warning: this version evaluates none."},
	{"output", KEY_CHOICE, AT(table_in, output), "table", .choices = choices_output,
	 .doc = "`none`: a pure action, an executable or a query whose rows are dropped; nothing is staged or published, it always runs, and no table can read it."},
	{"format", KEY_CHOICE, AT(table_in, format), "parquet", .choices = choices_table_format,
	 .doc = "How it is stored. This version writes `parquet`."},
	{"priority_weight", KEY_INTEGER, AT(table_in, p.policy.priority_weight), "0", .lo = 0, .hi = 1000000000,
	 .doc = "Which ready task goes first; 0 is computed from the longest path below."},
	POLICY_KEYS(INHERITED),
};

static const struct key keys_column[] = {
	{"type", KEY_TEXT, AT(column_in, type), .shape = "SQL type", .doc = "As DuckDB writes it."},
	{"description", KEY_TEXT, AT(column_in, description), .doc = "For people."},
	{"checks", KEY_ANY, AT(column_in, checks), .shape = "any",
	 .doc = "Accepted with a warning: this version evaluates none."},
};

const struct section section_config = {
	.name = FILE_CONFIG, .file = FILE_CONFIG, KEYS(keys_config),
	.doc = "How the warehouse is put together. Every key may be absent, and so may the file.",
	.example = "layer_dependencies:\n"
	           "  ods: []\n"
	           "  dwd: [ods]\n"
	           "sources:\n"
	           "  ods_flights: {path: raw/flights}\n",
};

const struct section section_layers = {
	.name = "layer_dependencies", .file = FILE_CONFIG,
	.doc = "A map of each layer to the layers that it may read. That is transitive: with `dwd: [ods]` and\n"
	       "`ads: [dwd]`, `ads` may read `ods` too, whether `dwd` has files or not. Tables of one layer may always\n"
	       "read each other. A layer is a folder `dags/<layer>/`; its name is lower-case letters, digits and `_`,\n"
	       "and each of its files begins with it. Without this key each folder that holds `<folder>_*.sql` is a\n"
	       "layer, and any may read any.",
	.example = "layer_dependencies:\n"
	           "  ods: []\n"
	           "  dim: [ods]\n"
	           "  dwd: [ods, dim]\n",
};

const struct section section_deps = {
	.name = "table_dependencies", .file = FILE_CONFIG,
	.doc = "A map of layer to a map of table to the tables of the same layer that it needs. They are added to what\n"
	       "the SQL itself shows. Beyond the common format, a table of an upstream layer may be named too, as\n"
	       "`<layer>.<table>`: an executable file has no SQL that would show it. A table that names itself depends on\n"
	       "its own past.",
	.example = "table_dependencies:\n"
	           "  ads:\n"
	           "    ads_mail: [ads_report, dim.dim_carriers]\n",
};

const struct section section_source = {
	.name = "sources.<table>", .file = FILE_CONFIG, KEYS(keys_source),
	.doc = "The RAW files that the ODS table reads as the view `tmp_<table>`: `*.csv` (also `*.CSV`) and `*.csv.gz`;\n"
	       "`*.json`, `*.jsonl`, `*.ndjson` and `*.json.gz`; `*.parquet`. A date for which there are only files of\n"
	       "other names is empty, and its line in the run says which they are. Folders like `dt=20130101`, which are\n"
	       "no date `dt=YYYY-MM-DD`, are not read, and `plan` and `run` warn of them.",
	.example = "sources:\n"
	           "  ods_flights:\n"
	           "    path: raw/daily/flights      # raw/daily/flights/dt=2013-01-01/*.csv\n"
	           "    missing: empty\n"
	           "  ods_airlines:\n"
	           "    path: raw/airlines.csv\n"
	           "    partitioned: false\n",
};

const struct section section_options = {
	.name = "sources.<table>.options", .file = FILE_CONFIG, KEYS(keys_options),
	.doc = "How to read the files where DuckDB's own detection is not wanted.",
	.example = "    options:\n"
	           "      header: true\n"
	           "      nullstr: NA\n"
	           "      columns: {carrier: VARCHAR, name: VARCHAR}\n",
};

const struct section section_schedule = {
	.name = "schedules.<name>", .file = FILE_CONFIG, KEYS(keys_schedule),
	.doc = "When `strata scheduler` runs what.",
	.example = "schedules:\n"
	           "  daily:\n"
	           "    cron: '30 6 * * *'\n"
	           "    timezone: America/New_York\n"
	           "    select: +dws +ads\n"
	           "    lookback: 2\n",
};

const struct section section_callback = {
	.name = "callbacks.<name>", .file = FILE_CONFIG, KEYS(keys_callback),
	.doc = "Who is told, of what; [SCHEDULER.md](SCHEDULER.md#callbacks) says what is sent, and when. In `url` and `headers`\n"
	       "`${NAME}` is an environment variable, as in `tables.yaml`; what they stand for is neither logged nor stored.",
	.example = "callbacks:\n"
	           "  oncall:\n"
	           "    url: ${ALERT_URL:-}\n"
	           "    headers: {Authorization: 'Bearer ${ALERT_TOKEN:-}'}\n"
	           "    schedules: [daily]\n"
	           "  mail:\n"
	           "    command: [./tell.sh, warehouse]\n"
	           "    on: [table_failure, table_recovery]\n"
	           "    tables: [ads]\n",
};

const struct section section_pools = {
	.name = "pools", .file = FILE_CONFIG,
	.doc = "A map of pool to its slots, at least 1: so many tasks of that pool run at once, over all runs. The pool\n"
	       "`default` always exists; it has no limit of its own unless it stands here.",
	.example = "pools:\n"
	           "  reports: 2\n",
};

const struct section section_defaults = {
	.name = "defaults", .file = FILE_CONFIG, KEYS(keys_defaults),
	.doc = "What holds for every table that `tables.yaml` gives no value of its own.",
	.example = "defaults:\n"
	           "  retries: 2\n"
	           "  timeout: 30m\n"
	           "  timezone: America/New_York\n",
};

const struct section section_history = {
	.name = "history", .file = FILE_CONFIG, KEYS(keys_history),
	.doc = "How long `runs`, `show` and `logs` know what happened. `strata gc`, which the scheduler gives once a day, removes\n"
	       "what is older; what is published stays, with its lineage, whatever its age\n"
	       "([SCHEDULER.md](SCHEDULER.md#what-is-forgotten)). With the default one can compare with the same month of last\n"
	       "year.",
	.example = "history:\n"
	           "  keep_days: 90\n",
};

const struct section section_catalog = {
	.name = FILE_TABLES, .file = FILE_TABLES, KEYS(keys_catalog),
	.doc = "The catalog: what each table is and what must hold. The file may be absent.\n"
	       "\n"
	       "In its values `${NAME}` is an environment variable, and an undefined one is an error;\n"
	       "`${NAME:-default}` has a default for when it is undefined or empty. `${base_uri}`, `${s3_bucket}` and\n"
	       "`${s3_prefix}` are those of `storage`. `$$` is a plain `$`, and a `$` before anything else stays.\n"
	       "`s3a://` means `s3://`.",
	.example = "project:\n"
	           "  name: flights\n"
	           "tables:\n"
	           "  dwd_flights:\n"
	           "    description: One row per scheduled departure.\n",
};

const struct section section_project = {
	.name = "project", .file = FILE_TABLES, KEYS(keys_project),
	.doc = "What this project is called.",
	.example = "project:\n"
	           "  name: flights\n"
	           "  env: ${STRATA_ENV:-dev}\n",
};

const struct section section_storage = {
	.name = "storage", .file = FILE_TABLES, KEYS(keys_storage),
	.doc = "Where the lake is.",
	.example = "storage:\n"
	           "  s3_bucket: ${S3_BUCKET:-warehouse}\n"
	           "  base_uri: s3a://${s3_bucket}/prod\n",
};

const struct section section_table = {
	.name = "tables.<table>", .file = FILE_TABLES, KEYS(keys_table), .base = &section_defaults,
	.doc = "One table, named `dwd_flights` or `dwd.dwd_flights`. An entry that no file builds is an external table:\n"
	       "it needs a `path` and is only read.\n"
	       "\n"
	       "`primary_keys`, `timestamp_col`, `columns` and `allow_empty: false` are its **checks**. A run makes them on what\n"
	       "it has staged: if one fails, nothing is published. What must hold is no part of what a partition is made from, so\n"
	       "another check builds nothing: the next run makes the checks on what is published already, and fails where one does\n"
	       "not hold. (Other `columns` do build: they are also what an empty table looks like to its readers.) `strata check`\n"
	       "makes them at any time ([CLI.md](CLI.md#strata-check)); `strata run --force` builds it once more, and publishes it\n"
	       "only if they hold.",
	.example = "tables:\n"
	           "  dwd_flights:\n"
	           "    owner: warehouse\n"
	           "    tags: [daily]\n"
	           "    primary_keys: [carrier, flight_number, origin]\n"
	           "    timeout: 10m\n"
	           "  dim_countries:                 # external\n"
	           "    path: ${base_uri}/shared/countries/*.parquet\n",
};

const struct section section_column = {
	.name = "tables.<table>.columns.<column>", .file = FILE_TABLES, KEYS(keys_column),
	.doc = "One column; in place of the map, its type alone will do.",
	.example = "    columns:\n"
	           "      carrier: {type: VARCHAR, description: IATA code}\n"
	           "      flights: BIGINT\n",
};

const struct section *const sections[] = {
	&section_config, &section_layers, &section_deps, &section_source, &section_options, &section_schedule,
	&section_callback, &section_pools, &section_defaults, &section_history, &section_catalog, &section_project, &section_storage, &section_table,
	&section_column, NULL,
};
