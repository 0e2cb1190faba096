/* Prints docs/STATES.md:  build/debug/tests/helper/gen_states_doc > docs/STATES.md */
#include <stdio.h>

#include "tests/helper/states_doc.h"

int main(void)
{
	struct buf out = BUF_INIT(1 << 20);
	states_doc(&out);
	fputs(buf_cstr(&out), stdout);
	buf_free(&out);
	return 0;
}
