/* See selection.h. A set is a bool per table; each word costs a walk over the graph at most. */
#include "core/selection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { WORD_SIZE = 1024, STEPS_MAX = 1 << 20 };

struct sets {
	const struct project *p;
	bool *word;       /* what one word selects */
	bool *all;        /* what the words of an intersection select together */
	uint32_t *queue;
	uint32_t *steps;  /* how far a table is from the start, plus 1; 0: not reached */
	char no_tag[128]; /* one that was asked for and no table has, or "" */
};

/* A word without commas, taken apart. */
struct word {
	const char *body;
	int64_t up, down; /* steps; 0: none, STEPS_MAX: all */
	bool at;          /* @ */
};

static bool selectable(const struct table *t)
{
	return t->kind != TABLE_EXTERNAL;
}

static const char *layer_name(const void *ctx, size_t i)
{
	return ((const struct layer *)ctx)[i].name;
}

static bool has_tag(const struct table *t, const char *pattern)
{
	for (size_t i = 0; i < t->ntags; i++)
		if (str_glob(pattern, t->tags[i]))
			return true;
	return false;
}

static bool is_tag(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->ntables; i++) {
		if (!strpbrk(name, "*?") && has_tag(&p->tables[i], name))
			return true;
	}
	return false;
}

static const char *tag_at(const void *tags, size_t i)
{
	return ((const char *const *)tags)[i];
}

static int no_such_tag(const struct project *p, const char *tag, struct err *err)
{
	const char **tags = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = 0; i < p->ntables; i++) {
		for (size_t k = 0; k < p->tables[i].ntags; k++) {
			MEM_GROW(tags, n, cap);
			tags[n++] = p->tables[i].tags[k];
		}
	}
	const char *near = str_nearest(tag, tag_at, tags, n);
	err_set(err, ERR_NOTHING, "the selection is empty: no table has the tag '%s'%s%s%s", tag, near ? " (did you mean 'tag:" : "",
	        near ? near : "", near ? "'?)" : "");
	free(tags);
	return ERR_NOTHING;
}

static int unknown(const struct project *p, const char *name, struct err *err)
{
	const char *layer = str_nearest(name, layer_name, p->layers, p->nlayers);
	const char *table = project_nearest(p, name), *near = layer;
	if (table && (!layer || str_distance(name, table) < str_distance(name, layer)))
		near = table;
	char hint[320] = "";
	if (is_tag(p, name))
		snprintf(hint, sizeof hint, ": it is a tag, write 'tag:%s'", name);
	else if (near)
		snprintf(hint, sizeof hint, " (did you mean '%s'?)", near);
	else
		snprintf(hint, sizeof hint, "; 'strata list' shows them");
	return err_set(err, ERR_USAGE, "unknown table or layer '%s'%s", name, hint);
}

static const struct layer *find_layer(const struct project *p, const char *name)
{
	for (size_t i = 0; i < p->nlayers; i++)
		if (strcmp(p->layers[i].name, name) == 0)
			return &p->layers[i];
	return NULL;
}

/* The tables that the word's body names, without neighbours. */
static int match(struct sets *s, const char *body, bool *set, struct err *err)
{
	const struct project *p = s->p;
	bool any = false;
	const char *tag = str_has_prefix(body, "tag:") ? body + strlen("tag:") : NULL;
	if (tag ? !*tag : strchr(body, ':') != NULL)
		return err_set(err, ERR_USAGE, "cannot select by '%s': write 'tag:<tag>', a layer, a table or a pattern", body);
	bool pattern = !tag && strpbrk(body, "*?"), dotted = strchr(body, '.');
	const struct layer *layer = find_layer(p, body);
	const struct table *table = tag || pattern || layer ? NULL : project_table(p, body);
	if (table && !selectable(table))
		return err_set(err, ERR_USAGE, "'%s' is an external table: nothing builds it", table->qname);
	if (table) {
		set[table->index] = true;
		return 0;
	}
	if (!tag && !pattern && !layer)
		return unknown(p, body, err);
	for (size_t i = 0; i < p->ntables; i++) {
		const struct table *t = &p->tables[i];
		bool hit = layer ? t->layer == layer
		           : tag ? has_tag(t, tag) : str_glob(body, dotted ? t->qname : t->name);
		set[i] |= hit && selectable(t);
		any |= hit;
	}
	if (tag && !any)
		snprintf(s->no_tag, sizeof s->no_tag, "%s", tag);
	return 0;
}

/* Grow the set by what is at most `most` steps up or down from it, breadth first. */
static void grow(struct sets *s, bool *set, bool up, int64_t most)
{
	const struct project *p = s->p;
	size_t head = 0, tail = 0;
	if (!p->up_first)
		return; /* nobody has asked who reads whom */
	memset(s->steps, 0, p->ntables * sizeof *s->steps);
	for (uint32_t t = 0; t < p->ntables; t++) {
		if (set[t]) {
			s->steps[t] = 1;
			s->queue[tail++] = t;
		}
	}
	while (head < tail) {
		uint32_t t = s->queue[head++];
		if (s->steps[t] > most)
			break; /* the rest of the queue is as far */
		const uint32_t *first = up ? p->up_first : p->down_first;
		for (uint32_t i = first[t]; i < first[t + 1]; i++) {
			uint32_t next = up ? p->edges[i].up : p->edges[p->down_edge[i]].down;
			if (s->steps[next] || !selectable(&p->tables[next]))
				continue;
			s->steps[next] = s->steps[t] + 1;
			s->queue[tail++] = next;
			set[next] = true;
		}
	}
}

static int64_t steps_of(const char *digits, const char *end)
{
	int64_t n = 0;
	for (; digits < end && n < STEPS_MAX; digits++)
		n = n * 10 + (*digits - '0');
	return n < STEPS_MAX ? n : STEPS_MAX;
}

static int bad_word(const char *text, struct err *err)
{
	return err_set(err, ERR_USAGE, "cannot read '%s': write '[@][N+]NAME[+N]', for example '+dws', '2+dwd_flights+'",
	               text);
}

/* Take "[@][N+]body[+N]" apart, in place. */
static int parse(char *text, struct word *ret, struct err *err)
{
	char whole[WORD_SIZE];
	struct word w = {0};
	snprintf(whole, sizeof whole, "%s", text);
	w.at = *text == '@';
	text += w.at;
	size_t digits = strspn(text, "0123456789");
	if (text[digits] == '+') {
		w.up = digits ? steps_of(text, text + digits) : STEPS_MAX;
		text += digits + 1;
	}
	char *plus = strchr(text, '+');
	if (plus) {
		char *end = plus + 1 + strspn(plus + 1, "0123456789");
		if (*end)
			return bad_word(whole, err);
		w.down = end > plus + 1 ? steps_of(plus + 1, end) : STEPS_MAX;
		*plus = '\0';
	}
	if (!*text || strchr(text, '@') || (w.at && (w.up || w.down)))
		return bad_word(whole, err);
	w.body = text;
	*ret = w;
	return 0;
}

static int eval_word(struct sets *s, char *text, bool *set, struct err *err)
{
	struct word w = {0};
	int r = parse(text, &w, err);
	memset(set, 0, s->p->ntables * sizeof *set);
	if (r == 0)
		r = match(s, w.body, set, err);
	if (r < 0)
		return r;
	if (w.at) {
		grow(s, set, false, STEPS_MAX);
		grow(s, set, true, STEPS_MAX);
		return 0;
	}
	if (!w.up || !w.down) {
		if (w.up)
			grow(s, set, true, w.up);
		if (w.down)
			grow(s, set, false, w.down);
		return 0;
	}
	/* Both ways from the same start: not the neighbours of neighbours. */
	bool *start = mem_array(s->p->ntables, sizeof *start);
	memcpy(start, set, s->p->ntables * sizeof *start);
	grow(s, set, true, w.up);
	grow(s, start, false, w.down);
	for (size_t i = 0; i < s->p->ntables; i++)
		set[i] |= start[i];
	free(start);
	return 0;
}

/* "a,b,c": what all of them select. */
static int eval_intersection(struct sets *s, char *text, bool *out, struct err *err)
{
	size_t n = s->p->ntables;
	bool first = true;
	for (char *next = text; next; first = false) {
		char *word = next, *comma = strchr(word, ',');
		next = comma ? comma + 1 : NULL;
		if (comma)
			*comma = '\0';
		if (!*word)
			return err_set(err, ERR_USAGE, "a name is missing beside ','");
		int r = eval_word(s, word, s->word, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			s->all[i] = s->word[i] && (first || s->all[i]);
	}
	for (size_t i = 0; i < n; i++)
		out[i] |= s->all[i];
	return 0;
}

static int eval_args(struct sets *s, const char *const *args, size_t nargs, bool *out, struct err *err)
{
	for (size_t i = 0; i < nargs; i++) {
		for (const char *at = args[i] + strspn(args[i], " \t\n"); *at;) {
			char text[WORD_SIZE];
			size_t n = strcspn(at, " \t\n");
			if (n >= sizeof text)
				return err_set(err, ERR_USAGE, "'%.40s…' is too long to be a selection", at);
			memcpy(text, at, n);
			text[n] = '\0';
			int r = eval_intersection(s, text, out, err);
			if (r < 0)
				return r;
			at += n;
			at += strspn(at, " \t\n");
		}
	}
	return 0;
}

static int eval(struct sets *s, const char *const *args, size_t nargs, const char *const *excludes, size_t nexcludes,
                bool *selected, bool *excluded, struct err *err)
{
	const struct project *p = s->p;
	size_t count = 0;
	for (size_t i = 0; nargs == 0 && i < p->ntables; i++)
		selected[i] = selectable(&p->tables[i]);
	int r = eval_args(s, args, nargs, selected, err);
	if (r == 0)
		r = eval_args(s, excludes, nexcludes, excluded, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p->ntables; i++) {
		selected[i] = selected[i] && !excluded[i];
		count += selected[i];
	}
	if (count == 0 && s->no_tag[0])
		return no_such_tag(p, s->no_tag, err);
	if (count == 0)
		return err_set(err, ERR_NOTHING, nargs || nexcludes ? "the selection is empty: no table fits it"
		                                                    : "the project has no tables: nothing is selected");
	return 0;
}

int selection_eval(const struct project *p, const char *const *args, size_t nargs, const char *const *excludes,
                   size_t nexcludes, bool *ret_selected, struct err *err)
{
	size_t n = p->ntables;
	bool *sets = mem_array(4 * n, sizeof *sets);
	struct sets s = {.p = p, .word = sets, .all = sets + n};
	s.queue = mem_array(n, sizeof *s.queue);
	s.steps = mem_array(n, sizeof *s.steps);
	int r = eval(&s, args, nargs, excludes, nexcludes, sets + 2 * n, sets + 3 * n, err);
	if (r == 0)
		memcpy(ret_selected, sets + 2 * n, n * sizeof *ret_selected);
	free(s.queue);
	free(s.steps);
	free(sets);
	return r;
}

/* A selection of the project's files: what selection_eval would refuse, at its place. `key` "select", `what` "schedule". */
static void check(const struct project *p, const char *const *words, const struct loc *locs, size_t n, const char *key, const char *what,
                  const char *name, bool *selected, struct diags *diags)
{
	bool good = true;
	struct err err;
	for (size_t k = 0; k < n; k++) {
		if (selection_eval(p, &words[k], 1, NULL, 0, selected, &err) != ERR_USAGE)
			continue;
		good = false;
		diag_add(diags, DIAG_ERROR, locs[k], "'%s' of %s '%s': %s", key, what, name, err.text);
	}
	if (good && n && selection_eval(p, words, n, NULL, 0, selected, &err) == ERR_NOTHING)
		diag_add(diags, DIAG_WARNING, locs[0], "'%s' of %s '%s' is empty: no table fits it", key, what, name);
}

void selection_check_config(const struct project *p, struct diags *diags)
{
	bool *selected = mem_array(p->ntables, sizeof *selected);
	for (size_t i = 0; i < p->nschedules; i++) {
		const struct schedule *s = &p->schedules[i];
		check(p, s->select, s->select_loc, s->nselect, "select", "schedule", s->name, selected, diags);
	}
	for (size_t i = 0; i < p->ncallbacks; i++) {
		const struct callback *c = &p->callbacks[i];
		check(p, c->tables, c->tables_loc, c->ntables, "tables", "callback", c->name, selected, diags);
	}
	free(selected);
}
