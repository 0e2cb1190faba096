/* How long to wait before the next try: exponential backoff with jitter, capped. Pure. */
#ifndef STRATA_CORE_RETRY_H
#define STRATA_CORE_RETRY_H

#include <stdint.h>

struct retry_policy {
	int64_t delay_ms;     /* before the second try */
	int64_t max_delay_ms; /* ceiling; 0: a day */
	double backoff;       /* factor for each further try; less than 1 counts as 1 */
};

/* The delay in ms after try number `try_no` (from 1) failed: between half of what the policy says and all
 * of it, by `jitter` in 0..1, so that tries that failed together do not come back together. */
int64_t retry_delay_ms(const struct retry_policy *p, uint32_t try_no, double jitter);

#endif
