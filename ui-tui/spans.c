/* See spans.h. */
#include "ui-tui/spans.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"

void spans_add(struct spans *s, int64_t us)
{
	if (!s->on)
		return;
	if (!s->us)
		s->us = mem_array(SPANS_MAX, sizeof *s->us);
	if (s->n < SPANS_MAX)
		s->us[s->n] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
	s->n++;
}

void spans_write(const struct spans *s, const char *what, FILE *out)
{
	if (!s->on)
		return;
	fprintf(out, "{\"what\": \"%s\", \"n\": %zu, \"us\": [", what, s->n);
	for (size_t i = 0; i < s->n && i < SPANS_MAX; i++)
		fprintf(out, "%s%" PRIu32, i ? ", " : "", s->us[i]);
	fputs("]}\n", out);
}

void spans_free(struct spans *s)
{
	free(s->us);
	*s = (struct spans){0};
}
