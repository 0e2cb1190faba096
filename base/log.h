/* Logs: a stable event name and fields, one event a line, on stderr.
 *
 *     log_event(LOG_INFO, "task.done", "run", run_id, "task", name, LOG_INT("ms", ms), NULL);
 *
 * text:  12:30:01.123 info  task.done run=… task=dwd.dwd_flights ms=12
 * json:  {"ts":"…","level":"info","event":"task.done","run":"…","task":"…","ms":12}
 * Fields are name, value pairs of strings ended by NULL; LOG_INT makes a number of the pair.
 * Secrets never come here. */
#ifndef STRATA_BASE_LOG_H
#define STRATA_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

/* A number for log_event: expands to the two arguments name, text; valid until the statement ends. */
#define LOG_INT(name, value) "#" name, log_int((char[24]){0}, (int64_t)(value))

void log_setup(enum log_level least, enum log_format format);
bool log_enabled(enum log_level level);
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));
const char *log_int(char out[24], int64_t value);

#endif
