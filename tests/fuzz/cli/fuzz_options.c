/* cli/options on any words, with the options of the real commands. What is understood can be written in full
 * and is understood again; what is not is one sentence. */
#include "base/buf.h"
#include "base/str.h"
#include "cli/command.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS = 24 };

static void check_same(const struct options *o, const struct options *again)
{
	FUZZ_CHECK(o->ngiven == again->ngiven && o->noperands == again->noperands);
	for (size_t i = 0; i < o->ngiven; i++)
		FUZZ_CHECK(o->given[i].option == again->given[i].option && str_eq(o->given[i].value, again->given[i].value));
	for (size_t i = 0; i < o->noperands; i++)
		FUZZ_CHECK(str_eq(o->operands[i], again->operands[i]));
}

/* --name=value for each, then "--" and the operands. */
static void check_written(const struct options *o, const struct option *const *tables)
{
	char *argv[2 * WORDS * 64];
	int argc = 0;
	struct options again = {0};
	struct err err = {0};
	for (size_t i = 0; i < o->ngiven; i++) {
		const struct option *option = o->given[i].option;
		if (argc > WORDS * 64)
			break; /* "-vvvvv…" */
		argv[argc++] = option->value ? mem_printf("--%s=%s", option->name, o->given[i].value) : mem_printf("--%s", option->name);
	}
	bool whole = argc == (int)o->ngiven;
	argv[argc++] = mem_strdup("--");
	for (size_t i = 0; i < o->noperands; i++)
		argv[argc++] = mem_strdup(o->operands[i]);
	FUZZ_CHECKF(options_parse(&again, tables, argc, argv, false, &err) == argc, "%s", err.text);
	if (whole)
		check_same(o, &again);
	options_free(&again);
	while (argc > 0)
		free(argv[--argc]);
}

/* The input is the words, a line each: a command, and what follows it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *argv[WORDS + 1], *save = NULL;
	int argc = 0;
	for (char *line = strtok_r(text, "\n", &save); line && argc < WORDS; line = strtok_r(NULL, "\n", &save))
		argv[argc++] = line;
	argv[argc] = NULL;
	size_t named = 0;
	const struct command *command = command_find((const char *const *)argv, (size_t)argc, &named);
	FUZZ_CHECK(named <= (size_t)argc && (command != NULL) == (named > 0));
	const struct option *tables[3] = {global_options, command ? command->options : NULL};
	struct options o = {0};
	struct err err = {0};
	int rest = argc - (int)named, used = options_parse(&o, tables, rest, argv + named, false, &err);
	FUZZ_CHECKF(used == rest || (used == ERR_USAGE && err.text[0]), "%d of %d: %s", used, rest, err.text);
	FUZZ_CHECK(used >= 0 || err.code == ERR_USAGE);
	if (used >= 0)
		check_written(&o, tables);
	struct options first = {0};
	used = options_parse(&first, tables, rest, argv + named, true, &err);
	FUZZ_CHECK(used <= rest && first.noperands == 0);
	options_free(&first);
	options_free(&o);
	free(text);
	return 0;
}
