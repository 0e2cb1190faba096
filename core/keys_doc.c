/* docs/CONFIG.md from the table of keys. See keys.h. */
#include <inttypes.h>

#include "base/str.h"
#include "core/keys.h"

static void add_type(struct buf *out, const struct key *k)
{
	static const char *const names[] = {
		[KEY_TEXT] = "text",         [KEY_TEXTS] = "list of text", [KEY_BOOL] = "true or false",
		[KEY_TRISTATE] = "true or false", [KEY_COUNT] = "whole number", [KEY_INTEGER] = "whole number",
		[KEY_FACTOR] = "number",     [KEY_DURATION] = "duration",  [KEY_DATE] = "date",
		[KEY_NAME] = "text",         [KEY_MAP] = "map",            [KEY_ANY] = "any",
	};
	if (k->shape) {
		buf_adds(out, k->shape);
		return;
	}
	if (k->type != KEY_CHOICE) {
		buf_adds(out, names[k->type]);
		if (k->type == KEY_DURATION && k->lo != 0)
			buf_addf(out, ", at least `%" PRId64 "ms`", k->lo);
		if (k->hi != 0)
			buf_addf(out, ", %" PRId64 " to %" PRId64, k->lo, k->hi);
		return;
	}
	for (size_t i = 0; k->choices[i]; i++)
		buf_addf(out, "%s`%s`", i ? ", " : "", k->choices[i]);
}

static const struct key *key_of_base(const struct section *s, const char *name)
{
	for (size_t i = 0; s->base && i < s->base->nkeys; i++)
		if (str_eq(s->base->keys[i].name, name))
			return &s->base->keys[i];
	return NULL;
}

static void add_key(struct buf *out, const struct section *s, const struct key *k)
{
	buf_addf(out, "| `%s` | ", k->name);
	add_type(out, k);
	if (k->required)
		buf_adds(out, " | required | ");
	else if (k->fallback)
		buf_addf(out, " | `%s` | ", k->fallback);
	else if (key_of_base(s, k->name))
		buf_addf(out, " | as in `%s` | ", s->base->name);
	else
		buf_adds(out, " | – | ");
	buf_addf(out, "%s |\n", k->doc);
}

static void add_section(struct buf *out, const struct section *s)
{
	bool file = str_eq(s->name, s->file);
	buf_addf(out, "\n%s `%s`\n\n%s\n\n", file ? "##" : "###", s->name, s->doc);
	if (s->nkeys > 0)
		buf_adds(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < s->nkeys; i++)
		add_key(out, s, &s->keys[i]);
	buf_addf(out, "%s```yaml\n%s```\n", s->nkeys > 0 ? "\n" : "", s->example);
}

void keys_doc(struct buf *out)
{
	buf_adds(out,
	         "# Configuration: every key\n\n"
	         "<!-- Generated from core/keys.c: change it there, then `make MODE=debug "
	         "build/debug/tests/helper/gen_config_doc`\n     and run that program with its output into this file. -->\n\n"
	         "A project is configured by two YAML files, [`" FILE_CONFIG "`](#dagsdw_configyaml) and\n"
	         "[`" FILE_TABLES "`](#tablesyaml); both may be absent. They are read strictly: an unknown key, a wrong type or\n"
	         "an unknown name is an error with its line and what was probably meant, and `strata validate` shows all of\n"
	         "them at once. A key without a value counts as absent. YAML anchors may stand, aliases (`*name`) and tags\n"
	         "(`!name`) are refused, and a file has at most 8 MiB.\n\n"
	         "- **text**: any value; quote it where YAML would see something else.\n"
	         "- **true or false**: also yes, no, on, off.\n"
	         "- **duration**: `500ms`, `30s`, `5m`, `2h`, `1d`, or a plain number of seconds.\n"
	         "- **date**: `2013-01-31` or `20130131`.\n"
	         "- **IANA zone**: `Europe/Berlin`, `UTC`.\n");
	for (size_t i = 0; sections[i]; i++)
		add_section(out, sections[i]);
}
