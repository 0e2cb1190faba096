/* The analysts' views and macros on their way into the project. Internal to load.c. */
#ifndef STRATA_SCHEDULER_LOAD_VIEWS_H
#define STRATA_SCHEDULER_LOAD_VIEWS_H

#include <jansson.h>

#include "base/buf.h"
#include "core/project.h"

/* catalog/migrations, which may be absent, into p->views. */
int load_views(struct project *p, struct diags *diags, struct err *err);

/* The query of a view as the text of a table's file, which is a template. */
void load_view_text(const struct view *v, struct buf *out);

/* The names of the project's macros, by which an analysis tells their calls; NULL: there are none. */
json_t *load_macros(const struct project *p);

#endif
