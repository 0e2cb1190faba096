/* The days of a command: --date, or --start and --end, or yesterday in the project's zone. */
#ifndef STRATA_CLI_DATES_H
#define STRATA_CLI_DATES_H

#include "cli/command.h"
#include "core/project.h"

#define OPTION_DATE {.name = "date", .value = "D", .help = "one day; default: yesterday (see 'strata help dates')"}
#define OPTION_START {.name = "start", .value = "D", .help = "the first day of a range"}
#define OPTION_END {.name = "end", .value = "D", .help = "the last day of the range, included; default: yesterday"}

struct date_range {
	int32_t first, last; /* days, inclusive */
};

/* Sets the process's zone (scheduler/zone.h): --timezone, STRATA_TIMEZONE, the project's, the system's.
 * `p` may be NULL. ERR_USAGE for what is no date, a range that ends before it starts, an unknown zone. */
int dates_read(const struct invocation *inv, const struct project *p, struct date_range *ret, struct err *err);

#endif
