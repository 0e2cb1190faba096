/* Pages from the tables of commands, options, topics and answers, other than those of `strata help` (cli/help.c): man
 * pages, and docs/CLI.md. What stands in the tables is written once. */
#ifndef STRATA_CLI_PAGES_H
#define STRATA_CLI_PAGES_H

#include "cli/command.h"

/* strata(1), and strata-COMMAND(1); "db start" is strata-db-start(1). For man(7), in ASCII. */
void pages_man(struct buf *out);
void pages_man_command(const struct command *c, struct buf *out);
/* All of them as files of a folder that exists. */
int pages_man_write(const char *dir, struct err *err);

/* docs/CLI.md: every command with its options, and what it prints for programs. */
void pages_markdown(struct buf *out);

/* One line of a topic's or a details' text: it is a paragraph, or a pair of columns ("  word  what it says"). Returns what
 * follows it; the line's parts are copied to the arena, `ret_word` NULL for a paragraph. False at the end. */
bool pages_line(const char **text, struct arena *arena, const char **ret_word, const char **ret_rest);

#endif
