/* strata audit: who did what by hand, newest first. */
#include <time.h>

#include "cli/commands.h"
#include "cli/state.h"
#include "core/date.h"

static const struct output_column columns[] = {
	{.name = "at", .help = "when it was asked"},
	{.name = "actor", .help = "who asked: user@host"},
	{.name = "action", .help = "the command"},
	{.name = "object", .help = "what it was about: a run, a schedule, a table"},
	{.name = "outcome", .help = "'done', 'refused' or 'failed'; null while it waits"},
	{.name = "answer", .help = "what the scheduler answered"},
	{.name = "detail", .detail = true, .help = "the whole request, an object"},
	{0},
};

/* The day's first second in the process's zone. */
static int read_since(const struct options *o, int64_t *ret_us, struct err *err)
{
	const char *text = options_text(o, "since", NULL);
	int32_t day;
	int year, month, mday;
	*ret_us = 0;
	if (!text)
		return 0;
	if (!date_parse(text, &day))
		return err_set(err, ERR_USAGE, "'--since %s' is no date; write it YYYY-MM-DD or YYYYMMDD", text);
	date_to_civil(day, &year, &month, &mday);
	struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = mday, .tm_isdst = -1};
	*ret_us = (int64_t)mktime(&tm) * 1000000;
	return 0;
}

static enum output_style style_of(const char *outcome)
{
	return *outcome == 'd' ? STYLE_GOOD : *outcome ? STYLE_BAD : STYLE_PLAIN;
}

static int run(const struct invocation *inv, struct err *err)
{
	struct state s;
	struct audit_row *rows;
	size_t n = 0;
	long limit;
	int64_t since_us = 0;
	int rc = options_number(inv->options, "limit", 50, 1, 1000000, &limit, err);
	if (rc < 0)
		return rc;
	rc = state_open(inv, &s, err);
	if (rc == 0)
		rc = read_since(inv->options, &since_us, err);
	if (rc == 0)
		rc = query_audit(&s.query, since_us, limit, &rows, &n, err);
	if (rc == 0) {
		struct output out;
		output_begin(&out, inv->globals->output, columns);
		for (size_t i = 0; i < n; i++) {
			json_t *detail = json_loads(rows[i].detail, 0, NULL);
			output_time(&out, rows[i].at_us);
			output_text(&out, rows[i].actor);
			output_text(&out, rows[i].action);
			output_text(&out, rows[i].object);
			output_styled(&out, style_of(rows[i].outcome), *rows[i].outcome ? rows[i].outcome : NULL);
			output_text(&out, *rows[i].answer ? rows[i].answer : NULL);
			output_shown(&out, rows[i].detail, detail ? detail : json_null());
		}
		output_end(&out);
	}
	state_close(&s);
	return rc;
}

static const struct option options[] = {
	{.name = "since", .value = "D", .help = "only from this day on"},
	{.name = "limit", .letter = 'n', .value = "N", .help = "so many at most; default: 50"},
	{0},
};

const struct command command_audit = {
	.name = "audit",
	.group = "Look at what happened",
	.synopsis = "[--since D] [--limit N]",
	.summary = "who did what by hand, newest first",
	.details = "Each command that a scheduler took, with who asked (user@host), what it was about, its outcome and what was answered, and each removal of published data. Nothing is ever taken out of it. DETAIL, the whole request, is in JSON and CSV.",
	.examples = "strata audit\n"
	            "strata audit --since 2013-01-07 --output json",
	.options = options,
	.answers = {{.form = ANSWER_ROWS, .fields = columns}},
	.run = run,
};
