/* See zone_rule.h. */
#include "core/zone_rule.h"

#include <string.h>

#include "core/date.h"
#include "core/zone.h"

/* --- reading --- */

struct text {
	const char *at, *end;
};

static bool take(struct text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* A number from lo to hi, of at most three digits. */
static bool take_number(struct text *t, int lo, int hi, int *ret)
{
	int value = 0, n = 0;
	for (; t->at < t->end && is_digit(*t->at) && n < 3; t->at++, n++)
		value = value * 10 + (*t->at - '0');
	*ret = value;
	return n > 0 && value >= lo && value <= hi;
}

/* "EST", or "<-03>" for one that is not of letters only. */
static bool take_abbrev(struct text *t, char out[ZONE_ABBREV_SIZE])
{
	bool quoted = take(t, '<');
	size_t n = 0;
	for (; t->at < t->end && n < ZONE_ABBREV_SIZE - 1; t->at++) {
		char c = *t->at;
		if (!is_letter(c) && !(quoted && (is_digit(c) || c == '+' || c == '-')))
			break;
		out[n++] = c;
	}
	out[n] = '\0';
	return n >= 3 && (!quoted || take(t, '>'));
}

/* "[+-]h[h[h]][:mm[:ss]]" */
static bool take_time(struct text *t, int hours, int32_t *ret)
{
	bool minus = take(t, '-');
	int h = 0, m = 0, s = 0;
	if (!minus)
		take(t, '+');
	if (!take_number(t, 0, hours, &h))
		return false;
	if (take(t, ':')) {
		if (!take_number(t, 0, 59, &m))
			return false;
		if (take(t, ':') && !take_number(t, 0, 59, &s))
			return false;
	}
	int32_t seconds = (h * 60 + m) * 60 + s;
	*ret = minus ? -seconds : seconds;
	return true;
}

static bool take_change(struct text *t, struct zone_change *c)
{
	*c = (struct zone_change){.form = ZONE_DAY_OF_YEAR, .time = 2 * 3600};
	bool good;
	if (take(t, 'M')) {
		c->form = ZONE_DAY_OF_MONTH;
		good = take_number(t, 1, 12, &c->month) && take(t, '.') && take_number(t, 1, 5, &c->week) && take(t, '.') &&
		       take_number(t, 0, 6, &c->weekday);
	} else if (take(t, 'J')) {
		c->form = ZONE_DAY_JULIAN;
		good = take_number(t, 1, 365, &c->day);
	} else {
		good = take_number(t, 0, 365, &c->day);
	}
	return good && (!take(t, '/') || take_time(t, 167, &c->time));
}

static bool take_rule(struct text *t, struct zone_rule *r)
{
	int32_t west;
	if (!take_abbrev(t, r->standard.abbrev) || !take_time(t, 24, &west))
		return false;
	r->standard.offset = -west;
	if (t->at == t->end)
		return true;
	r->changes = true;
	r->summer.dst = true;
	r->summer.offset = r->standard.offset + 3600;
	if (!take_abbrev(t, r->summer.abbrev))
		return false;
	if (t->at < t->end && *t->at != ',') {
		if (!take_time(t, 24, &west))
			return false;
		r->summer.offset = -west;
	}
	return take(t, ',') && take_change(t, &r->begin) && take(t, ',') && take_change(t, &r->end) && t->at == t->end;
}

int zone_rule_parse(const char *text, size_t n, struct zone_rule *ret, struct err *err)
{
	struct text t = {text, text + n};
	struct zone_rule r = {0};
	if (!take_rule(&t, &r))
		return err_set(err, ERR_IO, "its rule '%.*s' is wrong at byte %d", n > 100 ? 100 : (int)n, text, (int)(t.at - text) + 1);
	*ret = r;
	return 0;
}

/* --- the changes of a year --- */

static int32_t day_of(const struct zone_change *c, int year)
{
	int32_t january = date_from_civil(year, 1, 1);
	if (c->form == ZONE_DAY_OF_YEAR)
		return january + c->day;
	if (c->form == ZONE_DAY_JULIAN) {
		bool leap = date_from_civil(year + 1, 1, 1) - january == 366;
		return january + c->day - 1 + (leap && c->day >= 60);
	}
	int32_t first = date_from_civil(year, c->month, 1);
	int32_t next = c->month == 12 ? date_from_civil(year + 1, 1, 1) : date_from_civil(year, c->month + 1, 1);
	int32_t day = first + (c->weekday - date_weekday(first) + 7) % 7 + (c->week - 1) * 7;
	return day < next ? day : day - 7; /* the fifth, where there are four */
}

struct event {
	int64_t at; /* UTC */
	const struct zone_kind *kind;
};

/* In order; where summer ends as the next one begins, as in a zone that always has it, the beginning is last. */
static void add_event(struct event *events, int *n, struct event e, const struct zone_kind *summer)
{
	int i = (*n)++;
	for (; i > 0 && (events[i - 1].at > e.at || (events[i - 1].at == e.at && events[i - 1].kind == summer)); i--)
		events[i] = events[i - 1];
	events[i] = e;
}

const struct zone_kind *zone_rule_at(const struct zone_rule *r, int64_t utc, int64_t *ret_from, int64_t *ret_until)
{
	*ret_from = INT64_MIN;
	*ret_until = INT64_MAX;
	if (!r->changes)
		return &r->standard;
	/* A change may be a week and a day away from the year that it is of. */
	enum { AROUND = 2, EVENTS = 2 * (2 * AROUND + 1) };
	struct event events[EVENTS] = {{0}};
	int year, month, day, n = 0;
	date_to_civil(zone_wall_day(utc), &year, &month, &day);
	for (int y = year - AROUND; y <= year + AROUND; y++) {
		int64_t begin = (int64_t)day_of(&r->begin, y) * 86400 + r->begin.time - r->standard.offset;
		int64_t end = (int64_t)day_of(&r->end, y) * 86400 + r->end.time - r->summer.offset;
		add_event(events, &n, (struct event){begin, &r->summer}, &r->summer);
		add_event(events, &n, (struct event){end, &r->standard}, &r->summer);
	}
	int i = 0; /* the first that is later; never 0 nor n, by AROUND */
	while (events[i].at <= utc)
		i++;
	*ret_from = events[i - 1].at;
	*ret_until = events[i].at;
	return events[i - 1].kind;
}
