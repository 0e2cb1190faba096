/* A project as read from its folder: layers, tables, sources, schedules, pools, and who reads whom.
 *
 * project_read() assembles it from the YAML files and the listing of dags/; project_resolve() adds the
 * edges from the tables' analyses. Both collect every problem (core/diag.h) and stop at none. All
 * memory is the project's arena; names are unique pointers within it. */
#ifndef STRATA_CORE_PROJECT_H
#define STRATA_CORE_PROJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/analysis.h"
#include "core/callback.h"
#include "core/definition.h"
#include "core/diag.h"
#include "core/span.h"

enum source_format { SOURCE_CSV, SOURCE_JSON, SOURCE_PARQUET };
enum source_missing { MISSING_EMPTY, MISSING_WAIT, MISSING_FAIL };
enum tristate { TRI_UNSET = -1, TRI_FALSE, TRI_TRUE };

struct source {
	const char *table;    /* the ODS table whose tmp_<table> it is */
	const char *path;     /* relative to the lake */
	enum source_format format;
	bool partitioned;     /* <path>/dt=<date>/... */
	enum source_missing missing;
	const char *wait_for;  /* MISSING_WAIT: the file that says that a date is whole; NULL: any file will do */
	int64_t settle_ms;     /* MISSING_WAIT: how long the files must not have changed */
	const char *delim, *nullstr, *encoding; /* NULL: detect */
	enum tristate header, all_varchar;
	const struct column *columns; /* the options' columns, in order */
	size_t ncolumns;
	struct loc loc;
};

struct column_decl {
	const char *name, *type, *description; /* type, description: NULL when absent */
	struct loc loc, type_loc;
};

enum table_kind { TABLE_SQL, TABLE_EXEC, TABLE_EXTERNAL };

struct layer {
	const char *name;
	uint32_t index;
	bool *upstream;   /* [nlayers]: may be read from here, transitively; never itself */
	struct loc loc;
};

/* What a try may do; each key has its default in dw_config.yaml `defaults` and its own in tables.yaml. */
struct table_policy {
	uint32_t retries;
	int64_t retry_delay_ms, max_retry_delay_ms;
	double retry_backoff;   /* factor per further try */
	bool retry_any;         /* retry_on: any */
	int64_t timeout_ms;     /* 0: none */
	uint32_t pool;          /* index into project.pools */
	const char *engine;     /* "duckdb", "exec", ... */
	int32_t priority_weight; /* 0: computed */
	bool allow_empty;
	bool depends_on_past;
	bool deterministic;
};

/* An analysts' view or macro of catalog/migrations, as it stands after all of them (core/views.c). */
struct view {
	enum definition_thing thing;
	const char *schema, *name; /* in lower case; "main" where no schema is named */
	const char *qname;         /* as the query names it: "analytics.busy_routes", or "busy_routes" of main */
	const char *ddl;     /* makes it, with its schema, whether it is there or not */
	const char *head;    /* what the query does not hold: names of columns, parameters, defaults */
	const char *query;   /* reads all that it reads; its second line begins at loc */
	struct loc loc;
	const struct analysis *analysis; /* of the query; set by the loader before project_resolve */
	uint32_t index;      /* in project.views, after project_resolve */
};

struct table {
	const char *name;   /* dwd_flights */
	const char *qname;  /* dwd.dwd_flights */
	const struct layer *layer;
	uint32_t index;     /* in project.tables */
	enum table_kind kind;
	const char *file;   /* relative to the project: dags/dwd/dwd_flights.sql; NULL for external */
	const char *path;   /* external: where its Parquet is; else NULL */
	struct loc loc;     /* of its file, or of its entry in tables.yaml */
	struct table_policy policy;
	const char *description, *owner;
	const char *const *tags;         size_t ntags;
	const char *const *primary_keys; size_t nprimary_keys;
	const struct loc *primary_keys_loc; /* [nprimary_keys] */
	const char *timestamp_col;       /* NULL: none */
	struct loc timestamp_loc;
	const struct column_decl *columns; size_t ncolumns;
	bool output_none;
	const char *format;              /* "parquet" */
	const struct source *source;     /* its tmp_ view, or NULL */
	const struct analysis *analysis; /* set by the loader before project_resolve; NULL for external */
	const char *sha256; /* hex, of its file's bytes as they were analyzed; NULL for external */
	const char *text; size_t text_len; /* its SQL as it was analyzed; NULL: not kept, see scheduler/load.h */
	/* after project_resolve, which puts what they read into `analysis`: its views, each after those it reads */
	const struct view *const *views; size_t nviews;
};

static inline bool table_partitioned(const struct table *t)
{
	return t->analysis && t->analysis->partitioned;
}

/* up is read by down. Spans of several references are all here; they may overlap. */
struct edge {
	uint32_t up, down;  /* table indexes; up == down: a self-read */
	struct span *spans;
	size_t nspans;
	bool declared;      /* only in table_dependencies, not in the SQL */
	struct loc loc;     /* of the first reference */
};

struct pool {
	const char *name;
	uint32_t slots;
	struct loc loc;
};

enum catchup { CATCHUP_OFF, CATCHUP_LATEST, CATCHUP_ALL };
struct schedule {
	const char *name, *cron, *timezone; /* timezone NULL: defaults.timezone */
	struct loc timezone_loc;
	const char *const *select; size_t nselect;
	const struct loc *select_loc; /* [nselect] */
	int32_t date_offset;      /* days; default -1 */
	uint32_t lookback;        /* days */
	enum catchup catchup;
	int64_t catchup_window_ms; /* 0: none */
	int64_t deadline_ms;      /* after the interval's time; 0: none */
	int64_t timeout_ms;       /* of a run; 0: none */
	uint32_t max_active_runs;
	int32_t start_date;       /* DATE_NONE: none */
	struct loc loc;
};

/* table_dependencies: layer: {table: [needs...]}, as written. project_read keeps those that can be: `table` is of
 * `layer`, and `needs`, plain or qualified, is of the same layer, of an upstream one, external, or `table` itself
 * (it depends on its past). project_table finds both. */
struct declared_dep {
	const char *layer, *table, *needs;
	struct loc loc;
};

struct project {
	struct arena arena;
	const char *dir;                   /* absolute */
	const char *name, *env;            /* tables.yaml project; env default "dev" */
	const char *base_uri;              /* storage.base_uri, or NULL */
	const char *timezone;              /* defaults.timezone, or NULL: the system's */
	struct loc timezone_loc;
	uint32_t keep_days;                /* history.keep_days; 0: for ever */
	struct layer *layers; size_t nlayers;    /* topological, else as written */
	struct table *tables; size_t ntables;    /* by layer, then name */
	struct source *sources; size_t nsources;
	struct schedule *schedules; size_t nschedules;
	struct callback *callbacks; size_t ncallbacks;
	struct pool *pools; size_t npools;       /* pools[0] is "default": unlimited (slots UINT32_MAX) unless set */
	struct declared_dep *declared; size_t ndeclared;
	struct table_policy defaults;
	struct view *views; size_t nviews, views_cap; /* by project_add_views */
	/* after project_resolve, those that were analyzed: each after those that it reads */
	const struct view *const *views_order; size_t nviews_order;
	/* after project_resolve: */
	struct edge *edges; size_t nedges;       /* sorted by down, then up */
	uint32_t *up_first;   /* [ntables + 1]: edges[up_first[t] .. up_first[t + 1]) are what t reads */
	uint32_t *down_edge;  /* edge indexes sorted by up */
	uint32_t *down_first; /* [ntables + 1] into down_edge: who reads t */
	uint32_t *order;      /* [ntables] topological, ties by index; self-reads ignored */
	void *by_name;        /* private: hash of name and qname */
};

/* One regular file (or link to one) directly in dags/<folder>/. */
struct project_file {
	const char *folder, *name; /* "dwd", "dwd_flights.sql" */
	bool executable;
	size_t size;
};

struct project_input {
	const char *dir;                       /* absolute path of the project */
	const char *config; size_t config_len; /* dags/dw_config.yaml, NULL when absent */
	const char *tables; size_t tables_len; /* tables.yaml, NULL when absent */
	const struct project_file *files; size_t nfiles;
	const char *const *folders; size_t nfolders; /* every folder directly in dags/ */
	const char *(*env)(void *ctx, const char *name); /* getenv, or a test's */
	void *env_ctx;
};

/* Never NULL; problems go to diags. The caller frees with project_free. */
struct project *project_read(const struct project_input *in, struct diags *diags);
/* What one file of catalog/migrations defines, replaces and drops; the files go in the order of their names, before
 * project_resolve. What does not belong into the catalog is left out with a note. */
void project_add_views(struct project *p, const char *file, const char *text, size_t n, struct diags *diags);
void project_resolve(struct project *p, struct diags *diags);
void project_free(struct project *p);

/* By name or qualified name, case-sensitive; NULL when there is none. */
const struct table *project_table(const struct project *p, const char *name);
/* The full name of a table, also of one that has left the project: dwd_x was dwd.dwd_x. What has no layer of the project is as
 * given. In `out`, cut to its size. */
const char *project_full_name(const struct project *p, const char *name, char *out, size_t size);
/* The nearest table name for "did you mean", or NULL: when none is near, or after 32 answers, because
 * each compares all names and a project full of mistakes must not be slow. */
const char *project_nearest(const struct project *p, const char *word);
/* The nearest name of a schedule; NULL: none is near. */
const char *project_nearest_schedule(const struct project *p, const char *word);

#endif
