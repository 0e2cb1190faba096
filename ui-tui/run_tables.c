/* See run_tables.h. */
#include "ui-tui/run_tables.h"

#include <jansson.h>
#include <string.h>

#include "core/date.h"
#include "core/selection.h"
#include "scheduler/order.h"

/* The words of a run's selection: of its order, else of the text that was written for people. */
static void selection_of(const struct run_row *run, struct arena *arena, struct order *ret)
{
	struct err ignored = {0};
	json_t *params = json_loads(run->params, 0, NULL);
	bool ordered = params && json_object_get(params, "run_id") && order_decode(arena, params, ret, &ignored) == 0;
	json_decref(params);
	if (ordered)
		return;
	*ret = (struct order){0};
	char *text = arena_strdup(arena, run->selection), *rest = NULL;
	const char **select = arena_array(arena, strlen(text) + 1, sizeof *select), **exclude = arena_array(arena, strlen(text) + 1, sizeof *exclude);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (strcmp(word, "--exclude") != 0)
			select[ret->nselect++] = word;
		else if ((word = strtok_r(NULL, " ", &rest)))
			exclude[ret->nexclude++] = word;
		else
			break;
	}
	ret->select = select;
	ret->exclude = exclude;
}

static bool *selected(const struct run_row *run, const struct project *p, struct arena *arena)
{
	struct order o = {0};
	struct err ignored = {0};
	bool *in = arena_array(arena, p->ntables + 1, sizeof *in);
	selection_of(run, arena, &o);
	return selection_eval(p, o.select, o.nselect, o.exclude, o.nexclude, in, &ignored) == 0 ? in : NULL;
}

static struct run_line *add_head(struct run_tables *ret, const char *layer)
{
	ret->lines[ret->n] = (struct run_line){.layer = layer, .table = "", .index = UINT32_MAX};
	return &ret->lines[ret->n++];
}

static void lines_of_project(struct run_tables *ret, const struct project *p, const bool *in, struct arena *arena)
{
	struct run_line *head = NULL;
	ret->lines = arena_array(arena, p->ntables + p->nlayers + 1, sizeof *ret->lines);
	for (uint32_t t = 0; t < p->ntables; t++) {
		if (!in[t])
			continue;
		const char *layer = p->tables[t].layer->name;
		if (!head || strcmp(head->layer, layer) != 0)
			head = add_head(ret, arena_strdup(arena, layer));
		ret->lines[ret->n++] = (struct run_line){.layer = head->layer, .table = arena_strdup(arena, p->tables[t].qname), .index = t,
		                                              .partitioned = table_partitioned(&p->tables[t])};
		head->tables++;
	}
}

/* The project cannot say: the tables that have tasks with a row, as the state knows them. */
static int lines_of_state(struct run_tables *ret, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct task_row *rows;
	struct run_line *head = NULL;
	size_t n;
	int rc = query_tasks(&source->query, ret->run.run_id, NULL, &rows, &n, err);
	ret->lines = arena_array(arena, rc == 0 ? 2 * n + 1 : 1, sizeof *ret->lines);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (i && strcmp(rows[i].table, rows[i - 1].table) == 0)
			continue;
		const char *layer = arena_strndup(arena, rows[i].table, strcspn(rows[i].table, "."));
		if (!head || strcmp(head->layer, layer) != 0)
			head = add_head(ret, layer);
		ret->lines[ret->n++] = (struct run_line){.layer = head->layer, .table = rows[i].table, .index = UINT32_MAX, .partitioned = *rows[i].partition != '\0'};
		head->tables++;
	}
	return rc;
}

int run_tables_load(const char *run_id, const struct view_source *source, struct arena *arena, struct run_tables *ret, struct err *err)
{
	*ret = (struct run_tables){.ndates = 1};
	int rc = query_run(&source->query, run_id, &ret->run, err);
	if (rc < 0)
		return rc;
	ret->first_day = ret->run.first_day;
	if (ret->run.first_day != DATE_NONE && ret->run.last_day >= ret->run.first_day)
		ret->ndates = (uint32_t)(ret->run.last_day - ret->run.first_day) + 1;
	const bool *in = source->project->up_first ? selected(&ret->run, source->project, arena) : NULL;
	if (in)
		lines_of_project(ret, source->project, in, arena);
	else
		rc = lines_of_state(ret, source, arena, err);
	return rc;
}
