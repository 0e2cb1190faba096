/* See pg_array.h. The format: dimensions, has-null flag, element type, then per dimension its length
 * and lower bound, then each element as length and bytes; all big-endian. */
#include "scheduler/pg_array.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/date.h"

/* Postgres counts from 2000-01-01. */
enum { EPOCH_DAYS = 10957 };
static const int64_t EPOCH_US = (int64_t)EPOCH_DAYS * 86400 * 1000000;

static const struct {
	const char *name;
	uint32_t oid;
} types[] = {
	[COLUMN_TEXT] = {"text", 25},    [COLUMN_JSON] = {"jsonb", 3802}, [COLUMN_UUID] = {"uuid", 2950},
	[COLUMN_BOOL] = {"boolean", 16}, [COLUMN_INT4] = {"integer", 23}, [COLUMN_INT8] = {"bigint", 20},
	[COLUMN_TIME] = {"timestamptz", 1184}, [COLUMN_DATE] = {"date", 1082},
};

const char *pg_array_type_name(enum column_type type)
{
	return types[type].name;
}

static void add32(struct buf *b, uint32_t v)
{
	v = htonl(v);
	buf_add(b, &v, 4);
}

static void add64(struct buf *b, uint64_t v)
{
	add32(b, (uint32_t)(v >> 32));
	add32(b, (uint32_t)v);
}

static void add_null(struct buf *b)
{
	add32(b, UINT32_MAX);
}

/* Bytes of the valid UTF-8 sequence at s, 0 when there is none. */
static size_t utf8_sequence(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
	           s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) /* also at the NUL */
			return 0;
	}
	bool bad = n > 2 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	                     (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f));
	return bad ? 0 : n;
}

static void add_text(struct buf *b, const char *text)
{
	size_t n = strlen(text), start = b->len + 4;
	add32(b, (uint32_t)n);
	buf_add(b, text, n);
	for (size_t i = 0; i < n && !b->overflow;) {
		unsigned char *at = (unsigned char *)b->data + start + i;
		size_t length = utf8_sequence(at);
		if (length == 0)
			*at = '?';
		i += length ? length : 1;
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0;
}

static void add_uuid(struct buf *b, const char *text)
{
	unsigned char bytes[16] = {0};
	size_t n = 0;
	for (; *text && n < 32; text++) {
		if (*text != '-') {
			bytes[n / 2] = (unsigned char)(bytes[n / 2] << 4 | hex_digit(*text));
			n++;
		}
	}
	add32(b, 16);
	buf_add(b, bytes, sizeof bytes);
}

static void add_int4(struct buf *b, int32_t v)
{
	add32(b, 4);
	add32(b, (uint32_t)v);
}

static void add_int8(struct buf *b, int64_t v)
{
	add32(b, 8);
	add64(b, (uint64_t)v);
}

static void add_json(struct buf *b, const char *text)
{
	size_t n = strlen(text);
	add32(b, (uint32_t)n + 1);
	buf_addc(b, 1); /* version of jsonb's binary form */
	buf_add(b, text, n);
}

static void add_value(struct buf *b, enum column_type type, const void *field)
{
	int32_t i32;
	int64_t i64;
	const char *text;
	switch (type) {
	case COLUMN_TEXT:
	case COLUMN_JSON:
	case COLUMN_UUID:
		memcpy(&text, field, sizeof text);
		if (type == COLUMN_TEXT)
			add_text(b, text ? text : "");
		else if (!text)
			add_null(b);
		else if (type == COLUMN_UUID)
			add_uuid(b, text);
		else
			add_json(b, text);
		return;
	case COLUMN_BOOL:
		add32(b, 1);
		buf_addc(b, *(const bool *)field ? 1 : 0);
		return;
	case COLUMN_INT4:
	case COLUMN_DATE:
		memcpy(&i32, field, sizeof i32);
		if (i32 == PG_NULL32)
			add_null(b);
		else
			add_int4(b, type == COLUMN_DATE ? i32 - EPOCH_DAYS : i32);
		return;
	case COLUMN_INT8:
	case COLUMN_TIME:
		memcpy(&i64, field, sizeof i64);
		if (i64 == (type == COLUMN_TIME ? 0 : PG_NULL64))
			add_null(b);
		else
			add_int8(b, type == COLUMN_TIME ? i64 - EPOCH_US : i64);
		return;
	}
}

_Static_assert(DATE_NONE == PG_NULL32, "no date and no number are the same");

void pg_array_encode(const struct pg_column *c, const void *rows, size_t n, size_t stride, struct buf *out)
{
	add32(out, 1);
	add32(out, 1);
	add32(out, types[c->type].oid);
	add32(out, (uint32_t)n);
	add32(out, 1);
	for (size_t i = 0; i < n; i++)
		add_value(out, c->type, (const char *)rows + i * stride + c->offset);
}

void pg_array_insert_sql(const char *table, const struct pg_column *columns, size_t n, struct buf *out)
{
	buf_addf(out, "INSERT INTO strata.%s (lake_id", table);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, ", %s", columns[i].name);
	buf_adds(out, ") SELECT $1::integer, t.* FROM unnest(");
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s$%zu::%s[]", i ? ", " : "", i + 2, pg_array_type_name(columns[i].type));
	buf_adds(out, ") AS t");
}
