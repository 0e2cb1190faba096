/* The keys, from their table, and the signs of tasks. */
#include <string.h>

#include "base/text.h"
#include "ui-tui/text_panel.h"

enum { HELP_MAX = 1 << 15, KEY_COLUMNS = 12 };

static void entry(struct buf *out, const char *key, const char *help)
{
	int pad = KEY_COLUMNS - (int)text_width(key);
	buf_addf(out, "  %s%*s%s\n", key, pad > 1 ? pad : 1, "", help);
}

static void section(struct buf *out, const char *title, unsigned scopes)
{
	const struct binding *b;
	buf_addf(out, "%s\n", title);
	for (size_t i = 0; (b = binding_nth(i)); i++) {
		if (b->scope & scopes)
			entry(out, b->shown, b->help);
	}
	buf_adds(out, "\n");
}

static void init(struct panel *p)
{
	struct textview *t = p->state;
	struct buf out = BUF_INIT(HELP_MAX);
	const struct sign *sign;
	section(&out, "Everywhere", SCOPE_ALL);
	section(&out, "Moving and showing", SCOPE_LIST | SCOPE_MAP | SCOPE_TEXT | SCOPE_LAYERS);
	section(&out, "Of a run, a task, a table, a schedule", SCOPE_RUN | SCOPE_TASK | SCOPE_TABLE | SCOPE_SCHEDULE);
	buf_adds(&out, "Signs of tasks\n");
	for (size_t i = 0; (sign = sign_nth(i)); i++) {
		const char letter[] = {sign->letter, '\0'};
		entry(&out, letter, sign->word);
	}
	textview_set(t, buf_cstr(&out), out.len);
	t->style_of = text_panel_look;
	buf_free(&out);
}

const struct panel_class panel_help = {
	.name = "help",
	.title = "Help",
	.scopes = SCOPE_TEXT,
	.state_size = sizeof(struct textview),
	.init = init,
	TEXT_PANEL,
};
