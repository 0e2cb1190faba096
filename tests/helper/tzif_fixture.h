/* TZif files in memory, for tests: a table of transitions, kinds of time, and a footer. */
#ifndef TZIF_FIXTURE_H
#define TZIF_FIXTURE_H

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "core/zone.h"

struct tzif_kind {
	int32_t offset;
	int dst;
	const char *abbrev;
};

struct tzif {
	char version; /* 0, '2', … */
	const int64_t *at;
	const uint8_t *kind; /* [n] */
	size_t n;
	const struct tzif_kind *kinds;
	size_t nkinds;
	uint32_t leaps; /* said in the header; 12 bytes each follow */
	const char *footer; /* of version 2 and later; NULL: "" */
};

static inline void tzif_number(struct buf *b, int64_t value, int size)
{
	for (int i = size - 1; i >= 0; i--)
		buf_addc(b, (char)(uint8_t)((uint64_t)value >> (8 * i)));
}

static inline void tzif_block(struct buf *b, const struct tzif *f, int time_size)
{
	int64_t chars = 0;
	for (size_t i = 0; i < f->nkinds; i++)
		chars += (int64_t)strlen(f->kinds[i].abbrev) + 1;
	buf_adds(b, "TZif");
	buf_addc(b, f->version);
	tzif_number(b, 0, 8);
	tzif_number(b, 0, 7);
	const int64_t counts[] = {0, 0, f->leaps, (int64_t)f->n, (int64_t)f->nkinds, chars};
	for (size_t i = 0; i < 6; i++)
		tzif_number(b, counts[i], 4);
	for (size_t i = 0; i < f->n; i++)
		tzif_number(b, f->at[i], time_size);
	for (size_t i = 0; i < f->n; i++)
		buf_addc(b, (char)f->kind[i]);
	size_t at = 0;
	for (size_t i = 0; i < f->nkinds; i++) {
		tzif_number(b, f->kinds[i].offset, 4);
		buf_addc(b, (char)f->kinds[i].dst);
		buf_addc(b, (char)at);
		at += strlen(f->kinds[i].abbrev) + 1;
	}
	for (size_t i = 0; i < f->nkinds; i++)
		buf_add(b, f->kinds[i].abbrev, strlen(f->kinds[i].abbrev) + 1);
	for (uint32_t i = 0; i < f->leaps; i++)
		tzif_number(b, 0, time_size), tzif_number(b, 0, 4);
}

/* The file's bytes; buf_free() them. */
static inline struct buf tzif_bytes(const struct tzif *f)
{
	struct buf b = BUF_INIT(1 << 20);
	tzif_block(&b, f, 4);
	if (f->version) {
		tzif_block(&b, f, 8);
		buf_addf(&b, "\n%s\n", f->footer ? f->footer : "");
	}
	return b;
}

/* The zone that a footer alone describes; NULL when it is wrong. zone_free() it. */
static inline struct zone *tzif_rule(const char *footer, struct err *err)
{
	static const struct tzif_kind none = {0, 0, "-00"};
	struct buf b = tzif_bytes(&(struct tzif){.version = '2', .kinds = &none, .nkinds = 1, .footer = footer});
	struct zone *z = zone_parse(b.data, b.len, err);
	buf_free(&b);
	return z;
}

#endif
