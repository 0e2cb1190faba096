/* Every command's descriptor; cli/cmd_<name>.c defines it. */
#ifndef STRATA_CLI_COMMANDS_H
#define STRATA_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command command_init;
extern const struct command command_doctor;
extern const struct command command_help;
extern const struct command command_history;
extern const struct command command_completion;
extern const struct command command_complete;
extern const struct command command_version;
extern const struct command command_validate;
extern const struct command command_list;
extern const struct command command_graph;
extern const struct command command_render;
extern const struct command command_preview;
extern const struct command command_sql;
extern const struct command command_catalog_refresh;
extern const struct command command_catalog_migrate;
extern const struct command command_clear;
extern const struct command command_gc;
extern const struct command command_db_start;
extern const struct command command_db_stop;
extern const struct command command_db_status;
extern const struct command command_db_migrate;
extern const struct command command_db_rebuild;
extern const struct command command_db_adopt;
extern const struct command command_plan;
extern const struct command command_run;
extern const struct command command_backfill;
extern const struct command command_check;
extern const struct command command_scheduler;
extern const struct command command_status;
extern const struct command command_trigger;
extern const struct command command_explain;
extern const struct command command_retry;
extern const struct command command_pause;
extern const struct command command_unpause;
extern const struct command command_cancel;
extern const struct command command_top;
extern const struct command command_runs;
extern const struct command command_tasks;
extern const struct command command_show;
extern const struct command command_logs;
extern const struct command command_diff;
extern const struct command command_audit;
extern const struct command command_lineage;
extern const struct command command_callbacks;
extern const struct command command_callbacks_test;
extern const struct command command_callbacks_retry;

#endif
