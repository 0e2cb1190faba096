/* Calendar dates as days since 1970-01-01 (proleptic Gregorian). */
#ifndef STRATA_CORE_DATE_H
#define STRATA_CORE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#define DATE_NONE INT32_MIN /* no date: an unpartitioned table's only partition */
enum { DATE_SIZE = 12 };    /* "YYYY-MM-DD" and its NUL */

/* "YYYY-MM-DD" or "YYYYMMDD", years 0001 to 9999; false for anything else, 2013-02-30 included. */
bool date_parse(const char *text, int32_t *ret_day);

/* As date_parse but only "YYYY-MM-DD", of exactly n bytes. */
bool date_parse_iso(const char *text, unsigned long n, int32_t *ret_day);

/* The day of a year (1 BC is 0), month 1-12 and day of the month, which may be past its end; and back. */
int32_t date_from_civil(int year, int month, int day);
void date_to_civil(int32_t day, int *ret_year, int *ret_month, int *ret_day);

/* 0 (Sunday) to 6. */
int date_weekday(int32_t day);

/* "YYYY-MM-DD", or "" for DATE_NONE; returns out. */
char *date_format(char out[DATE_SIZE], int32_t day);

#endif
