/* Actions of the screen are commands: what is shown as the command line is what is run, by this very program, and what it
 * says is what the person is told. So the screen cannot do anything otherwise than the command line does. */
#ifndef STRATA_UI_TUI_SPAWN_H
#define STRATA_UI_TUI_SPAWN_H

#include <uv.h>

#include "base/buf.h"

enum { SPAWN_WORDS = 24 };

/* "retry RUN dwd_flights@2013-01-03", word by word; copies. */
struct command_words {
	char *word[SPAWN_WORDS];
	size_t n;
};
void words_add(struct command_words *w, const char *word);
void words_free(struct command_words *w);
/* As one would type it in a shell: "strata retry …", quoted where need be. */
void words_line(const struct command_words *w, struct buf *out);

/* Told once, in the loop. `text` is what it wrote, results before messages, at most 256 kB; status -1: it could not start. */
typedef void spawn_done_fn(void *ctx, int status, const char *text);

struct spawner {
	uv_loop_t *loop;
	const char *const *global; /* NULL-terminated options of every command: -C DIR …, put before the words */
};
/* Run it beside the loop, without a terminal. */
void spawn_command(const struct spawner *s, const struct command_words *w, spawn_done_fn *done, void *ctx);
/* Run it on the terminal, which has been left, and wait; its output goes through $PAGER. */
int spawn_in_pager(const struct spawner *s, const struct command_words *w);

#endif
