/* YAML as a small tree that knows where everything stands.
 *
 * A document is maps, lists, texts and nulls; what a text means (a number, a date) is its reader's
 * business. The input is bounded (YAML_MAX_BYTES, YAML_MAX_DEPTH, YAML_MAX_NODES), and a node is in
 * one place only: aliases are refused, so the tree is never larger than its text. Tags and a second
 * document are refused too. A key that stands twice in one map is a warning, and its later value holds. */
#ifndef STRATA_CORE_YAML_H
#define STRATA_CORE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "core/diag.h"

enum { YAML_MAX_BYTES = 8 << 20, YAML_MAX_DEPTH = 32, YAML_MAX_NODES = 2000000 };

enum yaml_kind { YAML_NULL, YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml {
	enum yaml_kind kind;
	bool bad;                 /* a complaint about it stands already: readers pass over it in silence */
	struct loc loc;
	const char *text;         /* TEXT: its content, unquoted; NULL for the others */
	const char *key;          /* in a map: under which key it stands; else NULL */
	struct loc key_loc;       /* in a map: where that key stands */
	struct yaml *first, *next; /* children of a LIST or MAP in the order of the file; sibling */
	size_t len;               /* LIST, MAP: number of children */
};

#define YAML_FOR_EACH(it, node) for (const struct yaml *it = (node)->first; it; it = it->next)

/* Parse `n` bytes of `text`. `file` is kept in every loc, so it must live as long. The tree is the
 * arena's. An empty document is a YAML_NULL. What is wrong goes to `diags`, and then the answer is
 * NULL (warnings aside). */
struct yaml *yaml_parse(struct arena *arena, const char *file, const char *text, size_t n, struct diags *diags);

const struct yaml *yaml_get(const struct yaml *map, const char *key); /* NULL when absent or no map */

/* What a node is, in words for an error: "a list", "a map", "nothing", "'text'". The text is cut when
 * long. Returns out. */
enum { YAML_SAY_SIZE = 80 };
const char *yaml_say(char out[YAML_SAY_SIZE], const struct yaml *node);

#endif
