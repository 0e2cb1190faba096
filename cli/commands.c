/* The table of commands, by group, and the further pages of help. */
#include "cli/command.h"
#include "cli/commands.h"

const struct command *const commands[] = {
	&command_init,
	&command_doctor,
	&command_validate,
	&command_list,
	&command_graph,
	&command_render,
	&command_plan,
	&command_run,
	&command_backfill,
	&command_check,
	&command_scheduler,
	&command_status,
	&command_trigger,
	&command_explain,
	&command_retry,
	&command_clear,
	&command_pause,
	&command_unpause,
	&command_cancel,
	&command_top,
	&command_runs,
	&command_tasks,
	&command_show,
	&command_logs,
	&command_diff,
	&command_audit,
	&command_history,
	&command_lineage,
	&command_callbacks,
	&command_callbacks_test,
	&command_callbacks_retry,
	&command_preview,
	&command_sql,
	&command_catalog_refresh,
	&command_catalog_migrate,
	&command_gc,
	&command_db_start,
	&command_db_stop,
	&command_db_status,
	&command_db_migrate,
	&command_db_rebuild,
	&command_db_adopt,
	&command_help,
	&command_completion,
	&command_complete,
	&command_version,
	NULL,
};

const struct topic topics[] = {
	{.name = "dates", .summary = "how days and ranges are given",
	 .text = "A date is YYYY-MM-DD or YYYYMMDD. '--date D' is one day, '--start D --end D' a range with both ends in it; an end before its start is an error.\n"
	         "\n"
	         "Without any, the date is yesterday (T-1); '--start' alone goes up to it. Which day that is depends on the zone: '--timezone', else STRATA_TIMEZONE, else 'defaults.timezone' of dags/dw_config.yaml, else the system's."},
	{.name = "environment", .summary = "variables that strata reads",
	 .text = "  STRATA_DB            Postgres of the state, as --db\n"
	         "  STRATA_LAKE          where tables are published, as --lake\n"
	         "  STRATA_TIMEZONE      zone of \"yesterday\", as --timezone; else TZ\n"
	         "  STRATA_STATE_DIR     as root: where private servers keep their data; default: /var/lib/strata\n"
	         "  STRATA_WORKER        the program strata-worker, where it is not beside strata\n"
	         "  STRATA_THEME         of 'strata top': dark, light or mono\n"
	         "  NO_COLOR             no colour, if it is not empty\n"
	         "  PGPASSFILE, PG...    as libpq reads them\n"
	         "  XDG_RUNTIME_DIR      holds the socket of the private server\n"
	         "  TMPDIR               where that has no room, and what is temporary\n"
	         "  GITHUB_ACTIONS       'true': problems of the project are also annotations of its files\n"
	         "\n"
	         "tables.yaml and dags/dw_config.yaml may name others as ${NAME}."},
	{.name = "exit", .summary = "what the exit status says",
	 .text = "  0    all is well\n"
	         "  1    a task or a check failed\n"
	         "  2    the command line or the project is wrong\n"
	         "  3    state store, lake or engine out of reach\n"
	         "  4    nothing selected\n"
	         "  5    another run holds the lake, with --no-wait\n"
	         "  130  interrupted; what ran was canceled cleanly first"},
	{.name = "files", .summary = "what is where",
	 .text = "  dags/dw_config.yaml        layers, sources, schedules, pools, callbacks\n"
	         "  dags/<layer>/*.sql         one table each\n"
	         "  tables.yaml                the catalog of tables, where there is one\n"
	         "  catalog/migrations/*.sql   views and macros of the analysts' catalog\n"
	         "  .strata/                   in the lake: its identity, staging, logs, catalog.duckdb and, where the state has a private server, pg\n"
	         "  .strata/cache/             in the project: what was learned of its files; may be removed\n"
	         "\n"
	         "docs/CONFIG.md has every key of the two YAML files."},
	{.name = "output", .summary = "tables, JSON and CSV",
	 .text = "Results go to stdout, progress and messages to stderr. Every listing is a table for people, which fits the terminal; '--output json' is an array of objects and '--output csv' has a head line. Both keep every column.\n"
	         "\n"
	         "Each command's page names its fields, and docs/CLI.md and the man pages say what they mean. They are stable: what is there keeps its name, its type and its meaning, and new ones may come. Times are ISO-8601 in UTC, durations microseconds, null stands for what is absent. CSV has the same values, with nothing for null. A table has local times, and its heads say of which zone. An answer that is one object is one line of CSV, with what is no plain value as JSON in its cell. A command that has neither listing nor answer refuses both formats.\n"
	         "\n"
	         "An error is a line on stderr that begins with 'strata: ', whatever the output; the exit status is for programs. With '--log-format json' it is an event, command.failed, with error and status.\n"
	         "\n"
	         "Colour appears on a terminal only, and never when NO_COLOR is set."},
	{.name = "selection", .summary = "how tables are selected",
	 .text = "A selection is words; a table that any of them selects is in (union). Within a word a comma means both (intersection). '--exclude WORD' takes away. No word selects every table.\n"
	         "\n"
	         "  dwd                 every table of the layer dwd\n"
	         "  dwd_flights         the table; also dwd.dwd_flights\n"
	         "  *_daily, dws.*      names by pattern: * and ?\n"
	         "  tag:daily           tables with that tag in tables.yaml\n"
	         "  +dws_route_daily    the table and all that it reads, directly or not\n"
	         "  dwd_flights+        the table and all that read it\n"
	         "  2+ads_delay_league  two steps up; dwd_flights+1 one step down\n"
	         "  @dwd_flights        the table, its readers, and all that those read\n"
	         "  tag:daily,dws       in the layer dws and tagged daily\n"
	         "\n"
	         "'strata list WORD...' shows what is selected."},
	{0},
};
