/* core/date, core/span and core/duration on any text: what is read can be written and read again, and the
 * two directions of a span agree. */
#include "base/str.h"
#include "core/date.h"
#include "core/duration.h"
#include "core/span.h"
#include "tests/fuzz/fuzz.h"

static void check_date(const char *text)
{
	int32_t day = DATE_NONE, again = DATE_NONE;
	char out[DATE_SIZE];
	size_t n = strlen(text);
	if (date_parse(text, &day)) {
		FUZZ_CHECK(day != DATE_NONE);
		date_format(out, day);
		FUZZ_CHECKF(strlen(out) == 10 && (n == 8 || str_eq(out, text)), "%s is %s", text, out);
		FUZZ_CHECK(date_parse_iso(out, 10, &again) && again == day);
	}
	FUZZ_CHECK(date_parse_iso(text, n, &again) == (n == 10 && day != DATE_NONE));
}

/* Whoever reads `up` on `day` by the one direction does so by the other. */
static void check_days(const struct span *s, int32_t day, int32_t up)
{
	int32_t lo, hi, first, last;
	bool reads = span_reads(s, day, &lo, &hi) && lo <= up && up <= hi;
	bool reader = span_readers(s, up, &first, &last) && first <= day && day <= last;
	FUZZ_CHECKF(reads == reader, "day %d, upstream %d: reads %d, read by %d", day, up, reads, reader);
}

static void check_span(const char *text)
{
	struct span s, again;
	char out[SPAN_SIZE];
	const char *end = span_parse(text, &s);
	if (!end)
		return;
	FUZZ_CHECK(end > text && end <= text + strlen(text));
	span_format(out, &s);
	FUZZ_CHECKF(span_parse(out, &again) == out + strlen(out), "%s", out);
	FUZZ_CHECK(again.lo.kind == s.lo.kind && again.lo.day == s.lo.day && again.hi.kind == s.hi.kind &&
	           again.hi.day == s.hi.day);
	static const int32_t days[] = {-719162, 0, 15706, 15707, 15711, 2932896};
	for (size_t i = 0; i < sizeof days / sizeof *days; i++)
		for (size_t k = 0; k < sizeof days / sizeof *days; k++)
			check_days(&s, days[i], days[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	int64_t ms = -1;
	check_date(text);
	check_span(text);
	if (duration_parse(text, &ms))
		FUZZ_CHECK(ms >= 0 && ms <= (int64_t)3653 * 24 * 3600 * 1000);
	else
		FUZZ_CHECK(ms == -1);
	free(text);
	return 0;
}
