/* See diag.h. */
#include "core/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void diag_add(struct diags *d, enum diag_level level, struct loc loc, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = arena_alloc(&d->arena, (size_t)(n < 0 ? 0 : n) + 1);
	if (n >= 0)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	for (char *c = s; *c; c++) { /* a key, a name, a word of the project may hold anything */
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	loc.file = arena_strdup(&d->arena, loc.file);
	MEM_GROW(d->items, d->len, d->cap);
	d->items[d->len++] = (struct diag){.level = level, .loc = loc, .text = s};
	d->errors += level == DIAG_ERROR;
	d->warnings += level == DIAG_WARNING;
}

static int by_place(const struct diag *a, const struct diag *b)
{
	int c = strcmp(a->loc.file ? a->loc.file : "", b->loc.file ? b->loc.file : "");
	if (c)
		return c;
	return a->loc.line != b->loc.line ? a->loc.line - b->loc.line : a->loc.col - b->loc.col;
}

/* A merge sort, because qsort is not stable and problems of one place keep their order. */
static void sort(struct diag *items, struct diag *spare, size_t n)
{
	if (n < 2)
		return;
	size_t half = n / 2;
	sort(items, spare, half);
	sort(items + half, spare, n - half);
	memcpy(spare, items, n * sizeof *items);
	for (size_t i = 0, j = half, k = 0; k < n; k++) {
		bool left = i < half && (j >= n || by_place(&spare[i], &spare[j]) <= 0);
		items[k] = left ? spare[i++] : spare[j++];
	}
}

void diags_sort(struct diags *d)
{
	struct diag *spare = mem_array(d->len, sizeof *spare);
	sort(d->items, spare, d->len);
	free(spare);
}

void diags_print(const struct diags *d, enum diag_level most, struct buf *out)
{
	static const char *const names[] = {"error", "warning", "note"};
	for (size_t i = 0; i < d->len; i++) {
		const struct diag *g = &d->items[i];
		if (g->level > most)
			continue;
		if (g->loc.file)
			buf_addf(out, "%s:", g->loc.file);
		if (g->loc.line)
			buf_addf(out, "%d:", g->loc.line);
		if (g->loc.line && g->loc.col)
			buf_addf(out, "%d:", g->loc.col);
		buf_addf(out, "%s%s: %s\n", g->loc.file ? " " : "", names[g->level], g->text);
	}
}

void diags_first_error(const struct diags *d, const char *otherwise, struct buf *out)
{
	for (size_t i = 0; i < d->len; i++) {
		const struct diag *g = &d->items[i];
		if (g->level != DIAG_ERROR)
			continue;
		buf_addf(out, "%s:%d:%d: %s", g->loc.file ? g->loc.file : "", g->loc.line, g->loc.col, g->text);
		if (d->errors > 1)
			buf_addf(out, " (and %zu more; strata validate)", d->errors - 1);
		return;
	}
	buf_adds(out, otherwise);
}

void diags_free(struct diags *d)
{
	free(d->items);
	arena_free(&d->arena);
	*d = (struct diags){0};
}
