/* dw_config.yaml: callbacks. See project_internal.h; what they select is checked by core/selection.c. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "core/project_internal.h"
#include "core/states.h"

enum { CALLBACKS_MAX = 100, HEADERS_MAX = 50 };

/* The words of `node` as bits of `names`, which is NULL-terminated; `usual` where there are none. */
static uint32_t read_bits(struct reading *r, const struct yaml *node, const char *key, const char *what, const char *const *names, uint32_t usual)
{
	struct words words = {0};
	uint32_t bits = 0;
	if (!node || !words_read(r, node, key, &words))
		return usual;
	for (size_t i = 0; i < words.len; i++) {
		size_t n = 0;
		char hint[160];
		while (names[n] && strcmp(names[n], words.items[i]) != 0)
			n++;
		if (names[n]) {
			bits |= UINT32_C(1) << n;
			continue;
		}
		struct buf known = BUF_INIT(512);
		for (size_t k = 0; names[k]; k++)
			buf_addf(&known, "%s%s", k ? ", " : "", names[k]);
		diag_add(r->diags, DIAG_ERROR, words.locs[i], "unknown word '%s' in '%s' of %s%s: it takes %s", words.items[i], key, what,
		         str_did_you_mean(hint, sizeof hint, words.items[i], names), buf_cstr(&known));
		buf_free(&known);
	}
	return bits ? bits : usual;
}

static const char *schedule_name(const void *ctx, size_t i)
{
	return ((const struct schedule *)ctx)[i].name;
}

static void read_schedules_of(struct reading *r, const struct yaml *node, const char *what, struct callback *c)
{
	const struct project *p = r->p;
	struct words words = {0};
	if (!node || !words_read(r, node, "schedules", &words))
		return;
	for (size_t i = 0; i < words.len; i++) {
		bool known = false;
		for (size_t k = 0; k < p->nschedules; k++)
			known |= strcmp(p->schedules[k].name, words.items[i]) == 0;
		const char *near = known ? NULL : str_nearest(words.items[i], schedule_name, p->schedules, p->nschedules);
		if (!known)
			diag_add(r->diags, DIAG_ERROR, words.locs[i], "unknown schedule '%s' in %s%s%s%s: name one of 'schedules'", words.items[i], what,
			         near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
	c->schedules = words.items;
	c->nschedules = words.len;
}

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 127)
			return false;
	}
	return true;
}

/* What it says is secret once its variables have values: complaints show it as it is written. */
static void read_url(struct reading *r, const struct yaml *node, const char *what, struct callback *c)
{
	const char *url;
	char say[YAML_SAY_SIZE];
	if (!variables_expand(r, node, &url))
		return;
	size_t scheme = str_has_prefix(url, "https://") ? 8 : str_has_prefix(url, "http://") ? 7 : 0;
	c->url = url;
	c->off = !*url && strchr(node->text, '$');
	if (!c->off && (!scheme || !url[scheme] || !is_printable(url) || strchr(url, ' ')))
		diag_add(r->diags, DIAG_ERROR, node->loc, "'url' of %s must be http://… or https://…, not %s", what, yaml_say(say, node));
}

static bool header_name_is_safe(const char *name)
{
	const char *ok = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	return *name && strspn(name, ok) == strlen(name);
}

static void read_headers(struct reading *r, const struct yaml *map, const char *what, struct callback *c)
{
	static const char *const own[] = {"content-type", "content-length", "idempotency-key", "host"};
	const char **lines = arena_array(&r->p->arena, map->len, sizeof *lines);
	char say[YAML_SAY_SIZE];
	YAML_FOR_EACH(it, map) {
		const char *value;
		bool taken = false;
		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			taken |= strcasecmp(it->key, own[i]) == 0;
		if (taken || !header_name_is_safe(it->key) || c->nheaders == HEADERS_MAX)
			diag_add(r->diags, DIAG_ERROR, it->key_loc, taken ? "header '%s' of %s is set by strata: remove it"
			                                                  : "header '%s' of %s is not usable: write letters, digits and '-', at most 50 of them",
			         it->key, what);
		else if (it->kind != YAML_TEXT)
			diag_add(r->diags, DIAG_ERROR, it->loc, "header '%s' of %s must be text, not %s", it->key, what, yaml_say(say, it));
		else if (!variables_expand(r, it, &value))
			continue;
		else if (!is_printable(value))
			diag_add(r->diags, DIAG_ERROR, it->loc, "header '%s' of %s must be one line, not %s", it->key, what, yaml_say(say, it));
		else
			lines[c->nheaders++] = arena_printf(&r->p->arena, "%s: %s", it->key, value);
	}
	c->headers = lines;
}

/* A text is the shell's; a list is a program and its arguments, without one. */
static void read_command(struct reading *r, const struct yaml *node, const char *what, struct callback *c)
{
	struct arena *a = &r->p->arena;
	struct texts texts = {0};
	if (node->kind == YAML_TEXT) {
		const char **argv = arena_array(a, 3, sizeof *argv);
		argv[0] = "/bin/sh";
		argv[1] = "-c";
		argv[2] = arena_strdup(a, node->text);
		texts = (struct texts){argv, *node->text ? 3 : 0};
	} else if (!keys_texts(&r->keys, node, "command", &texts)) {
		return;
	} else {
		YAML_FOR_EACH(it, node) {
			if (it->kind == YAML_TEXT && strstr(it->text, "${"))
				diag_add(r->diags, DIAG_ERROR, it->loc, "'${…}' has no meaning in a list: the program of %s has strata's environment, and a "
				                                        "command that is one text is run by a shell", what);
		}
	}
	if (texts.len == 0 || !*texts.items[0])
		diag_add(r->diags, DIAG_ERROR, node->loc, "'command' of %s is empty: name a program", what);
	c->command_loc = node->loc;
	c->argv = texts.items;
	c->nargv = texts.len;
}

static void read_callback(struct reading *r, const struct yaml *it)
{
	struct project *p = r->p;
	static const char *kinds[RUN_KINDS_END + 1];
	struct callback_in in;
	char what[NAME_MAX_BYTES + 24];
	snprintf(what, sizeof what, "callback '%.*s'", NAME_MAX_BYTES, it->key);
	for (int k = 0; k < RUN_KINDS_END; k++)
		kinds[k] = run_kind_name((enum run_kind)k);
	if (!label_is_safe(it->key))
		diag_add(r->diags, DIAG_ERROR, it->key_loc, "callback name '%s' is not usable: write letters, digits, '_', '-' and '.', at most 128",
		         it->key);
	section_reset(&section_callback, &in);
	if (!section_read(&r->keys, &section_callback, it, what, &in))
		return;
	if (!in.url == !in.command)
		diag_add(r->diags, DIAG_ERROR, it->key_loc, in.url ? "%s has a 'url' and a 'command': keep one of them"
		                                                   : "%s has neither 'url' nor 'command': add one of them", what);
	if (in.headers && !in.url)
		diag_add(r->diags, DIAG_ERROR, in.headers->key_loc, "'headers' of %s are for a 'url': remove them", what);
	struct callback *c = &p->callbacks[p->ncallbacks++];
	*c = (struct callback){.name = arena_strdup(&p->arena, it->key), .timeout_ms = in.timeout_ms, .retry_for_ms = in.retry_for_ms,
	                       .loc = it->key_loc};
	c->events = read_bits(r, in.on, "on", what, callback_event_names, CALLBACK_USUAL);
	c->kinds = read_bits(r, in.kinds, "kinds", what, kinds, (1 << RUN_KINDS_END) - 1);
	read_schedules_of(r, in.schedules, what, c);
	if (in.tables) {
		struct words words = {0};
		words_read(r, in.tables, "tables", &words);
		c->tables = words.items;
		c->ntables = words.len;
		c->tables_loc = words.locs;
	}
	if (in.url)
		read_url(r, in.url, what, c);
	if (in.headers && in.url)
		read_headers(r, in.headers, what, c);
	if (in.command)
		read_command(r, in.command, what, c);
}

void config_read_callbacks(struct reading *r)
{
	struct project *p = r->p;
	const struct yaml *map = r->config.callbacks;
	if (!map)
		return;
	p->callbacks = arena_array(&p->arena, map->len, sizeof *p->callbacks);
	YAML_FOR_EACH(it, map) {
		if (p->ncallbacks == CALLBACKS_MAX) {
			diag_add(r->diags, DIAG_ERROR, it->key_loc, "more than %d callbacks, the most that are read", CALLBACKS_MAX);
			return;
		}
		read_callback(r, it);
	}
}
