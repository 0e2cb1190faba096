/* core/template and core/sqltext on any bytes: scan and render agree, every byte of the rendered text has a
 * place in the file, the parts of SQL cover the text, and the stand-in date is what it says. */
#include "core/template.h"

#include "base/str.h"
#include "core/sqltext.h"
#include "tests/fuzz/fuzz.h"

static void check_parts(const char *text, size_t n)
{
	for (size_t at = 0, end; at < n; at = end) {
		enum sql_part part = (enum sql_part)-1;
		end = sql_part_end(text, n, at, &part);
		FUZZ_CHECK(end > at && end <= n);
		FUZZ_CHECK(part <= SQL_COMMENT);
	}
}

/* The rendered text is the file where bytes are copied, and positions never run backwards. */
static void check_positions(const struct rendered *r)
{
	size_t before = 0;
	for (size_t i = 0; i <= r->len; i++) {
		int line, col, line2, col2, out_line, out_col;
		rendered_position(r, i, &line, &col);
		FUZZ_CHECK(line >= 1 && col >= 1);
		size_t in = text_offset(r->source, r->source_len, line, col);
		FUZZ_CHECKF(in <= r->source_len && in >= before, "byte %zu is at %zu, the one before at %zu", i, in, before);
		FUZZ_CHECK(i == r->len || in < r->source_len);
		FUZZ_CHECKF(i == r->len || r->source[in] == '$' || r->source[in] == r->text[i], "byte %zu", i);
		before = in;
		text_position(r->text, r->len, i, &out_line, &out_col);
		rendered_line_position(r, out_line, out_col, &line2, &col2);
		FUZZ_CHECKF(line == line2 && col == col2, "byte %zu: %d:%d by offset, %d:%d by line", i, line, col, line2, col2);
	}
}

static void check_standin(const char *text, size_t n)
{
	char date[DATE_SIZE];
	int32_t day = template_standin_day(text, n), offset;
	if (day == DATE_NONE)
		return;
	FUZZ_CHECK(template_relative(day, day, &offset) && offset == 0);
	FUZZ_CHECK(template_relative(day - 7, day, &offset) && offset == -7);
	date_format(date, day);
	FUZZ_CHECKF(!memmem(text, n, date, 4), "the year of %s is in the text", date);
}

static void check_render(const char *text, size_t n, const struct template_facts *facts, size_t errors, int32_t day)
{
	struct arena arena = {0};
	struct err err = {0};
	struct rendered r;
	struct template_vars vars = {day, "run", "env", "dwd", "dwd_x"};
	int result = template_render(&arena, text, n, &vars, &r, &err);
	bool dated = day != DATE_NONE || !facts->partitioned;
	FUZZ_CHECKF((result == 0) == (errors == 0 && dated), "%zu errors, but: %s", errors, err.text);
	FUZZ_CHECK((result == 0) == (err.text[0] == '\0'));
	if (result == 0) {
		FUZZ_CHECK(r.text[r.len] == '\0');
		check_parts(r.text, r.len);
		if (n < 4096)
			check_positions(&r);
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_bytes(data, size);
	struct template_facts facts, again;
	struct diags diags = {0};
	size_t errors = template_scan(text, size, "x.sql", &diags, &facts);
	FUZZ_CHECK(errors == diags.errors && errors == diags.len);
	FUZZ_CHECK(template_scan(text, size, "x.sql", NULL, &again) == errors);
	FUZZ_CHECK(!facts.comment_only || (facts.partitioned && facts.comment_line >= 1 && facts.comment_col >= 1));
	for (size_t i = 0; i < diags.len; i++) {
		size_t at = text_offset(text, size, diags.items[i].loc.line, diags.items[i].loc.col);
		FUZZ_CHECKF(at < size && text[at] == '$', "an error that is at no variable");
	}
	check_parts(text, size);
	check_standin(text, size);
	check_render(text, size, &facts, errors, 15706);
	check_render(text, size, &facts, errors, DATE_NONE);
	diags_free(&diags);
	free(text);
	return 0;
}
