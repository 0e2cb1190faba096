/* A text that somebody has at hand: what a command said. */
#include <string.h>

#include "ui-tui/text_panel.h"

void panel_text_set(struct panel *p, const char *text)
{
	struct textview *t = p->state;
	textview_set(t, text, strlen(text));
	t->wrap = true;
}

const struct panel_class panel_text = {
	.name = "text",
	.title = "Answer",
	.scopes = SCOPE_TEXT,
	.state_size = sizeof(struct textview),
	TEXT_PANEL,
};
