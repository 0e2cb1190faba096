/* strata: the command line, the scheduler and the daemon in one program. It loads no DuckDB. */
#include "cli/command.h"

int main(int argc, char **argv)
{
	return command_main(argc, argv);
}
