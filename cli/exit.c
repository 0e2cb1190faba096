/* See exit.h. */
#include "cli/exit.h"

#include "base/err.h"

enum exit_status exit_status_of(int err_code)
{
	switch (err_code) {
	case 0: return EXIT_GOOD;
	case ERR_USAGE:
	case ERR_PROJECT: return EXIT_USAGE;
	case ERR_ENGINE: return EXIT_FAILED;
	case ERR_NOTHING: return EXIT_NOTHING;
	case ERR_LOCKED: return EXIT_LOCKED;
	case ERR_CANCELED: return EXIT_INTERRUPTED;
	default: return EXIT_UNREACHABLE;
	}
}
