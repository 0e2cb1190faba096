/* See task_name.h. */
#include "cli/task_name.h"

#include <stdio.h>
#include <string.h>

#include "core/date.h"

int task_name_read(const struct project *p, const char *first, const char *second, struct task_name *ret, struct err *err)
{
	char table[TASK_NAME_MAX];
	*ret = (struct task_name){0};
	if (strlen(first) >= sizeof table)
		return err_set(err, ERR_USAGE, "'%.40s...' is no task; write TABLE@DATE", first);
	snprintf(table, sizeof table, "%s", first);
	char *cut = strpbrk(table, "@/ ");
	const char *date = second;
	if (cut && !second) {
		*cut = '\0';
		date = cut + 1;
		if (strncmp(date, "dt=", 3) == 0)
			date += 3;
	}
	int32_t day;
	ret->partition_given = date && *date;
	if (ret->partition_given && !date_parse(date, &day))
		return err_set(err, ERR_USAGE, "'%s' is no date; write TABLE@YYYY-MM-DD", date);
	if (ret->partition_given)
		date_format(ret->partition, day);
	snprintf(ret->typed, sizeof ret->typed, "%s", table);
	project_full_name(p, table, ret->table, sizeof ret->table);
	ret->near = project_table(p, table) ? NULL : project_nearest(p, table);
	return 0;
}

int task_tries(const struct query *q, const char *run_id, const struct task_name *name, struct try_row **ret, size_t *ret_n,
               struct err *err)
{
	int rc = query_tries(q, run_id, name->table, name->partition_given ? name->partition : NULL, ret, ret_n, err);
	if (rc < 0 || *ret_n)
		return rc;
	struct task_row *tasks;
	size_t n;
	rc = query_tasks(q, run_id, name->table, &tasks, &n, err);
	if (rc < 0)
		return rc;
	if (!n)
		return err_set(err, ERR_USAGE, "run %s has no task of '%s'%s%s%s; 'strata tasks %s' lists them", run_id, name->typed,
		               name->near ? " (did you mean '" : "", name->near ? name->near : "", name->near ? "'?)" : "", run_id);
	for (size_t i = 0; i < n; i++) {
		if (!name->partition_given || strcmp(tasks[i].partition, name->partition) == 0)
			return err_set(err, ERR_USAGE, "%s%s%s has no try in run %s: it is %s%s%s%s%s", tasks[i].table, *tasks[i].partition ? " " : "",
			               tasks[i].partition, run_id, tasks[i].state, *tasks[i].result ? ", " : "", tasks[i].result,
			               *tasks[i].cause ? " because of " : "", tasks[i].cause);
	}
	return err_set(err, ERR_USAGE, "run %s has no task %s %s; 'strata tasks %s' lists them", run_id, name->table, name->partition, run_id);
}
