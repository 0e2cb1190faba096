/* What a service manager is told and expects (sd_notify(3)): datagrams to the socket that NOTIFY_SOCKET names.
 * Without that variable everything here does nothing. */
#ifndef STRATA_SCHEDULER_SYSTEMD_H
#define STRATA_SCHEDULER_SYSTEMD_H

#include <stdint.h>

/* Lines as of sd_notify(3): "READY=1", "RELOADING=1\nMONOTONIC_USEC=…", "STOPPING=1", "WATCHDOG=1", "STATUS=…". */
void systemd_notify(const char *lines);

/* How often WATCHDOG=1 is expected of this process, in microseconds; 0: never. */
int64_t systemd_watchdog_us(void);

#endif
