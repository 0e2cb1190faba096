/* See cron.h. What is written; core/cron_next.c finds out when that is. */
#include "core/cron.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { FIELD_SIZE = 256 };

struct field {
	const char *name;
	int low, high;
	const char *const *names; /* of the values from `low` on, or NULL */
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

static const struct field fields[CRON_FIELDS] = {
	{"minute", 0, 59, NULL}, {"hour", 0, 23, NULL}, {"day", 1, 31, NULL}, {"month", 1, 12, months}, {"weekday", 0, 7, weekdays},
};

/* A value of the field at *at, which moves behind it. */
static int read_value(const struct field *f, const char **at, int *ret, struct err *err)
{
	size_t n = strcspn(*at, ",-/");
	const char *text = *at;
	*at += n;
	for (int i = 0; f->names && f->names[i]; i++) {
		if (n == 3 && strncasecmp(text, f->names[i], n) == 0) {
			*ret = f->low + i;
			return 0;
		}
	}
	int value = 0;
	if (n == 0)
		return err_set(err, ERR_PROJECT, "%s: a value is missing", f->name);
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return err_set(err, ERR_PROJECT, "%s '%.*s' is no number%s", f->name, (int)n, text,
			               f->names == months ? " or jan-dec" : f->names ? " or sun-sat" : "");
		value = value < 1000 ? value * 10 + (text[i] - '0') : value;
	}
	if (value < f->low || value > f->high)
		return err_set(err, ERR_PROJECT, "%s '%.*s' is not within %d-%d", f->name, (int)n, text, f->low, f->high);
	*ret = value;
	return 0;
}

/* The number behind '/'. */
static int read_step(const struct field *f, const char **at, int *ret, struct err *err)
{
	size_t n = strcspn(*at, ",");
	const int most = f->high - f->low + 1;
	int step = 0;
	for (size_t i = 0; i < n && step <= most; i++)
		step = (*at)[i] >= '0' && (*at)[i] <= '9' ? step * 10 + ((*at)[i] - '0') : most + 1;
	if (step < 1 || step > most)
		return err_set(err, ERR_PROJECT, "%s: step '%.*s' is not within 1-%d", f->name, (int)n, *at, most);
	*at += n;
	*ret = step;
	return 0;
}

/* "*", "N", "N-M", "*" and "N-M" with a step. */
static int read_item(const struct field *f, const char **at, uint64_t *bits, struct err *err)
{
	int first = f->low, last = f->high, step = 1, rc = 0;
	bool range = **at == '*';
	const char *text = *at;
	if (range) {
		++*at;
	} else {
		rc = read_value(f, at, &first, err);
		last = first;
		range = rc == 0 && **at == '-';
		if (range) {
			++*at;
			rc = read_value(f, at, &last, err);
		}
	}
	if (rc == 0 && **at == '/') {
		if (!range)
			return err_set(err, ERR_PROJECT, "%s '%.*s': a step needs a range, such as %d-%d/…", f->name,
			               (int)strcspn(text, ","), text, first, f->high);
		++*at;
		rc = read_step(f, at, &step, err);
	}
	if (rc < 0)
		return rc;
	if (**at && **at != ',')
		return err_set(err, ERR_PROJECT, "%s '%.*s' is no value, range or step", f->name, (int)strcspn(text, ","), text);
	if (first > last)
		return err_set(err, ERR_PROJECT, "%s '%.*s' is a range from high to low: write it as two, with a comma", f->name,
		               (int)(*at - text), text);
	for (int v = first; v <= last; v += step)
		*bits |= UINT64_C(1) << v;
	return 0;
}

static int read_field(const struct field *f, const char *text, uint64_t *ret_bits, struct err *err)
{
	*ret_bits = 0;
	for (const char *at = text;; at++) {
		int rc = read_item(f, &at, ret_bits, err);
		if (rc < 0 || *at == '\0')
			return rc;
	}
}

/* Some month has one of the days. */
static bool comes(const struct cron *c)
{
	static const int longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	for (int m = 1; m <= 12; m++) {
		uint64_t of_month = (UINT64_C(1) << (longest[m - 1] + 1)) - 1;
		if ((c->bits[CRON_MONTH] >> m & 1) && (c->bits[CRON_DAY] & of_month))
			return true;
	}
	return false;
}

/* The names stand for these, in Vixie's cron as well. */
static const struct {
	const char *name, *fields;
} known[] = {
	{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
	{"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"},
};
enum { NKNOWN = sizeof known / sizeof *known };

static int read_name(const char *text, const char **ret_fields, struct err *err)
{
	const char *names[NKNOWN + 1] = {NULL};
	char hint[64];
	for (size_t i = 0; i < NKNOWN; i++) {
		names[i] = known[i].name;
		if (str_eq(text, known[i].name)) {
			*ret_fields = known[i].fields;
			return 0;
		}
	}
	if (str_eq(text, "@reboot"))
		return err_set(err, ERR_PROJECT, "'@reboot' is not supported: a schedule is a time of the calendar, and a start of the machine is none");
	str_did_you_mean(hint, sizeof hint, text, names);
	return err_set(err, ERR_PROJECT, "unknown name '%s'%s", text,
	               *hint ? hint : "; there are @yearly, @monthly, @weekly, @daily and @hourly");
}

static int read_fields(const char *text, struct cron *c, struct err *err)
{
	bool star[CRON_FIELDS] = {false};
	int n = 0;
	for (const char *at = text + strspn(text, " \t"); *at; at += strspn(at, " \t")) {
		char field[FIELD_SIZE];
		size_t len = strcspn(at, " \t");
		if (n == CRON_FIELDS)
			return err_set(err, ERR_PROJECT, "there are more than five fields");
		if (len >= sizeof field)
			return err_set(err, ERR_PROJECT, "%s: longer than %d bytes", fields[n].name, FIELD_SIZE - 1);
		memcpy(field, at, len);
		field[len] = '\0';
		if (read_field(&fields[n], field, &c->bits[n], err) < 0)
			return ERR_PROJECT;
		star[n] = *field == '*';
		at += len;
		n++;
	}
	if (n < CRON_FIELDS)
		return err_set(err, ERR_PROJECT, "there are %d of five fields", n);
	if (c->bits[CRON_WEEKDAY] >> 7 & 1)
		c->bits[CRON_WEEKDAY] |= 1;
	c->either_day = !star[CRON_DAY] && !star[CRON_WEEKDAY];
	c->follows_clock = star[CRON_MINUTE] || star[CRON_HOUR];
	return 0;
}

int cron_parse(const char *text, struct cron *ret, struct err *err)
{
	struct cron c = {0};
	if (*text == '@' && read_name(text, &text, err) < 0)
		return ERR_PROJECT;
	if (read_fields(text, &c, err) < 0)
		return ERR_PROJECT;
	if (!c.either_day && !comes(&c))
		return err_set(err, ERR_PROJECT, "none of its months has a day %d: it would never come", __builtin_ctzll(c.bits[CRON_DAY]));
	*ret = c;
	return 0;
}

int cron_check(const char *text, struct err *err)
{
	struct cron c;
	return cron_parse(text, &c, err);
}
