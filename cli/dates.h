/* The days of a command: --date, or --start and --end, or yesterday. */
#ifndef STRATA_CLI_DATES_H
#define STRATA_CLI_DATES_H

#include <stdint.h>

#include "cli/options.h"

#define OPTION_DATE {.name = "date", .value = "D", .help = "one day; default: yesterday (see 'strata help dates')"}
#define OPTION_START {.name = "start", .value = "D", .help = "the first day of a range"}
#define OPTION_END {.name = "end", .value = "D", .help = "the last day of the range, included; default: yesterday"}

struct date_range {
	int32_t first, last; /* days, inclusive */
};

/* "Yesterday" is in the process's zone, which opening the project has set (scheduler/zone.h). ERR_USAGE for
 * what is no date and for a range that ends before it starts. */
int dates_read(const struct options *o, struct date_range *ret, struct err *err);

#endif
