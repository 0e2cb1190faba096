/* See date.h. Conversion by the era algorithm of Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms" (2013). */
#include "core/date.h"

#include <stdio.h>
#include <string.h>

int32_t date_from_civil(int y, int m, int d)
{
	y -= m <= 2;
	int era = (y >= 0 ? y : y - 399) / 400;
	int yoe = y - era * 400;
	int doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

void date_to_civil(int32_t day, int *ret_y, int *ret_m, int *ret_d)
{
	int z = day + 719468;
	int era = (z >= 0 ? z : z - 146096) / 146097;
	int doe = z - era * 146097;
	int yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int mp = (5 * doy + 2) / 153;
	*ret_d = doy - (153 * mp + 2) / 5 + 1;
	*ret_m = mp < 10 ? mp + 3 : mp - 9;
	*ret_y = yoe + era * 400 + (*ret_m <= 2);
}

int date_weekday(int32_t day)
{
	return ((day + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
}

static bool digits(const char *s, int n, int *ret_value)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	*ret_value = v;
	return true;
}

static bool from_parts(const char *y, const char *m, const char *d, int32_t *ret_day)
{
	int yy, mm, dd;
	if (!digits(y, 4, &yy) || !digits(m, 2, &mm) || !digits(d, 2, &dd) || yy < 1)
		return false;
	int32_t day = date_from_civil(yy, mm, dd);
	int cy, cm, cd;
	date_to_civil(day, &cy, &cm, &cd);
	if (cy != yy || cm != mm || cd != dd)
		return false;
	*ret_day = day;
	return true;
}

bool date_parse_iso(const char *t, unsigned long n, int32_t *ret_day)
{
	return n == 10 && t[4] == '-' && t[7] == '-' && from_parts(t, t + 5, t + 8, ret_day);
}

bool date_parse(const char *t, int32_t *ret_day)
{
	size_t n = strlen(t);
	if (n == 8)
		return from_parts(t, t + 4, t + 6, ret_day);
	return date_parse_iso(t, n, ret_day);
}

char *date_format(char out[DATE_SIZE], int32_t day)
{
	int y, m, d;
	out[0] = '\0';
	if (day == DATE_NONE)
		return out;
	date_to_civil(day, &y, &m, &d);
	snprintf(out, DATE_SIZE, "%04d-%02d-%02d", y, m, d);
	return out;
}
