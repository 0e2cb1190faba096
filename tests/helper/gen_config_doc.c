/* Prints docs/CONFIG.md from the table of keys. */
#include <stdio.h>

#include "core/keys.h"

int main(void)
{
	struct buf doc = BUF_INIT(1 << 20);
	keys_doc(&doc);
	fputs(buf_cstr(&doc), stdout);
	buf_free(&doc);
	return 0;
}
