/* How long something took, each time, for who measures the screen (bench/works_screen.py).
 *
 *     struct spans draws = {.on = true};
 *     spans_add(&draws, us);
 *     spans_write(&draws, "draw", stderr);      {"what": "draw", "n": 12, "us": [310, 95, …]}
 *
 * It keeps the first SPANS_MAX, and counts the others; nothing at all where it is not on. */
#ifndef STRATA_UI_TUI_SPANS_H
#define STRATA_UI_TUI_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { SPANS_MAX = 20000 };

struct spans {
	bool on;
	size_t n;
	uint32_t *us; /* [SPANS_MAX] once there is one */
};

void spans_add(struct spans *s, int64_t us);
void spans_write(const struct spans *s, const char *what, FILE *out); /* nothing where it is not on */
void spans_free(struct spans *s);

#endif
