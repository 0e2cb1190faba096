/* core/yaml on any bytes: a tree or an error, the tree within its bounds and knowing where it stands. */
#include "core/yaml.h"

#include "base/str.h"
#include "tests/fuzz/fuzz.h"

struct text {
	const char *bytes;
	size_t n;
	int lines;
};

static void check_loc(const struct text *t, struct loc loc)
{
	FUZZ_CHECK(str_eq(loc.file, "x.yaml"));
	FUZZ_CHECKF(loc.line >= 1 && loc.line <= t->lines, "line %d of %d", loc.line, t->lines);
	FUZZ_CHECKF(loc.col >= 1 && (size_t)loc.col <= t->n + 1, "column %d of %zu bytes", loc.col, t->n);
}

static size_t check_node(const struct text *t, const struct yaml *node, int depth)
{
	size_t children = 0, all = 1;
	char said[YAML_SAY_SIZE];
	FUZZ_CHECK(depth <= YAML_MAX_DEPTH + 1);
	FUZZ_CHECK((node->kind == YAML_TEXT) == (node->text != NULL));
	FUZZ_CHECK(strlen(yaml_say(said, node)) < YAML_SAY_SIZE);
	check_loc(t, node->loc);
	YAML_FOR_EACH(it, node) {
		FUZZ_CHECK((node->kind == YAML_MAP) == (it->key != NULL));
		if (it->key) {
			check_loc(t, it->key_loc);
			FUZZ_CHECKF(yaml_get(node, it->key) == it, "key '%s' is not unique", it->key);
		}
		all += check_node(t, it, depth + 1);
		children++;
	}
	FUZZ_CHECK(children == node->len);
	FUZZ_CHECK(children == 0 || node->kind == YAML_LIST || node->kind == YAML_MAP);
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	struct text t = {bytes, size, 1};
	struct arena arena = {0};
	struct diags diags = {0};
	for (size_t i = 0; i < size; i++)
		t.lines += bytes[i] == '\n';
	const struct yaml *root = yaml_parse(&arena, "x.yaml", bytes, size, &diags);
	FUZZ_CHECK((root == NULL) == (diags.errors > 0));
	for (size_t i = 0; i < diags.len; i++) {
		FUZZ_CHECK(diags.items[i].text[0] && !strchr(diags.items[i].text, '\n'));
		check_loc(&t, diags.items[i].loc);
	}
	if (root)
		FUZZ_CHECK(check_node(&t, root, 1) <= YAML_MAX_NODES);
	diags_free(&diags);
	arena_free(&arena);
	free(bytes);
	return 0;
}
