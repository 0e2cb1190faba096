/* The tables of a command line: its operands and --exclude, in the words of 'strata help selection'. */
#ifndef STRATA_CLI_SELECT_H
#define STRATA_CLI_SELECT_H

#include "cli/command.h"
#include "core/project.h"

#define OPTION_EXCLUDE {.name = "exclude", .value = "SELECT", .help = "leave these tables out", .repeat = true}

/* *ret: one flag a table of the resolved project, the caller's to free. No operand selects all. ERR_USAGE for
 * a name that is nothing's, ERR_NOTHING when nothing is selected. */
int select_tables(const struct invocation *inv, const struct project *p, bool **ret, struct err *err);

/* The one table that the first operand names; ERR_USAGE with the nearest name when there is none. */
int select_table(const struct invocation *inv, const struct project *p, const struct table **ret, struct err *err);

#endif
