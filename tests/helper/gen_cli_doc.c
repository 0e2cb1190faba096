/* Prints docs/CLI.md from the table of commands. */
#include <stdio.h>

#include "cli/pages.h"

int main(void)
{
	struct buf doc = BUF_INIT(1 << 20);
	pages_markdown(&doc);
	fputs(buf_cstr(&doc), stdout);
	buf_free(&doc);
	return 0;
}
