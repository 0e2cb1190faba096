/* An end that is not held up. libuv's handler of a signal only wakes the loop, which may be stuck in a write to a terminal or
 * into a pipe that nobody reads. So a process that was told to end and is still at it two seconds later ends where it is. */
#ifndef STRATA_UI_TUI_HURRY_H
#define STRATA_UI_TUI_HURRY_H

/* After uv_signal_start for it. */
void hurry_by(int signum);
/* Called before it ends where it is, in a signal's handler; NULL: nothing. */
void hurry_restores(void (*restore)(void));
/* What could have held it up is over. */
void hurry_over(void);

#endif
