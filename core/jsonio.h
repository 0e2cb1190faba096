/* Strict reading and plain writing of JSON objects, for the protocol and the manifest.
 *
 * Calling sequence:
 *     struct jget g = {.arena = arena, .err = err, .code = ERR_PROTOCOL};
 *     ret->qname = jget_text(&g, json, "qname");
 *     ret->fence = (uint64_t)jget_int(&g, json, "fence", 0, INT64_MAX);
 *     return g.result;
 *
 * The first problem is kept in `err` and `result`; after it every getter returns a harmless value ("", 0,
 * no elements), so that callers look once, at the end. Unknown keys are ignored; a wrong type never is.
 * `null` means absent. Strings are copied into the arena. */
#ifndef STRATA_CORE_JSONIO_H
#define STRATA_CORE_JSONIO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/analysis.h"

struct jget {
	struct arena *arena;
	struct err *err;
	int code;   /* the ERR_* of any problem */
	int result; /* 0, or `code` */
};

void jget_fail(struct jget *g, const char *key, const char *problem); /* "'<key>' <problem>" */

const char *jget_text(struct jget *g, const json_t *obj, const char *key);
const char *jget_text_or(struct jget *g, const json_t *obj, const char *key, const char *absent);
int64_t jget_int(struct jget *g, const json_t *obj, const char *key, int64_t least, int64_t most);
int64_t jget_int_or(struct jget *g, const json_t *obj, const char *key, int64_t least, int64_t most, int64_t absent);
bool jget_bool(struct jget *g, const json_t *obj, const char *key);
bool jget_bool_or(struct jget *g, const json_t *obj, const char *key, bool absent);

/* An array of strings, objects or columns; absent is empty. jget_objects returns the array itself, all of
 * whose elements are objects. */
const char *const *jget_texts(struct jget *g, const json_t *obj, const char *key, size_t *ret_n);
const json_t *jget_objects(struct jget *g, const json_t *obj, const char *key, size_t *ret_n);
const struct column *jget_columns(struct jget *g, const json_t *obj, const char *key, size_t *ret_n);
const json_t *jget_object(struct jget *g, const json_t *obj, const char *key); /* NULL when absent */

/* Writers. A NULL string is left out. Bytes that are no UTF-8 become U+FFFD each. */
json_t *json_text(const char *s);
void jput_text(json_t *obj, const char *key, const char *s);
void jput_int(json_t *obj, const char *key, int64_t value);
void jput_bool(json_t *obj, const char *key, bool value);
void jput_texts(json_t *obj, const char *key, const char *const *items, size_t n);
void jput_columns(json_t *obj, const char *key, const struct column *items, size_t n);

/* Append `json` as text; `flags` are jansson's. */
void json_print(const json_t *json, size_t flags, struct buf *out);

#endif
