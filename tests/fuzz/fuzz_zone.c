/* core/zone on any bytes: an error, or a zone whose spans meet, whose offsets are within bounds, and whose wall times
 * come back. */
#include "core/zone.h"
#include "tests/fuzz/fuzz.h"

/* Both ends of the span meet their neighbours, and the times around them come back from their wall times. */
static void check_at(const struct zone *z, int64_t utc)
{
	struct zone_span s, other;
	zone_at(z, utc, &s);
	FUZZ_CHECK(s.from < s.until && (s.from == INT64_MIN || s.from > ZONE_TIME_MIN) && (s.until == INT64_MAX || s.until <= ZONE_TIME_MAX));
	FUZZ_CHECK(s.offset >= -ZONE_OFFSET_MAX && s.offset <= ZONE_OFFSET_MAX && strlen(s.abbrev) < 16);
	if (utc >= ZONE_TIME_MIN && utc <= ZONE_TIME_MAX)
		FUZZ_CHECK(s.from <= utc && utc < s.until);
	if (s.from != INT64_MIN) {
		zone_at(z, s.from - 1, &other);
		FUZZ_CHECKF(other.until == s.from, "%lld, %lld", (long long)other.until, (long long)s.from);
	}
	if (s.until != INT64_MAX) {
		zone_at(z, s.until, &other);
		FUZZ_CHECK(other.from == s.until);
	}
	int64_t first = 0, last = 0;
	if (utc < ZONE_TIME_MIN || utc > ZONE_TIME_MAX)
		return;
	enum zone_shown shown = zone_from_wall(z, utc + s.offset, &first, &last);
	FUZZ_CHECK(shown != ZONE_NEVER && first <= utc && utc <= last && (shown == ZONE_TWICE) == (first < last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = {0};
	char *bytes = fuzz_bytes(data, size);
	struct zone *z = zone_parse(bytes, size, &err);
	free(bytes);
	if (!z) {
		FUZZ_CHECK(err.code == ERR_IO && *err.text);
		return 0;
	}
	static const int64_t times[] = {INT64_MIN, ZONE_TIME_MIN, ZONE_TIME_MIN + 1, -2717650800, 0, 1173596400, 1710054000, 2147483647, 4102444800, ZONE_TIME_MAX, INT64_MAX};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		check_at(z, times[i]);
	/* On from some transition, some twenty of them. */
	struct zone_span s = {.until = -3000000000};
	for (int i = 0; i < 20 && s.until != INT64_MAX; i++) {
		check_at(z, s.until - 1);
		zone_at(z, s.until, &s);
	}
	zone_free(z);
	return 0;
}
