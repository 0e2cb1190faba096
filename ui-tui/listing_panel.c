/* See listing_panel.h. */
#include "ui-tui/listing_panel.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"
#include "core/date.h"

enum { WHEEL_ROWS = 3, BAR_COLUMNS = 10, TOLD_LEAST = 8 };

void listing_panel_init(struct panel *p)
{
	listing_init(p->state);
}

/* Where there is room, the last row tells what has none in its column. Lines that are only printed (height 0) are cut nowhere. */
static int told_rows(const struct panel *p)
{
	return p->height >= TOLD_LEAST;
}

void listing_panel_draw(struct panel *p, struct area a)
{
	int told = told_rows(p);
	listing_draw(p->state, area_rows(a, 0, a.height - told));
	if (told)
		listing_tell(p->state, area_rows(a, a.height - 1, 1));
}

bool listing_panel_command(struct panel *p, enum ui_command c)
{
	return listing_command(p->state, c, p->height - told_rows(p));
}

bool listing_panel_click(struct panel *p, const struct term_mouse *m)
{
	if (m->wheel)
		listing_scroll(p->state, WHEEL_ROWS * m->wheel);
	return m->press && m->y < p->height - told_rows(p) && listing_click(p->state, m->y);
}

void listing_panel_filter(struct panel *p, const char *text)
{
	listing_filter(p->state, text);
}

void listing_panel_close(struct panel *p)
{
	listing_free(p->state);
}

void cell_text(struct listing_cell *ret, enum look style, const char *text)
{
	snprintf(ret->text, sizeof ret->text, "%s", text);
	ret->style = style;
}

static void by_number(struct listing_cell *ret, int64_t n)
{
	ret->order = (double)n;
	ret->by_number = true;
}

void cell_number(struct listing_cell *ret, int64_t n)
{
	by_number(ret, n);
	if (n != PG_NULL64)
		snprintf(ret->text, sizeof ret->text, "%" PRId64, n);
}

void cell_time(struct listing_cell *ret, int64_t wall_us)
{
	time_t at = (time_t)(wall_us / 1000000);
	struct tm tm;
	by_number(ret, wall_us);
	if (!wall_us)
		return;
	localtime_r(&at, &tm);
	strftime(ret->text, sizeof ret->text, "%m-%d %H:%M:%S", &tm);
}

void cell_duration(struct listing_cell *ret, int64_t us)
{
	by_number(ret, us);
	if (us >= 0)
		clock_human(ret->text, sizeof ret->text, us);
}

void cell_bytes(struct listing_cell *ret, int64_t n)
{
	by_number(ret, n);
	if (n != PG_NULL64)
		str_bytes(ret->text, sizeof ret->text, n);
}

void cell_sign(struct listing_cell *ret, const struct sign *sign)
{
	snprintf(ret->text, sizeof ret->text, "%c", sign->letter);
	ret->style = sign->style;
}

void cell_bar(struct listing_cell *ret, int64_t done, int64_t all)
{
	size_t len = 0;
	int64_t full = all > 0 ? done * BAR_COLUMNS / all : BAR_COLUMNS;
	for (int i = 0; i < BAR_COLUMNS; i++)
		len += (size_t)snprintf(ret->text + len, sizeof ret->text - len, "%s", i < full ? "▓" : "░");
	snprintf(ret->text + len, sizeof ret->text - len, " %" PRId64 "/%" PRId64, done, all);
	by_number(ret, all > 0 ? done * 1000 / all : 1000);
}

void range_text(char *out, int32_t first, int32_t last)
{
	char from[DATE_SIZE], to[DATE_SIZE];
	date_format(from, first);
	date_format(to, last);
	if (first == last)
		snprintf(out, LISTING_TEXT_SIZE, "%s", from);
	else
		snprintf(out, LISTING_TEXT_SIZE, "%s..%s", from, to + (strncmp(from, to, 5) == 0 ? 5 : 0));
}
