/* A project of any bytes: dw_config.yaml, tables.yaml, the listing of dags/ and who reads whom, each after a
 * line of "%%". Reading and resolving report and never break off, and what comes out is whole: what has no
 * error can be planned. */
#include "base/str.h"
#include "core/project.h"
#include "core/selection.h"
#include "tests/fuzz/fuzz.h"

enum { FILES = 24, READS = 8 };

static const char *environment(void *ctx, const char *name)
{
	(void)ctx;
	return str_eq(name, "BUCKET") ? "b1" : str_eq(name, "EMPTY") ? "" : NULL;
}

/* Up to the next line of "%%", NUL-terminated in place; *at is what follows. */
static char *section(char **at)
{
	char *start = *at, *end = str_has_prefix(start, "%%\n") ? start : strstr(start, "\n%%\n");
	if (!end) {
		*at = start + strlen(start);
		return start;
	}
	*at = end + (end == start ? 3 : 4);
	*end = '\0';
	return start;
}

/* The listing, a name a line: "dwd/dwd_a.sql", "ods/ods_b.sh*" for an executable, "dwd/" for a folder. Names are
 * what a file system gives: not empty, and in a folder of their own. */
static size_t listing(char *text, struct project_file *files, const char **folders, size_t *ret_nfolders)
{
	size_t n = 0, nfolders = 0;
	char *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line && n < FILES && nfolders < FILES; line = strtok_r(NULL, "\n", &save)) {
		char *slash = strchr(line, '/');
		if (!slash || slash == line || strchr(slash + 1, '/'))
			continue;
		*slash = '\0';
		bool known = false;
		for (size_t i = 0; i < nfolders; i++)
			known |= str_eq(folders[i], line);
		if (!known)
			folders[nfolders++] = line;
		bool executable = str_has_suffix(slash + 1, "*");
		if (executable)
			slash[strlen(slash + 1)] = '\0';
		if (slash[1])
			files[n++] = (struct project_file){line, slash + 1, executable, strlen(line) % 3};
	}
	*ret_nfolders = nfolders;
	return n;
}

/* One reference, "[schema.]name[()][@span]". */
static bool reference(struct arena *arena, char *word, struct ref *ret)
{
	struct span *span = arena_alloc(arena, sizeof *span);
	char *at = strchr(word, '@'), *dot;
	*span = SPAN_ALL;
	if (at) {
		*at = '\0';
		if (!span_parse(at + 1, span))
			return false;
	}
	bool macro = str_has_suffix(word, "()");
	if (macro)
		word[strlen(word) - 2] = '\0';
	dot = strchr(word, '.');
	if (dot)
		*dot = '\0';
	*ret = (struct ref){.kind = macro ? REF_MACRO : REF_TABLE, .schema = dot ? word : "", .name = dot ? dot + 1 : word,
	                    .line = 1, .col = 1, .spans = span, .nspans = 1};
	return true;
}

/* Lines of "table word…": what its analysis says; "dt" makes it partitioned, "?" unparsed. */
static void analyses(struct project *p, char *text)
{
	for (size_t i = 0; i < p->ntables; i++) {
		struct analysis *a = arena_alloc(&p->arena, sizeof *a);
		*a = (struct analysis){.parsed = true, .canonical = ""};
		p->tables[i].analysis = p->tables[i].kind == TABLE_EXTERNAL ? NULL : a;
	}
	char *lines = NULL;
	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		char *words = NULL, *name = strtok_r(line, " ", &words);
		const struct table *t = name ? project_table(p, name) : NULL;
		if (!t || !t->analysis)
			continue;
		struct analysis *a = (struct analysis *)t->analysis;
		a->refs = arena_array(&p->arena, READS, sizeof *a->refs);
		a->nrefs = 0;
		for (char *word = strtok_r(NULL, " ", &words); word && a->nrefs < READS; word = strtok_r(NULL, " ", &words)) {
			if (str_eq(word, "dt"))
				a->partitioned = true;
			else if (str_eq(word, "?"))
				a->parsed = false;
			else if (reference(&p->arena, word, &a->refs[a->nrefs]))
				a->nrefs++;
		}
	}
}

static void check_tables(const struct project *p)
{
	FUZZ_CHECK(p->npools > 0 && str_eq(p->pools[0].name, "default"));
	for (size_t i = 0; i < p->nlayers; i++)
		FUZZ_CHECKF(!p->layers[i].upstream[i] && p->layers[i].index == i, "layer %s", p->layers[i].name);
	for (size_t i = 0; i < p->ntables; i++) {
		const struct table *t = &p->tables[i];
		FUZZ_CHECKF(t->index == i && t->qname && t->name && t->layer, "table %zu", i);
		FUZZ_CHECKF(project_table(p, t->name) == t && project_table(p, t->qname) == t, "%s", t->qname);
		FUZZ_CHECK(t->policy.pool < p->npools && t->policy.engine && t->policy.retry_backoff >= 0);
		FUZZ_CHECKF((t->kind == TABLE_EXTERNAL) == (t->file == NULL), "%s", t->qname);
		FUZZ_CHECKF(!t->source || str_eq(t->source->table, t->name), "%s", t->qname);
		FUZZ_CHECKF(strspn(t->name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(t->name), "'%s'", t->name);
	}
}

static void check_graph(const struct project *p, bool whole)
{
	uint32_t *place = mem_array(p->ntables + 1, sizeof *place);
	for (uint32_t i = 0; i < p->ntables; i++)
		place[i] = UINT32_MAX;
	for (uint32_t i = 0; i < p->ntables; i++) {
		FUZZ_CHECKF(p->order[i] < p->ntables && place[p->order[i]] == UINT32_MAX, "not an order");
		place[p->order[i]] = i;
	}
	FUZZ_CHECK(p->up_first[p->ntables] == p->nedges && p->down_first[p->ntables] == p->nedges);
	for (size_t i = 0; i < p->nedges; i++) {
		const struct edge *e = &p->edges[i];
		FUZZ_CHECK(e->up < p->ntables && e->down < p->ntables && e->nspans > 0);
		FUZZ_CHECKF(!whole || e->up == e->down || place[e->up] < place[e->down], "%s after its reader %s",
		           p->tables[e->up].qname, p->tables[e->down].qname);
		FUZZ_CHECK(i >= p->up_first[e->down] && i < p->up_first[e->down + 1]);
	}
	free(place);
}

static void check_diags(const struct diags *d)
{
	size_t errors = 0;
	for (size_t i = 0; i < d->len; i++) {
		errors += d->items[i].level == DIAG_ERROR;
		FUZZ_CHECK(d->items[i].text[0] && d->items[i].loc.line >= 0 && d->items[i].loc.col >= 0);
		FUZZ_CHECKF(d->items[i].loc.file, "'%s' is nowhere", d->items[i].text);
	}
	FUZZ_CHECK(errors == d->errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *at = text;
	char *config = section(&at), *tables = section(&at), *files_text = section(&at), *reads = section(&at);
	struct project_file files[FILES];
	const char *folders[FILES];
	struct project_input in = {.dir = "/home/ada/flights", .config = config, .config_len = strlen(config),
	                           .tables = tables, .tables_len = strlen(tables), .files = files, .folders = folders,
	                           .env = environment};
	in.nfiles = listing(files_text, files, folders, &in.nfolders);
	struct diags diags = {0};
	struct project *p = project_read(&in, &diags);
	check_diags(&diags);
	check_tables(p);
	analyses(p, reads);
	project_resolve(p, &diags);
	selection_check_config(p, &diags);
	check_diags(&diags);
	check_graph(p, diags.errors == 0);
	project_free(p);
	diags_free(&diags);
	free(text);
	return 0;
}
