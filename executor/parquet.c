/* See parquet.h. A file ends in: FileMetaData (Thrift, compact protocol), its length (4 bytes, little
 * endian), "PAR1". Of FileMetaData we read field 3, num_rows, and the same field of every row group in
 * field 4; everything else is skipped by its type. */
#include "executor/parquet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
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

static int read_footer(int fd, int64_t *ret_rows)
{
	struct stat st;
	unsigned char head[4], tail[TAIL];
	errno = 0;
	if (fstat(fd, &st) < 0 || st.st_size < 4 + TAIL || pread(fd, head, 4, 0) != 4 ||
	    pread(fd, tail, TAIL, st.st_size - TAIL) != TAIL)
		return -1;
	uint64_t n = (uint64_t)tail[0] | (uint64_t)tail[1] << 8 | (uint64_t)tail[2] << 16 | (uint64_t)tail[3] << 24;
	if (memcmp(head, "PAR1", 4) != 0 || memcmp(tail + 4, "PAR1", 4) != 0 || n > FOOTER_MAX || (int64_t)n > st.st_size - 4 - TAIL)
		return -1;
	unsigned char *footer = mem_alloc(n + 1);
	int rc = -1;
	if (pread(fd, footer, n, st.st_size - TAIL - (off_t)n) == (ssize_t)n)
		rc = parquet_footer_rows(footer, n, ret_rows);
	free(footer);
	return rc;
}

int parquet_rows(const char *path, int64_t *ret_rows, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_IO, "open '%s'", path);
	int rc = read_footer(fd, ret_rows);
	if (rc < 0 && errno)
		rc = err_errno(err, ERR_IO, "read the footer of '%s'", path);
	else if (rc < 0)
		rc = err_set(err, ERR_IO, "'%s' has no whole Parquet footer", path);
	close(fd);
	return rc;
}
