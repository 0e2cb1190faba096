/* See hurry.h. */
#include "ui-tui/hurry.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

enum { PATIENCE_S = 2 };

static void (*wake_loop)(int signum); /* libuv's handler, the same for each signal */
static void (*restore_first)(void);
static volatile sig_atomic_t told_by;

static void on_alarm(int signum)
{
	(void)signum;
	if (restore_first)
		restore_first();
	_exit(128 + told_by);
}

static void on_end(int signum)
{
	told_by = signum;
	alarm(PATIENCE_S);
	wake_loop(signum);
}

void hurry_by(int signum)
{
	struct sigaction action;
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm}, NULL);
	sigaction(signum, NULL, &action);
	if (action.sa_handler == on_end)
		return;
	wake_loop = action.sa_handler;
	action.sa_handler = on_end;
	sigaction(signum, &action, NULL);
}

void hurry_restores(void (*restore)(void))
{
	restore_first = restore;
}

void hurry_over(void)
{
	alarm(0);
}
