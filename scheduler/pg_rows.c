/* See pg_rows.h. */
#include "scheduler/pg_rows.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "scheduler/db.h"

enum { PARAMS_MAX = 8, EPOCH_DAYS = 10957 }; /* Postgres counts from 2000-01-01 */
static const int64_t EPOCH_US = (int64_t)EPOCH_DAYS * 86400 * 1000000;

static int32_t get32(const char *p)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return (int32_t)ntohl(v);
}

static int64_t get64(const char *p)
{
	return (int64_t)((uint64_t)(uint32_t)get32(p) << 32 | (uint32_t)get32(p + 4));
}

static const char *uuid_text(struct arena *arena, const unsigned char *b)
{
	static const char digits[] = "0123456789abcdef";
	char *out = arena_alloc(arena, 37), *p = out;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = digits[b[i] >> 4];
		*p++ = digits[b[i] & 15];
	}
	return out;
}

/* `before`: the same field of the row before, or NULL. */
static const char *get_text(struct arena *arena, enum column_type type, const char *value, int size, const char *before)
{
	if (type == COLUMN_UUID)
		return size == 16 ? uuid_text(arena, (const unsigned char *)value) : "";
	if (type == COLUMN_JSON && size > 0) { /* a version byte comes first */
		value++;
		size--;
	}
	if (before && strncmp(before, value, (size_t)size) == 0 && before[size] == '\0')
		return before;
	return arena_strndup(arena, value, (size_t)size);
}

static void set_field(struct arena *arena, const struct pg_column *c, const PGresult *r, int row, int col, char *out,
                      size_t stride)
{
	bool null = PQgetisnull(r, row, col);
	const char *value = PQgetvalue(r, row, col);
	char *field = out + c->offset;
	switch (c->type) {
	case COLUMN_TEXT:
	case COLUMN_JSON:
	case COLUMN_UUID: {
		const char *before = NULL;
		if (row > 0)
			memcpy(&before, field - stride, sizeof before);
		const char *text = null ? "" : get_text(arena, c->type, value, PQgetlength(r, row, col), before);
		memcpy(field, &text, sizeof text);
		return;
	}
	case COLUMN_BOOL:
		*(bool *)field = !null && *value;
		return;
	case COLUMN_INT4:
	case COLUMN_DATE: {
		int32_t v = null ? PG_NULL32 : get32(value);
		if (c->type == COLUMN_DATE && !null)
			v += EPOCH_DAYS;
		memcpy(field, &v, sizeof v);
		return;
	}
	case COLUMN_INT8:
	case COLUMN_TIME: {
		int64_t v = null ? (c->type == COLUMN_TIME ? 0 : PG_NULL64) : get64(value);
		if (c->type == COLUMN_TIME && !null)
			v += EPOCH_US;
		memcpy(field, &v, sizeof v);
		return;
	}
	}
}

int pg_rows_select(PGconn *conn, const struct pg_column *columns, size_t ncolumns, size_t stride, const char *rest,
                   const struct pg_param *params, int nparams, struct arena *arena, void *ret_rows, size_t *ret_count,
                   struct err *err)
{
	struct buf sql = BUF_INIT(1 << 16);
	buf_adds(&sql, "SELECT ");
	for (size_t i = 0; i < ncolumns; i++)
		buf_addf(&sql, "%s(%s)::%s", i ? ", " : "", columns[i].name, pg_array_type_name(columns[i].type));
	buf_addf(&sql, " %s", rest);
	const char *values[PARAMS_MAX];
	int lengths[PARAMS_MAX], formats[PARAMS_MAX];
	for (int i = 0; i < nparams && i < PARAMS_MAX; i++) {
		values[i] = params[i].data;
		lengths[i] = params[i].size;
		formats[i] = params[i].format;
	}
	PGresult *r = PQexecParams(conn, buf_cstr(&sql), nparams, NULL, values, lengths, formats, 1);
	buf_free(&sql);
	int rc = 0;
	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		rc = err_set(err, ERR_STATE, "read the state database: %s", db_message(conn, r));
	} else {
		int n = PQntuples(r);
		char *rows = arena_array(arena, (size_t)n, stride);
		for (int i = 0; i < n; i++) {
			for (size_t c = 0; c < ncolumns; c++)
				set_field(arena, &columns[c], r, i, (int)c, rows + (size_t)i * stride, stride);
		}
		memcpy(ret_rows, &rows, sizeof rows);
		*ret_count = (size_t)n;
	}
	PQclear(r);
	return rc;
}
