/* A growable byte string with a ceiling from birth.
 *
 * Calling sequence:
 *     struct buf b = BUF_INIT(1 << 20);
 *     buf_addf(&b, "dt=%s", date);
 *     if (b.overflow) ...
 *     puts(buf_cstr(&b));
 *     buf_free(&b);
 *
 * Growing past `max` drops what does not fit and sets `overflow`; nothing else fails. */
#ifndef STRATA_BASE_BUF_H
#define STRATA_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *data;    /* always NUL-terminated once non-NULL */
	size_t len;    /* bytes, without the NUL */
	size_t cap;
	size_t max;    /* ceiling for len */
	bool overflow; /* something was dropped */
};

#define BUF_INIT(ceiling) ((struct buf){.max = (ceiling)})

void buf_add(struct buf *b, const void *p, size_t n);
void buf_addc(struct buf *b, char c);
void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *buf_cstr(const struct buf *b);  /* "" when empty; valid until the next change */
char *buf_steal(struct buf *b);             /* the caller frees; `b` is empty again */
void buf_drop(struct buf *b, size_t n);     /* remove n bytes at the front */
void buf_clear(struct buf *b);              /* len 0, memory kept */
void buf_free(struct buf *b);

#endif
