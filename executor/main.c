/* strata-worker: the only program that loads DuckDB, runs SQL or touches the lake. strata starts it with
 * the two ends of its line protocol as descriptors 3 and 4. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/protocol.h"
#include "executor/server.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("strata-worker %s\n", STRATA_VERSION);
		return 0;
	}
	if (fcntl(PROTOCOL_FD_IN, F_GETFD) < 0 || fcntl(PROTOCOL_FD_OUT, F_GETFD) < 0) {
		fprintf(stderr, "strata-worker is started by strata, with a pipe as descriptors %d and %d (docs/PROTOCOL.md)\n",
		        PROTOCOL_FD_IN, PROTOCOL_FD_OUT);
		return 2;
	}
	return server_run(PROTOCOL_FD_IN, PROTOCOL_FD_OUT);
}
