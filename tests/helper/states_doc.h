/* docs/STATES.md as text, from core/states.h. Shared by the program that writes it and the test that
 * compares it. */
#ifndef STRATA_TESTS_HELPER_STATES_DOC_H
#define STRATA_TESTS_HELPER_STATES_DOC_H

#include "base/buf.h"
#include "core/states.h"

struct states_doc_row {
	const char *name, *doc;
};

#define STATES_DOC_ROW(id, name, doc) {name, doc},

static inline void states_doc_table(struct buf *out, const char *title, const struct states_doc_row *rows, size_t n)
{
	buf_addf(out, "| %s | meaning |\n|---|---|\n", title);
	for (size_t i = 0; i < n; i++) {
		if (*rows[i].name)
			buf_addf(out, "| `%s` | %s |\n", rows[i].name, rows[i].doc);
	}
	buf_addc(out, '\n');
}

/* `first`: the state in which a thing is made. */
#define STATES_DOC_DIAGRAM(out, kind, end, first)                                                 \
	do {                                                                                      \
		buf_addf(out, "```mermaid\nstateDiagram-v2\n    [*] --> %s\n", kind##_state_name(first)); \
		for (int from = 0; from < (int)(end); from++) {                                   \
			bool last = true;                                                         \
			for (int to = 0; to < (int)(end); to++) {                                 \
				if (!kind##_may((enum kind##_state)from, (enum kind##_state)to))  \
					continue;                                                 \
				last = false;                                                     \
				buf_addf(out, "    %s --> %s\n", kind##_state_name((enum kind##_state)from), \
				         kind##_state_name((enum kind##_state)to));               \
			}                                                                         \
			if (last)                                                                 \
				buf_addf(out, "    %s --> [*]\n", kind##_state_name((enum kind##_state)from)); \
		}                                                                                 \
		buf_adds(out, "```\n\n");                                                         \
	} while (0)

#define STATES_DOC_TABLE(out, title, list)                                            \
	do {                                                                          \
		static const struct states_doc_row rows[] = {list(STATES_DOC_ROW)};   \
		states_doc_table(out, title, rows, sizeof rows / sizeof *rows);       \
	} while (0)

static inline void states_doc(struct buf *out)
{
	buf_adds(out,
	         "# States\n\n"
	         "Generated from `core/states.h` by `tests/helper/gen_states_doc.c`; a unit test compares them.\n"
	         "A state says where a thing is, a result or outcome how it ended, a wait why it is not there yet.\n"
	         "Every change is an event in the table `event`, written before anything follows from it.\n\n"
	         "## Run\n\n");
	STATES_DOC_DIAGRAM(out, run, RUN_STATES_END, RUN_PLANNED);
	STATES_DOC_TABLE(out, "state", RUN_STATES);
	STATES_DOC_TABLE(out, "result", RUN_RESULTS);
	STATES_DOC_TABLE(out, "kind", RUN_KINDS);
	buf_adds(out, "## Task\n\nA task goes back from `running` to `waiting` (wait `retry`) when its try failed and "
	              "another one may cure it, and\nfrom `ready` when its run was paused (wait `paused`) or a more urgent run "
	              "wants the same partition (wait `pool`).\n\n");
	STATES_DOC_DIAGRAM(out, task, TASK_STATES_END, TASK_WAITING);
	STATES_DOC_TABLE(out, "state", TASK_STATES);
	STATES_DOC_TABLE(out, "result", TASK_RESULTS);
	STATES_DOC_TABLE(out, "wait", TASK_WAITS);
	buf_adds(out, "## Try\n\n");
	STATES_DOC_DIAGRAM(out, try, TRY_STATES_END, TRY_STARTING);
	STATES_DOC_TABLE(out, "state", TRY_STATES);
	STATES_DOC_TABLE(out, "outcome", TRY_OUTCOMES);
	out->len--; /* no empty line at the end */
	out->data[out->len] = '\0';
}

#endif
