/* core/cron on any expression: refused with a reason, or it fires at whole minutes by the clock, forwards as backwards,
 * and each firing stands for times that it says. The first line is the expression, the second the zone's rule. */
#include "core/cron.h"
#include "tests/fuzz/fuzz.h"
#include "tests/helper/tzif_fixture.h"

static void check_fires(const struct cron *c, const struct zone *z, int64_t from)
{
	int64_t t = from, next, back, first, last;
	struct zone_span s;
	for (int i = 0; i < 20 && cron_next(c, z, t, &next); i++, t = next) {
		FUZZ_CHECKF(next > t, "%lld after %lld", (long long)next, (long long)t);
		zone_at(z, next, &s);
		int64_t wall = next + s.offset;
		FUZZ_CHECK(wall % 60 == 0);
		cron_stands_for(c, z, next, &first, &last);
		FUZZ_CHECKF(first <= last && last <= wall && (!c->follows_clock || first == wall), "at %lld: %lld to %lld, wall %lld", (long long)next, (long long)first,
		            (long long)last, (long long)wall);
		FUZZ_CHECK(c->bits[CRON_MINUTE] >> (((last % 3600) + 3600) % 3600 / 60) & 1);
		FUZZ_CHECK(cron_prev(c, z, next + 1, &back) && back == next);
		FUZZ_CHECK(i == 0 || (cron_prev(c, z, next, &back) && back == t));
		/* Nothing between: from anywhere there the next is the same. */
		FUZZ_CHECK(cron_next(c, z, t + (next - t) / 2, &back) && back == next);
		FUZZ_CHECK(cron_next(c, z, next - 1, &back) && back == next);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *rule = strchr(text, '\n');
	struct err err = {0};
	struct cron c;
	if (rule)
		*rule++ = '\0';
	struct zone *z = rule && strlen(rule) < 200 ? tzif_rule(rule, NULL) : NULL;
	if (!z)
		z = zone_utc();
	if (cron_parse(text, &c, &err) == 0) {
		check_fires(&c, z, 1710000000);
		check_fires(&c, z, 1730600000);
		check_fires(&c, z, INT64_MIN);
	} else {
		FUZZ_CHECK(err.code == ERR_PROJECT && *err.text);
	}
	zone_free(z);
	free(text);
	return 0;
}
