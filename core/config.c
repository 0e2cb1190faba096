/* dw_config.yaml: its head, pools and defaults. See project_internal.h; layers are in layers.c, what
 * names tables in config_runs.c. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/project_internal.h"

enum { POOLS_MAX = 1000 };

/* Recurses as deep as the document, which is bounded. */
static void refuse_variables(struct reading *r, const struct yaml *node)
{
	if (node->kind == YAML_TEXT && strstr(node->text, "${"))
		diag_add(r->diags, DIAG_ERROR, node->loc,
		         "'${…}' has no meaning here: variables are for " FILE_TABLES
		         " and SQL files, so write the value");
	YAML_FOR_EACH(it, node)
		if (!str_eq(it->key, "callbacks") || node->key) /* where a callback goes may be secret; see config_callbacks.c */
			refuse_variables(r, it);
}

const char *timezone_read(struct reading *r, const struct yaml *node)
{
	if (!node)
		return NULL;
	const char *ok = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/+-";
	size_t n = strlen(node->text);
	if (n > 0 && n < 100 && strspn(node->text, ok) == n && *node->text != '/')
		return arena_strdup(&r->p->arena, node->text);
	char say[YAML_SAY_SIZE];
	diag_add(r->diags, DIAG_ERROR, node->loc, "'timezone' must be an IANA zone such as Europe/Berlin, not %s",
	         yaml_say(say, node));
	return NULL;
}

bool label_is_safe(const char *name)
{
	const char *ok = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t n = strlen(name);
	return n > 0 && n <= NAME_MAX_BYTES && strspn(name, ok) == n;
}

static void add_pool(struct reading *r, const struct yaml *it)
{
	struct project *p = r->p;
	char say[YAML_SAY_SIZE];
	int64_t slots;
	if (it->kind != YAML_TEXT || !str_to_i64(it->text, &slots) || slots < 1 || slots > 1000000) {
		diag_add(r->diags, DIAG_ERROR, it->loc,
		         "the slots of pool '%s' must be a whole number from 1 to 1000000, not %s", it->key,
		         yaml_say(say, it));
		slots = UINT32_MAX; /* known all the same: what names it is right */
	}
	if (str_eq(it->key, "default")) {
		p->pools[0].slots = (uint32_t)slots;
		p->pools[0].loc = it->key_loc;
		return;
	}
	if (!label_is_safe(it->key)) {
		diag_add(r->diags, DIAG_ERROR, it->key_loc,
		         "pool name '%s' is not usable: write letters, digits, '_', '-' and '.', at most 128",
		         it->key);
		return;
	}
	if (p->npools == POOLS_MAX) {
		diag_add(r->diags, DIAG_ERROR, it->key_loc, "more than %d pools, the most that are read", POOLS_MAX);
		return;
	}
	p->pools[p->npools++] = (struct pool){arena_strdup(&p->arena, it->key), (uint32_t)slots, it->key_loc};
}

static void read_pools(struct reading *r, const struct yaml *map)
{
	struct project *p = r->p;
	p->pools = arena_array(&p->arena, 1 + (map ? map->len : 0), sizeof *p->pools);
	p->pools[0] = (struct pool){.name = "default", .slots = UINT32_MAX};
	p->npools = 1;
	if (map)
		YAML_FOR_EACH(it, map)
			add_pool(r, it);
}

static const char *pool_name(const void *ctx, size_t i)
{
	return ((const struct pool *)ctx)[i].name;
}

static void resolve_pool(struct reading *r, const struct yaml *node, struct table_policy *policy)
{
	const struct project *p = r->p;
	for (uint32_t i = 0; i < p->npools; i++)
		if (strcmp(p->pools[i].name, node->text) == 0) {
			policy->pool = i;
			return;
		}
	if (!r->pools_known)
		return;
	char hint[160] = "";
	const char *nearest = str_nearest(node->text, pool_name, p->pools, p->npools);
	if (nearest)
		snprintf(hint, sizeof hint, " (did you mean '%s'?)", nearest);
	diag_add(r->diags, DIAG_ERROR, node->loc,
	         "unknown pool '%s'%s: name one of 'pools' in " FILE_CONFIG ", or add it there", node->text, hint);
}

static void check_engine(struct reading *r, const struct yaml *node, enum table_kind kind)
{
	static const char *const known[] = {"duckdb", "exec", "postgres", "trino", "spark", NULL};
	const char *name = node->text;
	bool exec = str_eq(name, "exec");
	if (exec != (kind == TABLE_EXEC) && (exec || str_eq(name, "duckdb"))) {
		diag_add(r->diags, DIAG_ERROR, node->loc,
		         exec ? "engine 'exec' is for executable files, which have it anyway: remove it"
		              : "engine 'duckdb' is for SQL, and this table is an executable file: remove it");
		return;
	}
	if (exec || str_eq(name, "duckdb"))
		return;
	for (size_t i = 0; known[i]; i++)
		if (str_eq(known[i], name)) {
			diag_add(r->diags, DIAG_ERROR, node->loc, "engine '%s' is not in this version: use 'duckdb'",
			         name);
			return;
		}
	char hint[160];
	diag_add(r->diags, DIAG_ERROR, node->loc, "unknown engine '%s'%s: use 'duckdb'", name,
	         str_did_you_mean(hint, sizeof hint, name, known));
}

void policy_resolve(struct reading *r, const struct policy_in *in, enum table_kind kind, struct table_policy *policy)
{
	uint32_t pool = policy->pool;
	const char *engine = policy->engine;
	*policy = in->policy;
	policy->pool = pool;
	policy->engine = engine;
	policy->retry_any = in->retry_on == RETRY_ON_ANY;
	if (in->pool)
		resolve_pool(r, in->pool, policy);
	if (in->engine)
		check_engine(r, in->engine, kind);
}

static void read_defaults(struct reading *r)
{
	struct project *p = r->p;
	struct defaults_in in = {0};
	section_reset(&section_defaults, &in);
	if (r->config.defaults)
		section_read(&r->keys, &section_defaults, r->config.defaults, "defaults", &in);
	p->defaults.engine = "duckdb";
	policy_resolve(r, &in.p, TABLE_SQL, &p->defaults);
	p->timezone = timezone_read(r, in.timezone);
	if (in.timezone)
		p->timezone_loc = in.timezone->loc;
}

static void read_history(struct reading *r)
{
	struct history_in in = {0};
	section_reset(&section_history, &in);
	if (r->config.history)
		section_read(&r->keys, &section_history, r->config.history, "history", &in);
	r->p->keep_days = in.keep_days;
}

void config_read_head(struct reading *r, const struct yaml *root)
{
	if (root) {
		refuse_variables(r, root);
		section_read(&r->keys, &section_config, root, "the file", &r->config);
		const struct yaml *pools = yaml_get(root, "pools");
		bool readable = root->kind == YAML_NULL || root->kind == YAML_MAP;
		r->pools_known = readable && (!pools || pools->kind == YAML_NULL || r->config.pools);
	}
	read_pools(r, r->config.pools);
	read_defaults(r);
	read_history(r);
}
