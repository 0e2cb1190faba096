/* See zone.h. The table of transitions answers up to its last one, the rule in the file's footer what comes after. */
#include "core/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/zone_rule.h"

/* Ceilings: the largest zones of the tz database have some 240 transitions and 20 kinds. */
enum { TRANSITIONS_MAX = 2000, KINDS_MAX = 256, ABBREVS_MAX = 1024 };

struct zone {
	int64_t *at;     /* [n], ascending */
	uint8_t *kind;   /* [n], from that time on, into kinds */
	size_t n;
	struct zone_kind kinds[KINDS_MAX]; /* the first one is that before all transitions */
	bool has_rule;
	struct zone_rule rule;
};

/* --- reading --- */

struct bytes {
	const unsigned char *p;
	size_t left;
};

/* The next n bytes, or NULL if there are not so many. */
static const unsigned char *take(struct bytes *b, size_t n)
{
	const unsigned char *p = b->p;
	if (n > b->left)
		return NULL;
	b->p += n;
	b->left -= n;
	return p;
}

static uint32_t number_32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Two's complement, big-endian, of 4 or 8 bytes. */
static int64_t number(const unsigned char *p, size_t size)
{
	if (size == 4)
		return (int32_t)number_32(p);
	return (int64_t)((uint64_t)number_32(p) << 32 | number_32(p + 4));
}

struct header {
	unsigned char version; /* 0, or '2' and more */
	uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt;
};

static int read_header(struct bytes *b, struct header *h, struct err *err)
{
	const unsigned char *p = take(b, 44);
	if (!p || memcmp(p, "TZif", 4) != 0)
		return err_set(err, ERR_IO, "it is no compiled time zone (TZif)");
	*h = (struct header){p[4], number_32(p + 20), number_32(p + 24), number_32(p + 28), number_32(p + 32), number_32(p + 36), number_32(p + 40)};
	if (h->version != 0 && h->version < '2')
		return err_set(err, ERR_IO, "its version is not known");
	return 0;
}

static uint64_t block_size(const struct header *h, size_t time_size)
{
	return (uint64_t)h->timecnt * (time_size + 1) + (uint64_t)h->typecnt * 6 + h->charcnt + (uint64_t)h->leapcnt * (time_size + 4) +
	       h->isstdcnt + h->isutcnt;
}

static int check_header(const struct header *h, struct err *err)
{
	if (h->leapcnt > 0)
		return err_set(err, ERR_IO, "it counts leap seconds, which the system's clock does not");
	if (h->typecnt == 0 || h->charcnt == 0 || (h->isutcnt != 0 && h->isutcnt != h->typecnt) ||
	    (h->isstdcnt != 0 && h->isstdcnt != h->typecnt))
		return err_set(err, ERR_IO, "its counts do not fit together");
	if (h->timecnt > TRANSITIONS_MAX || h->typecnt > KINDS_MAX || h->charcnt > ABBREVS_MAX)
		return err_set(err, ERR_IO, "it is larger than any time zone");
	return 0;
}

static int read_kinds(struct zone *z, const struct header *h, const unsigned char *types, const unsigned char *chars, struct err *err)
{
	for (uint32_t i = 0; i < h->typecnt; i++) {
		const unsigned char *t = types + 6 * (size_t)i;
		int64_t offset = number(t, 4);
		if (offset < -ZONE_OFFSET_MAX || offset > ZONE_OFFSET_MAX || t[4] > 1)
			return err_set(err, ERR_IO, "offset %lld is none", (long long)offset);
		const unsigned char *end = t[5] < h->charcnt ? memchr(chars + t[5], '\0', h->charcnt - t[5]) : NULL;
		if (!end || end - (chars + t[5]) >= ZONE_ABBREV_SIZE)
			return err_set(err, ERR_IO, "an abbreviation is missing or too long");
		z->kinds[i] = (struct zone_kind){.offset = (int32_t)offset, .dst = t[4] == 1};
		memcpy(z->kinds[i].abbrev, chars + t[5], (size_t)(end - (chars + t[5])));
	}
	return 0;
}

static int read_block(struct zone *z, struct bytes *b, const struct header *h, size_t time_size, struct err *err)
{
	int rc = check_header(h, err);
	if (rc < 0)
		return rc;
	const unsigned char *p = take(b, (size_t)block_size(h, time_size));
	if (!p)
		return err_set(err, ERR_IO, "it is cut off");
	const unsigned char *kind = p + h->timecnt * time_size;
	z->n = h->timecnt;
	z->at = mem_array(z->n + 1, sizeof *z->at);
	z->kind = mem_array(z->n + 1, sizeof *z->kind);
	for (size_t i = 0; i < z->n; i++) {
		z->at[i] = number(p + i * time_size, time_size);
		z->kind[i] = kind[i];
		if (kind[i] >= h->typecnt || (i > 0 && z->at[i] <= z->at[i - 1]))
			return err_set(err, ERR_IO, "transition %zu is out of order or of no kind", i + 1);
	}
	return read_kinds(z, h, kind + h->timecnt, kind + h->timecnt + (size_t)h->typecnt * 6, err);
}

/* A line that may be empty: nothing is known of the time after the table, so that it stays as it is. */
static int read_footer(struct zone *z, struct bytes *b, struct err *err)
{
	const unsigned char *newline = take(b, 1);
	const unsigned char *end = newline && *newline == '\n' ? memchr(b->p, '\n', b->left) : NULL;
	if (!end)
		return err_set(err, ERR_IO, "its last line is cut off");
	if (end == b->p)
		return 0;
	z->has_rule = true;
	return zone_rule_parse((const char *)b->p, (size_t)(end - b->p), &z->rule, err);
}

/* Since version 2 a file has all of it twice, the second time with 64 bits. */
static int read_zone(struct zone *z, struct bytes *b, struct err *err)
{
	struct header h;
	int rc = read_header(b, &h, err);
	if (rc < 0 || h.version == 0)
		return rc < 0 ? rc : read_block(z, b, &h, 4, err);
	uint64_t skip = block_size(&h, 4);
	if (skip > b->left)
		return err_set(err, ERR_IO, "it is cut off");
	take(b, (size_t)skip);
	rc = read_header(b, &h, err);
	if (rc == 0)
		rc = read_block(z, b, &h, 8, err);
	return rc < 0 ? rc : read_footer(z, b, err);
}

struct zone *zone_parse(const void *bytes, size_t size, struct err *err)
{
	struct zone *z = mem_alloc(sizeof *z);
	struct bytes b = {bytes, size};
	if (read_zone(z, &b, err) == 0)
		return z;
	zone_free(z);
	return NULL;
}

struct zone *zone_utc(void)
{
	struct zone *z = mem_alloc(sizeof *z);
	memcpy(z->kinds[0].abbrev, "UTC", sizeof "UTC");
	return z;
}

void zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->at);
	free(z->kind);
	free(z);
}

/* --- asking --- */

/* How many transitions there are up to utc, its own instant included. */
static size_t transitions_to(const struct zone *z, int64_t utc)
{
	size_t lo = 0, hi = z->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (z->at[mid] <= utc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void zone_at(const struct zone *z, int64_t utc, struct zone_span *ret)
{
	utc = utc < ZONE_TIME_MIN ? ZONE_TIME_MIN : utc > ZONE_TIME_MAX ? ZONE_TIME_MAX : utc;
	size_t i = transitions_to(z, utc);
	const struct zone_kind *kind;
	int64_t from = INT64_MIN, until = INT64_MAX;
	if (i == z->n && z->has_rule) {
		kind = zone_rule_at(&z->rule, utc, &from, &until);
	} else {
		kind = &z->kinds[i == 0 ? 0 : z->kind[i - 1]];
		until = i < z->n ? z->at[i] : INT64_MAX;
	}
	if (i > 0 && from < z->at[i - 1])
		from = z->at[i - 1];
	*ret = (struct zone_span){from, until, kind->offset, kind->dst, kind->abbrev};
	/* Beyond the years that are understood nothing changes. */
	if (ret->from <= ZONE_TIME_MIN)
		ret->from = INT64_MIN;
	if (ret->until > ZONE_TIME_MAX)
		ret->until = INT64_MAX;
}

enum zone_shown zone_from_wall(const struct zone *z, int64_t wall, int64_t *ret_first, int64_t *ret_last)
{
	struct zone_span s;
	int64_t gap = INT64_MAX;
	int times = 0;
	/* No instant outside of these shows it. */
	for (int64_t t = wall - ZONE_OFFSET_MAX;; t = s.until) {
		zone_at(z, t, &s);
		int64_t utc = wall - s.offset;
		if (utc >= s.from && utc < s.until) {
			*ret_first = times++ == 0 ? utc : *ret_first;
			*ret_last = utc;
		}
		if (utc < s.from && s.from < gap)
			gap = s.from; /* the first to show something later */
		if (s.until > wall + ZONE_OFFSET_MAX)
			break;
	}
	if (times == 0)
		*ret_first = *ret_last = gap;
	return times == 0 ? ZONE_NEVER : times == 1 ? ZONE_ONCE : ZONE_TWICE;
}
