/* See yaml.h. libyaml's events become the tree on a stack of open maps and lists; nothing recurses.
 * libyaml counts characters, we count bytes and lines by '\n' as editors do: `struct cursor` walks the
 * text along with the events. */
#include "core/yaml.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

struct cursor {
	size_t index;      /* characters before it */
	size_t byte;       /* bytes before it */
	size_t line_start; /* byte at which its line begins */
	int line;          /* from 1 */
};

struct frame {
	struct yaml *node, *last;
	const char *key; /* a map's key that waits for its value */
	struct loc key_loc;
};

struct parse {
	struct arena *arena;
	struct diags *diags;
	const char *file, *text;
	size_t n;
	bool ascii;
	yaml_parser_t yaml;
	struct cursor at;
	struct frame stack[YAML_MAX_DEPTH];
	size_t depth, nodes;
	struct yaml *root;
	struct yaml **sorted; /* scratch for duplicates */
	size_t sorted_cap;
};

static bool is_ascii(const char *text, size_t n)
{
	unsigned char bits = 0;
	for (size_t i = 0; i < n; i++)
		bits |= (unsigned char)text[i];
	return bits < 0x80;
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static void step_forward(struct parse *p)
{
	struct cursor *c = &p->at;
	bool newline = p->text[c->byte] == '\n';
	do
		c->byte++;
	while (c->byte < p->n && continues(p->text[c->byte]));
	c->index++;
	if (newline) {
		c->line++;
		c->line_start = c->byte;
	}
}

static void step_back(struct parse *p)
{
	struct cursor *c = &p->at;
	do
		c->byte--;
	while (c->byte > 0 && continues(p->text[c->byte]));
	c->index--;
	if (p->text[c->byte] == '\n') {
		c->line--;
		const char *before = memrchr(p->text, '\n', c->byte);
		c->line_start = before ? (size_t)(before - p->text) + 1 : 0;
	}
}

static struct loc here(const struct parse *p)
{
	return (struct loc){p->file, p->at.line, (int)(p->at.byte - p->at.line_start) + 1};
}

/* Where every character is a byte, only the line ends matter. */
static void jump_forward(struct parse *p, size_t byte)
{
	struct cursor *c = &p->at;
	byte = byte < p->n ? byte : p->n;
	const char *end = p->text + byte, *newline = p->text + c->byte;
	while ((newline = memchr(newline, '\n', (size_t)(end - newline)))) {
		newline++;
		c->line++;
		c->line_start = (size_t)(newline - p->text);
	}
	c->byte = c->index = byte;
}

static struct loc loc_of(struct parse *p, const yaml_mark_t *mark)
{
	if (p->ascii && p->at.index < mark->index)
		jump_forward(p, mark->index);
	while (p->at.index < mark->index && p->at.byte < p->n)
		step_forward(p);
	while (p->at.index > mark->index && p->at.byte > 0)
		step_back(p);
	return here(p);
}

static struct loc loc_of_byte(struct parse *p, size_t byte)
{
	while (p->at.byte < byte && p->at.byte < p->n)
		step_forward(p);
	while (p->at.byte > byte)
		step_back(p);
	return here(p);
}

/* What most often is behind a syntax error, told by the character where it was found. */
static const char *advice(const struct parse *p)
{
	char c = p->at.byte < p->n ? p->text[p->at.byte] : '\0';
	if (c == '\t')
		return "; YAML forbids tabs here: indent with spaces";
	if (c == '@' || c == '`' || c == '%' || c == '*' || c == '&')
		return "; put the value in quotes";
	if (c == '{' && p->at.byte > 0 && p->text[p->at.byte - 1] == '$')
		return "; put the value in quotes: \"${…}\" within { } or [ ] needs them";
	return "; look at the indentation, colons and quotes there";
}

static void report_syntax(struct parse *p)
{
	const yaml_parser_t *y = &p->yaml;
	if (y->error == YAML_READER_ERROR) {
		struct loc at = loc_of_byte(p, y->problem_offset);
		diag_add(p->diags, DIAG_ERROR, at, "not UTF-8 text (%s): save the file as UTF-8", y->problem);
		return;
	}
	struct loc at = loc_of(p, &y->problem_mark);
	char context[160] = "", since[48] = "";
	if (y->context && y->context_mark.line < y->problem_mark.line)
		snprintf(since, sizeof since, " that began on line %zu", y->context_mark.line + 1);
	if (y->context)
		snprintf(context, sizeof context, "%s%s, ", y->context, since);
	diag_add(p->diags, DIAG_ERROR, at, "not valid YAML: %s%s%s", context, y->problem ? y->problem : "out of memory",
	         advice(p));
}

/* By key, equal keys in the order of the file. */
static int by_key(const void *a, const void *b)
{
	const struct yaml *x = *(const struct yaml *const *)a, *y = *(const struct yaml *const *)b;
	int c = strcmp(x->key, y->key);
	if (c)
		return c;
	if (x->key_loc.line != y->key_loc.line)
		return x->key_loc.line < y->key_loc.line ? -1 : 1;
	return x->key_loc.col < y->key_loc.col ? -1 : x->key_loc.col > y->key_loc.col;
}

static void drop_shadowed(struct yaml *map)
{
	struct yaml **link = &map->first;
	map->len = 0;
	while (*link) {
		if ((*link)->key) {
			map->len++;
			link = &(*link)->next;
		} else {
			*link = (*link)->next;
		}
	}
}

static void drop_duplicates(struct parse *p, struct yaml *map)
{
	size_t n = 0;
	if (map->len < 2)
		return;
	if (map->len > p->sorted_cap) {
		p->sorted_cap = map->len;
		p->sorted = mem_realloc(p->sorted, p->sorted_cap, sizeof(struct yaml *));
	}
	for (struct yaml *it = map->first; it; it = it->next)
		p->sorted[n++] = it;
	qsort(p->sorted, n, sizeof *p->sorted, by_key);
	bool found = false;
	for (size_t i = 1; i < n; i++) {
		struct yaml *earlier = p->sorted[i - 1], *later = p->sorted[i];
		if (strcmp(earlier->key, later->key) != 0)
			continue;
		diag_add(p->diags, DIAG_WARNING, later->key_loc,
		         "key '%s' stands on line %d already; this later value holds: remove one of them", later->key,
		         earlier->key_loc.line);
		earlier->key = NULL;
		found = true;
	}
	if (found)
		drop_shadowed(map);
}

static int refuse(struct parse *p, struct loc at, const char *what)
{
	diag_add(p->diags, DIAG_ERROR, at, "%s", what);
	return -1;
}

static int add_node(struct parse *p, struct yaml *node)
{
	if (++p->nodes > YAML_MAX_NODES)
		return refuse(p, node->loc, "too many values for one file (2,000,000)");
	if (p->depth == 0) {
		p->root = node;
		return 0;
	}
	struct frame *f = &p->stack[p->depth - 1];
	if (f->node->kind == YAML_MAP) {
		if (!f->key) {
			if (node->kind == YAML_LIST || node->kind == YAML_MAP)
				return refuse(p, node->loc, "a key must be text, not a list or a map");
			f->key = node->text ? node->text : "";
			f->key_loc = node->loc;
			return 0;
		}
		node->key = f->key;
		node->key_loc = f->key_loc;
		f->key = NULL;
		if (node->kind == YAML_NULL) /* nothing stands there: its key is the place to look at */
			node->loc = node->key_loc;
	}
	if (f->last)
		f->last->next = node;
	else
		f->node->first = node;
	f->last = node;
	f->node->len++;
	return 0;
}

static struct yaml *new_node(struct parse *p, enum yaml_kind kind, const yaml_event_t *e)
{
	struct yaml *node = arena_alloc(p->arena, sizeof *node);
	node->kind = kind;
	node->loc = loc_of(p, &e->start_mark);
	return node;
}

static int open_node(struct parse *p, enum yaml_kind kind, const yaml_event_t *e, const unsigned char *tag)
{
	struct yaml *node = new_node(p, kind, e);
	if (tag)
		return refuse(p, node->loc, "YAML tags ('!…') are not supported: write the plain value");
	if (p->depth == YAML_MAX_DEPTH)
		return refuse(p, node->loc, "nested more than 32 deep");
	if (add_node(p, node) < 0)
		return -1;
	p->stack[p->depth++] = (struct frame){.node = node};
	return 0;
}

static bool is_null(const char *text, size_t n)
{
	if (n != 4)
		return n == 0 || (n == 1 && *text == '~');
	return memcmp(text, "null", 4) == 0 || memcmp(text, "Null", 4) == 0 || memcmp(text, "NULL", 4) == 0;
}

static int add_scalar(struct parse *p, const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	bool null = plain && is_null(text, n);
	struct yaml *node = new_node(p, null ? YAML_NULL : YAML_TEXT, e);
	if (e->data.scalar.tag)
		return refuse(p, node->loc, "YAML tags ('!…') are not supported: write the plain value");
	if (memchr(text, '\0', n))
		return refuse(p, node->loc, "a NUL character in a text");
	/* A null is nothing as a value, but as a key it is the text that stands there. */
	node->text = arena_strndup(p->arena, text, n);
	int rc = add_node(p, node);
	if (null)
		node->text = NULL;
	return rc;
}

static int handle(struct parse *p, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return add_scalar(p, e);
	case YAML_MAPPING_START_EVENT:
		return open_node(p, YAML_MAP, e, e->data.mapping_start.tag);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(p, YAML_LIST, e, e->data.sequence_start.tag);
	case YAML_MAPPING_END_EVENT:
		drop_duplicates(p, p->stack[--p->depth].node);
		return 0;
	case YAML_SEQUENCE_END_EVENT:
		p->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		diag_add(p->diags, DIAG_ERROR, loc_of(p, &e->start_mark),
		         "YAML alias '*%s' is not supported: write the value out", (const char *)e->data.alias.anchor);
		return -1;
	case YAML_DOCUMENT_START_EVENT:
		if (p->root)
			return refuse(p, loc_of(p, &e->start_mark),
			              "a second YAML document ('---') begins here: keep one a file");
		return 0;
	default:
		return 0;
	}
}

static int parse_all(struct parse *p)
{
	for (bool end = false; !end;) {
		yaml_event_t e;
		if (!yaml_parser_parse(&p->yaml, &e)) {
			report_syntax(p);
			return -1;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		int rc = handle(p, &e);
		yaml_event_delete(&e);
		if (rc < 0)
			return -1;
	}
	return 0;
}

struct yaml *yaml_parse(struct arena *arena, const char *file, const char *text, size_t n, struct diags *diags)
{
	if (n > YAML_MAX_BYTES) {
		diag_add(diags, DIAG_ERROR, (struct loc){file, 0, 0}, "larger than 8 MiB, the most that is read");
		return NULL;
	}
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
		text += 3;
		n -= 3;
	}
	struct parse *p = mem_alloc(sizeof *p);
	*p = (struct parse){.arena = arena, .diags = diags, .file = file, .text = text, .n = n, .at = {.line = 1}};
	p->ascii = is_ascii(text, n);
	struct yaml *root = NULL;
	if (yaml_parser_initialize(&p->yaml)) {
		yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&p->yaml, (const unsigned char *)text, n);
		if (parse_all(p) == 0) {
			root = p->root;
			if (!root) {
				root = arena_alloc(arena, sizeof *root);
				root->loc = (struct loc){file, 1, 1};
			}
		}
		yaml_parser_delete(&p->yaml);
	} else {
		refuse(p, (struct loc){file, 0, 0}, "out of memory");
	}
	free(p->sorted);
	free(p);
	return root;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	YAML_FOR_EACH(it, map)
		if (strcmp(it->key, key) == 0)
			return it;
	return NULL;
}

const char *yaml_say(char out[YAML_SAY_SIZE], const struct yaml *node)
{
	static const char *const kinds[] = {
		[YAML_NULL] = "nothing", [YAML_LIST] = "a list", [YAML_MAP] = "a map"};
	if (node->kind != YAML_TEXT) {
		snprintf(out, YAML_SAY_SIZE, "%s", kinds[node->kind]);
	} else if (strlen(node->text) > 40) {
		int cut = 37;
		while (continues(node->text[cut]))
			cut--;
		snprintf(out, YAML_SAY_SIZE, "'%.*s…'", cut, node->text);
	} else {
		snprintf(out, YAML_SAY_SIZE, "'%s'", node->text);
	}
	return out;
}
