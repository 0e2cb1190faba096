/* See jsonio.h. */
#include "core/jsonio.h"

#include <stdlib.h>
#include <string.h>

void jget_fail(struct jget *g, const char *key, const char *problem)
{
	if (g->result == 0)
		g->result = err_set(g->err, g->code, "'%s' %s", key, problem);
}

/* The value of a key, NULL when absent or null. */
static const json_t *value_of(struct jget *g, const json_t *obj, const char *key)
{
	if (g->result < 0)
		return NULL;
	const json_t *v = json_object_get(obj, key);
	return json_is_null(v) ? NULL : v;
}

static const json_t *required(struct jget *g, const json_t *obj, const char *key)
{
	const json_t *v = value_of(g, obj, key);
	if (!v)
		jget_fail(g, key, "is missing");
	return v;
}

static const char *text_of(struct jget *g, const json_t *v, const char *key, const char *absent)
{
	if (!v)
		return absent;
	if (!json_is_string(v)) {
		jget_fail(g, key, "must be a string");
		return "";
	}
	return arena_strndup(g->arena, json_string_value(v), json_string_length(v));
}

const char *jget_text(struct jget *g, const json_t *obj, const char *key)
{
	return text_of(g, required(g, obj, key), key, "");
}

const char *jget_text_or(struct jget *g, const json_t *obj, const char *key, const char *absent)
{
	return text_of(g, value_of(g, obj, key), key, absent);
}

static int64_t int_of(struct jget *g, const json_t *v, const char *key, int64_t least, int64_t most, int64_t absent)
{
	if (!v)
		return absent;
	if (!json_is_integer(v))
		jget_fail(g, key, "must be a whole number");
	else if (json_integer_value(v) < least || json_integer_value(v) > most)
		jget_fail(g, key, "is out of range");
	else
		return json_integer_value(v);
	return absent;
}

int64_t jget_int(struct jget *g, const json_t *obj, const char *key, int64_t least, int64_t most)
{
	return int_of(g, required(g, obj, key), key, least, most, 0);
}

int64_t jget_int_or(struct jget *g, const json_t *obj, const char *key, int64_t least, int64_t most, int64_t absent)
{
	return int_of(g, value_of(g, obj, key), key, least, most, absent);
}

static bool bool_of(struct jget *g, const json_t *v, const char *key, bool absent)
{
	if (v && !json_is_boolean(v))
		jget_fail(g, key, "must be true or false");
	return v ? json_is_true(v) : absent;
}

bool jget_bool(struct jget *g, const json_t *obj, const char *key)
{
	return bool_of(g, required(g, obj, key), key, false);
}

bool jget_bool_or(struct jget *g, const json_t *obj, const char *key, bool absent)
{
	return bool_of(g, value_of(g, obj, key), key, absent);
}

static const json_t *array_of(struct jget *g, const json_t *obj, const char *key, size_t *ret_n)
{
	const json_t *v = value_of(g, obj, key);
	*ret_n = 0;
	if (v && !json_is_array(v))
		jget_fail(g, key, "must be a list");
	else
		*ret_n = json_array_size(v);
	return v;
}

const char *const *jget_texts(struct jget *g, const json_t *obj, const char *key, size_t *ret_n)
{
	size_t n;
	const json_t *list = array_of(g, obj, key, &n);
	const char **items = arena_array(g->arena, n, sizeof *items);
	for (size_t i = 0; i < n; i++)
		items[i] = text_of(g, json_array_get(list, i), key, "");
	*ret_n = g->result < 0 ? 0 : n;
	return items;
}

const json_t *jget_objects(struct jget *g, const json_t *obj, const char *key, size_t *ret_n)
{
	const json_t *list = array_of(g, obj, key, ret_n);
	for (size_t i = 0; i < *ret_n; i++)
		if (!json_is_object(json_array_get(list, i)))
			jget_fail(g, key, "must be a list of objects");
	if (g->result < 0)
		*ret_n = 0;
	return list;
}

const struct column *jget_columns(struct jget *g, const json_t *obj, const char *key, size_t *ret_n)
{
	size_t n;
	const json_t *list = jget_objects(g, obj, key, &n);
	struct column *items = arena_array(g->arena, n, sizeof *items);
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(list, i);
		items[i].name = jget_text(g, one, "name");
		items[i].type = jget_text_or(g, one, "type", NULL);
	}
	*ret_n = g->result < 0 ? 0 : n;
	return items;
}

const json_t *jget_object(struct jget *g, const json_t *obj, const char *key)
{
	const json_t *v = value_of(g, obj, key);
	if (v && !json_is_object(v)) {
		jget_fail(g, key, "must be an object");
		return NULL;
	}
	return v;
}

/* Bytes of the UTF-8 sequence at s as jansson accepts it, 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
	static const struct {
		unsigned char mask, lead;
		size_t n;
		unsigned long least;
	} kinds[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
	for (size_t k = 0; k < 4; k++) {
		if ((s[0] & kinds[k].mask) != kinds[k].lead)
			continue;
		unsigned long code = s[0] & (unsigned long)(unsigned char)~kinds[k].mask;
		for (size_t i = 1; i < kinds[k].n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		bool surrogate = code >= 0xd800 && code <= 0xdfff;
		return code < kinds[k].least || code > 0x10ffff || surrogate ? 0 : kinds[k].n;
	}
	return 0;
}

json_t *json_text(const char *s)
{
	json_t *text = json_string(s);
	if (text)
		return text;
	struct buf fixed = BUF_INIT(SIZE_MAX / 4);
	while (*s) {
		size_t n = utf8_length((const unsigned char *)s);
		buf_add(&fixed, n ? s : "\xef\xbf\xbd", n ? n : 3);
		s += n ? n : 1;
	}
	text = json_string(buf_cstr(&fixed));
	buf_free(&fixed);
	if (!text)
		abort(); /* out of memory (base/mem.h) */
	return text;
}

static void put(json_t *obj, const char *key, json_t *value)
{
	if (json_object_set_new(obj, key, value) < 0)
		abort(); /* out of memory, or our own mistake */
}

void jput_text(json_t *obj, const char *key, const char *s)
{
	if (s)
		put(obj, key, json_text(s));
}

void jput_int(json_t *obj, const char *key, int64_t value)
{
	put(obj, key, json_integer(value));
}

void jput_bool(json_t *obj, const char *key, bool value)
{
	put(obj, key, json_boolean(value));
}

void jput_texts(json_t *obj, const char *key, const char *const *items, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_text(items[i]));
	put(obj, key, list);
}

void jput_columns(json_t *obj, const char *key, const struct column *items, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *one = json_object();
		jput_text(one, "name", items[i].name);
		jput_text(one, "type", items[i].type);
		json_array_append_new(list, one);
	}
	put(obj, key, list);
}

static int append(const char *data, size_t n, void *out)
{
	buf_add(out, data, n);
	return 0;
}

void json_print(const json_t *json, size_t flags, struct buf *out)
{
	json_dump_callback(json, append, out, flags);
}
