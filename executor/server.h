/* The worker's side of the line protocol (core/protocol.h): a reader thread that takes `cancel` and the
 * end of the pipe at once, and this thread, which works one request after the other. */
#ifndef STRATA_EXECUTOR_SERVER_H
#define STRATA_EXECUTOR_SERVER_H

/* Serve until the pipe ends; the process's exit status. */
int server_run(int fd_in, int fd_out);

#endif
