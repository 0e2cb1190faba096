/* See retry.h. */
#include "core/retry.h"

enum { DAY_MS = 24 * 3600 * 1000 };

int64_t retry_delay_ms(const struct retry_policy *p, uint32_t try_no, double jitter)
{
	double ceiling = (double)(p->max_delay_ms > 0 ? p->max_delay_ms : DAY_MS);
	double delay = p->delay_ms > 0 ? (double)p->delay_ms : 0;
	/* A multiplication a try, not pow(): it stops at the ceiling, so it can neither overflow nor take long. */
	if (p->backoff > 1) {
		for (uint32_t i = 1; i < try_no && i < 1000 && delay < ceiling; i++)
			delay *= p->backoff;
	}
	if (delay > ceiling)
		delay = ceiling;
	if (!(jitter >= 0)) /* NaN too */
		jitter = 0;
	if (jitter > 1)
		jitter = 1;
	return (int64_t)(delay * (0.5 + 0.5 * jitter));
}
