/* See parquet.h. A file ends in: FileMetaData (Thrift, compact protocol), its length (4 bytes, little
 * endian), "PAR1". Of FileMetaData we read field 3, num_rows, and the same field of every row group in
 * field 4, or field 2, the schema; everything else is skipped by its type. */
#include "executor/parquet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { FOOTER_MAX = 256 << 20, DEPTH_MAX = 32, TAIL = 8 };
enum thrift { T_STOP, T_TRUE, T_FALSE, T_BYTE, T_I16, T_I32, T_I64, T_DOUBLE, T_BINARY, T_LIST, T_SET, T_MAP, T_STRUCT };

struct cursor {
	const unsigned char *p, *end;
	bool bad;
};

static unsigned char byte(struct cursor *c)
{
	if (c->p < c->end)
		return *c->p++;
	c->bad = true;
	return 0;
}

static uint64_t varint(struct cursor *c)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char b = byte(c);
		value |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return value;
	}
	c->bad = true;
	return 0;
}

static int64_t zigzag(struct cursor *c)
{
	uint64_t v = varint(c);
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void skip_bytes(struct cursor *c, uint64_t n)
{
	if (n > (uint64_t)(c->end - c->p))
		c->bad = true;
	else
		c->p += n;
}

/* The next field of a struct: its type, T_STOP at the end; *id is the one before and becomes its own. */
static enum thrift field(struct cursor *c, int64_t *id)
{
	unsigned char b = byte(c);
	if (c->bad || (b & 0x0f) == T_STOP)
		return T_STOP;
	if (b >> 4)
		*id = (int64_t)((uint64_t)*id + (b >> 4));
	else
		*id = zigzag(c);
	return (enum thrift)(b & 0x0f);
}

static uint64_t list_header(struct cursor *c, enum thrift *element)
{
	unsigned char b = byte(c);
	*element = (enum thrift)(b & 0x0f);
	return b >> 4 == 15 ? varint(c) : b >> 4;
}

static void skip(struct cursor *c, enum thrift type, int depth, bool in_list);

static void skip_struct(struct cursor *c, int depth)
{
	int64_t id = 0;
	enum thrift type;
	while ((type = field(c, &id)) != T_STOP && !c->bad)
		skip(c, type, depth + 1, false);
}

static void skip_list(struct cursor *c, int depth)
{
	enum thrift element;
	for (uint64_t n = list_header(c, &element); n > 0 && !c->bad; n--)
		skip(c, element, depth + 1, true);
}

static void skip_map(struct cursor *c, int depth)
{
	uint64_t n = varint(c);
	unsigned char types = n > 0 ? byte(c) : 0;
	for (; n > 0 && !c->bad; n--) {
		skip(c, (enum thrift)(types >> 4), depth + 1, true);
		skip(c, (enum thrift)(types & 0x0f), depth + 1, true);
	}
}

static void skip(struct cursor *c, enum thrift type, int depth, bool in_list)
{
	if (depth > DEPTH_MAX) {
		c->bad = true;
		return;
	}
	switch (type) {
	case T_TRUE:
	case T_FALSE:
		skip_bytes(c, in_list ? 1 : 0); /* a field's value is in its type */
		break;
	case T_BYTE:
		skip_bytes(c, 1);
		break;
	case T_I16:
	case T_I32:
	case T_I64:
		varint(c);
		break;
	case T_DOUBLE:
		skip_bytes(c, 8);
		break;
	case T_BINARY:
		skip_bytes(c, varint(c));
		break;
	case T_LIST:
	case T_SET:
		skip_list(c, depth);
		break;
	case T_MAP:
		skip_map(c, depth);
		break;
	case T_STRUCT:
		skip_struct(c, depth);
		break;
	case T_STOP:
	default:
		c->bad = true;
	}
}

/* num_rows (field 3) of one row group. */
static int64_t group_rows(struct cursor *c)
{
	int64_t id = 0, rows = 0;
	enum thrift type;
	while ((type = field(c, &id)) != T_STOP && !c->bad) {
		if (id == 3 && type == T_I64)
			rows = zigzag(c);
		else
			skip(c, type, 1, false);
	}
	return rows;
}

int parquet_footer_rows(const unsigned char *footer, size_t n, int64_t *ret_rows)
{
	struct cursor c = {.p = footer, .end = footer + n};
	int64_t id = 0, rows = -1;
	uint64_t in_groups = 0;
	enum thrift type, element;
	while ((type = field(&c, &id)) != T_STOP && !c.bad) {
		if (id == 3 && type == T_I64) {
			rows = zigzag(&c);
		} else if (id == 4 && type == T_LIST) {
			uint64_t groups = list_header(&c, &element);
			c.bad = c.bad || (groups > 0 && element != T_STRUCT);
			for (; groups > 0 && !c.bad; groups--)
				in_groups += (uint64_t)group_rows(&c);
		} else {
			skip(&c, type, 0, false);
		}
	}
	if (c.bad || c.p != c.end || rows < 0 || in_groups != (uint64_t)rows)
		return -1;
	*ret_rows = rows;
	return 0;
}

/* One SchemaElement, as far as it makes a plain column. */
struct element {
	int64_t type, children, converted, scale, precision; /* -1: not there */
	int64_t repetition;
	const char *name;
	size_t name_len;
};

static struct element schema_element(struct cursor *c)
{
	struct element e = {.type = -1, .children = -1, .converted = -1, .scale = -1, .precision = -1, .repetition = -1};
	int64_t *const numbers[] = {[1] = &e.type, [3] = &e.repetition, [5] = &e.children, [6] = &e.converted, [7] = &e.scale, [8] = &e.precision};
	int64_t id = 0;
	enum thrift type;
	while ((type = field(c, &id)) != T_STOP && !c->bad) {
		if (id == 4 && type == T_BINARY) {
			e.name_len = varint(c);
			e.name = (const char *)c->p;
			skip_bytes(c, e.name_len);
		} else if (type == T_I32 && id > 0 && id < (int64_t)(sizeof numbers / sizeof *numbers) && numbers[id]) {
			*numbers[id] = zigzag(c);
		} else {
			skip(c, type, 1, false);
		}
	}
	return e;
}

/* As DuckDB reads it; NULL: not plain. */
static const char *plain_type(struct arena *arena, const struct element *e)
{
	enum { BOOLEAN = 0, INT32 = 1, INT64 = 2, FLOAT = 4, BYTE_ARRAY = 6, FIXED = 7, DECIMAL = 5, REPEATED = 2 };
	static const struct {
		int64_t type, converted;
		const char *name;
	} plain[] = {
		{BOOLEAN, -1, "BOOLEAN"}, {FLOAT, -1, "FLOAT"},       {BYTE_ARRAY, 0, "VARCHAR"}, {INT32, 6, "DATE"},
		{INT32, 11, "UTINYINT"},  {INT32, 12, "USMALLINT"},   {INT32, 13, "UINTEGER"},    {INT64, 14, "UBIGINT"},
		{INT32, 15, "TINYINT"},   {INT32, 16, "SMALLINT"},    {INT32, 17, "INTEGER"},     {INT64, 18, "BIGINT"},
	};
	if (e->children > 0 || e->repetition == REPEATED)
		return NULL;
	if (e->converted == DECIMAL && (e->type == INT32 || e->type == INT64 || e->type == FIXED) && e->scale >= 0 && e->scale <= 38 &&
	    e->precision > 0 && e->precision <= 38)
		return arena_printf(arena, "DECIMAL(%d,%d)", (int)e->precision, (int)e->scale);
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		if (e->type == plain[i].type && e->converted == plain[i].converted)
			return plain[i].name;
	}
	return NULL;
}

static int by_folded_name(const void *a, const void *b)
{
	const struct column *const *x = a, *const *y = b;
	return strcasecmp((*x)->name, (*y)->name);
}

/* DuckDB gives one of two equal names another. Beyond ASCII we do not know what is equal. */
static bool names_differ(const struct column *columns, size_t n)
{
	const struct column **sorted = mem_alloc(n * sizeof *sorted);
	bool differ = true;
	for (size_t i = 0; i < n; i++) {
		sorted[i] = &columns[i];
		for (const char *s = columns[i].name; *s; s++)
			differ = differ && !(*s & 0x80);
	}
	qsort(sorted, n, sizeof *sorted, by_folded_name);
	for (size_t i = 1; i < n; i++)
		differ = differ && strcasecmp(sorted[i - 1]->name, sorted[i]->name) != 0;
	free(sorted);
	return differ;
}

/* The root, then one element a column. */
static int plain_schema(struct cursor *c, struct arena *arena, struct column **ret_columns, size_t *ret_n)
{
	enum thrift type;
	uint64_t n = list_header(c, &type);
	if (c->bad || type != T_STRUCT || n < 2 || n > (uint64_t)(c->end - c->p))
		return -1;
	struct element root = schema_element(c);
	if (c->bad || root.children != (int64_t)n - 1)
		return -1;
	struct column *columns = arena_array(arena, n - 1, sizeof *columns);
	for (size_t i = 0; i < n - 1; i++) {
		struct element e = schema_element(c);
		if (c->bad || !e.name || e.name_len == 0 || memchr(e.name, 0, e.name_len))
			return -1;
		columns[i] = (struct column){arena_strndup(arena, e.name, e.name_len), plain_type(arena, &e)};
		if (!columns[i].type)
			return -1;
	}
	if (!names_differ(columns, n - 1))
		return -1;
	*ret_columns = columns;
	*ret_n = n - 1;
	return 0;
}

int parquet_footer_plain(const unsigned char *footer, size_t n, struct arena *arena, struct column **ret_columns, size_t *ret_n)
{
	struct cursor c = {.p = footer, .end = footer + n};
	int64_t id = 0;
	enum thrift type;
	while ((type = field(&c, &id)) != T_STOP && !c.bad) {
		if (id == 2 && type == T_LIST)
			return plain_schema(&c, arena, ret_columns, ret_n);
		skip(&c, type, 0, false);
	}
	return -1;
}

/* The bytes of the footer, to be freed; NULL, with errno 0 where there is none that is whole. */
static unsigned char *read_footer(int fd, size_t *ret_n)
{
	struct stat st;
	unsigned char head[4], tail[TAIL];
	errno = 0;
	if (fstat(fd, &st) < 0 || st.st_size < 4 + TAIL || pread(fd, head, 4, 0) != 4 ||
	    pread(fd, tail, TAIL, st.st_size - TAIL) != TAIL)
		return NULL;
	uint64_t n = (uint64_t)tail[0] | (uint64_t)tail[1] << 8 | (uint64_t)tail[2] << 16 | (uint64_t)tail[3] << 24;
	if (memcmp(head, "PAR1", 4) != 0 || memcmp(tail + 4, "PAR1", 4) != 0 || n > FOOTER_MAX || (int64_t)n > st.st_size - 4 - TAIL)
		return NULL;
	unsigned char *footer = mem_alloc(n + 1);
	if (pread(fd, footer, n, st.st_size - TAIL - (off_t)n) == (ssize_t)n) {
		*ret_n = n;
		return footer;
	}
	free(footer);
	return NULL;
}

int parquet_plain_columns(const char *path, struct arena *arena, struct column **ret_columns, size_t *ret_n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t n;
	unsigned char *footer = read_footer(fd, &n);
	int rc = footer ? parquet_footer_plain(footer, n, arena, ret_columns, ret_n) : -1;
	free(footer);
	close(fd);
	return rc;
}

int parquet_rows(const char *path, int64_t *ret_rows, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_IO, "open '%s'", path);
	size_t n;
	unsigned char *footer = read_footer(fd, &n);
	int rc = footer ? parquet_footer_rows(footer, n, ret_rows) : -1;
	if (!footer && errno)
		rc = err_errno(err, ERR_IO, "read the footer of '%s'", path);
	else if (rc < 0)
		rc = err_set(err, ERR_IO, "'%s' has no whole Parquet footer", path);
	free(footer);
	close(fd);
	return rc;
}
