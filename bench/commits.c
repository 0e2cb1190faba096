/* commits CONNINFO N [MS]: the median of N single-row commits, one after the other, as Postgres is configured there,
 * with a pause of so many milliseconds between them, so that others who are measured meanwhile have the disk.
 *
 * What a scheduler that records each transition cannot go below. Prints "N median mean", in seconds. The
 * table is an ordinary one (a temporary one writes no log) and is dropped again. */
#include <err.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static PGconn *connection;

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(PGresult *result) {
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		errx(1, "%s", PQerrorMessage(connection));
	PQclear(result);
}

static int by_size(const void *a, const void *b) {
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv) {
	long n = argc == 3 || argc == 4 ? strtol(argv[2], NULL, 10) : 0;
	long pause_ms = argc == 4 ? strtol(argv[3], NULL, 10) : 0;
	if (n < 1 || n > 100000 || pause_ms < 0 || pause_ms >= 1000)
		errx(2, "usage: commits CONNINFO N [MS]");
	const struct timespec pause = {.tv_nsec = pause_ms * 1000000};
	connection = PQconnectdb(argv[1]);
	if (PQstatus(connection) != CONNECTION_OK)
		errx(1, "%s", PQerrorMessage(connection));
	double *took = calloc((size_t)n, sizeof *took), sum = 0;
	if (!took)
		errx(1, "out of memory");
	check(PQexec(connection, "SET client_min_messages = warning"));
	check(PQexec(connection, "DROP TABLE IF EXISTS public.strata_bench_commit"));
	check(PQexec(connection, "CREATE TABLE public.strata_bench_commit (n integer, at timestamptz)"));
	check(PQprepare(connection, "one", "INSERT INTO public.strata_bench_commit VALUES (1, now())", 0, NULL));
	for (long i = 0; i < n; i++) {
		double begin = now();
		check(PQexecPrepared(connection, "one", 0, NULL, NULL, NULL, 0));
		took[i] = now() - begin;
		sum += took[i];
		nanosleep(&pause, NULL);
	}
	check(PQexec(connection, "DROP TABLE public.strata_bench_commit"));
	PQfinish(connection);
	qsort(took, (size_t)n, sizeof *took, by_size);
	printf("%ld %.6f %.6f\n", n, took[n / 2], sum / (double)n);
	free(took);
	return 0;
}
