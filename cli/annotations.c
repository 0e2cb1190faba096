/* See annotations.h. The form and its escapes are those of GitHub's "workflow commands". */
#include "cli/annotations.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

bool annotations_wanted(void)
{
	return str_eq(getenv("GITHUB_ACTIONS"), "true");
}

/* In a property ':' and ',' end it, too. */
static void escaped(FILE *out, const char *s, bool property)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ',')))
			fprintf(out, "%%%02X", (unsigned char)*s);
		else
			fputc(*s, out);
	}
}

static void property(FILE *out, const char *name, const char *value, bool *any)
{
	fprintf(out, "%s%s=", *any ? "," : " ", name);
	escaped(out, value, true);
	*any = true;
}

void annotation_print(FILE *out, const struct annotation *a)
{
	char number[16];
	bool any = false;
	fprintf(out, "::%s", a->warning ? "warning" : "error");
	if (a->file)
		property(out, "file", a->file, &any);
	if (a->file && a->line) {
		snprintf(number, sizeof number, "%d", a->line);
		property(out, "line", number, &any);
	}
	if (a->file && a->line && a->col) {
		snprintf(number, sizeof number, "%d", a->col);
		property(out, "col", number, &any);
	}
	if (a->title)
		property(out, "title", a->title, &any);
	fputs("::", out);
	escaped(out, a->text, false);
	fputc('\n', out);
}

int annotations_of_run(const struct query *q, const struct project *p, const char *run_id, FILE *out, struct err *err)
{
	struct try_row *tries;
	size_t n;
	int rc = query_tries(q, run_id, NULL, NULL, &tries, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct try_row *t = &tries[i];
		bool last = i + 1 == n || strcmp(tries[i + 1].table, t->table) != 0 || strcmp(tries[i + 1].partition, t->partition) != 0;
		if (!last || !*t->error)
			continue; /* a try that another one has made good */
		const struct table *table = project_table(p, t->table);
		char *title = arena_printf(q->arena, "%s%s%s", t->table, *t->partition ? " " : "", t->partition);
		annotation_print(out, &(struct annotation){.file = table ? table->file : NULL, .line = t->error_line, .col = t->error_col,
		                                           .title = title, .text = t->error});
	}
	return rc;
}
