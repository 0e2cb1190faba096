/* SHA-256 of framed parts: what fingerprints are made of.
 *
 * Calling sequence:
 *     struct digest d;
 *     char hex[DIGEST_HEX];
 *     digest_init(&d);
 *     digest_text(&d, canonical);
 *     digest_int(&d, version);
 *     digest_hex(&d, hex);      (also releases d)
 *
 * Every framed part goes in with its kind and length, so that no two different lists of parts have the same
 * bytes: ("ab", "c") is not ("a", "bc"), NULL is not "", 1 is not "1". */
#ifndef STRATA_CORE_DIGEST_H
#define STRATA_CORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_HEX = 65 }; /* 64 hex digits and the NUL */

struct digest {
	void *ctx;                  /* libcrypto's */
	size_t len;
	unsigned char pending[512]; /* small parts are gathered here */
};

void digest_init(struct digest *d);
void digest_bytes(struct digest *d, const void *p, size_t n);
void digest_text(struct digest *d, const char *s); /* NULL is a part of its own */
void digest_int(struct digest *d, int64_t value);

/* Bytes without a frame: the SHA-256 of a file's content, piece by piece. */
void digest_raw(struct digest *d, const void *p, size_t n);

char *digest_hex(struct digest *d, char out[DIGEST_HEX]); /* ends and releases d; returns out */
void digest_drop(struct digest *d);                       /* releases d without a result */

/* The plain SHA-256 of n bytes. */
char *digest_of(char out[DIGEST_HEX], const void *p, size_t n);

#endif
