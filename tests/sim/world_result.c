/* What libpq says of an answer: rows of texts that a model has put there. */
#include <libpq-fe.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

struct pg_result {
	int rows, columns;
	char *values[]; /* NULL: SQL NULL */
};

struct pg_result *result_new(int rows, int columns)
{
	struct pg_result *r = mem_alloc(sizeof *r + (size_t)(rows * columns) * sizeof *r->values);
	memset(r->values, 0, (size_t)(rows * columns) * sizeof *r->values);
	r->rows = rows;
	r->columns = columns;
	return r;
}

void result_put(struct pg_result *r, int row, int column, const char *text)
{
	CHECK(row < r->rows && column < r->columns);
	r->values[row * r->columns + column] = mem_strdup(text);
}

void result_put_int(struct pg_result *r, int row, int column, int64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRId64, value);
	result_put(r, row, column, text);
}

int PQntuples(const PGresult *res)
{
	return res->rows;
}

char *PQgetvalue(const PGresult *res, int row, int column)
{
	static char none[1];
	CHECK(row >= 0 && row < res->rows && column >= 0 && column < res->columns);
	char *value = res->values[row * res->columns + column];
	return value ? value : none;
}

int PQgetisnull(const PGresult *res, int row, int column)
{
	CHECK(row >= 0 && row < res->rows && column >= 0 && column < res->columns);
	return !res->values[row * res->columns + column];
}

void PQclear(PGresult *res)
{
	if (!res)
		return;
	for (int i = 0; i < res->rows * res->columns; i++)
		free(res->values[i]);
	free(res);
}
