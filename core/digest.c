/* See digest.h. A failure of libcrypto here can only be out of memory, which ends the process. */
#include "core/digest.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Looked up once: in OpenSSL 3 the lookup costs more than hashing a small table's SQL. */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void forget(void)
{
	EVP_MD_free(sha256);
	sha256 = NULL;
}

static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!sha256)
		abort();
	atexit(forget);
}

void digest_init(struct digest *d)
{
	pthread_once(&sha256_once, fetch);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestInit_ex(ctx, sha256, NULL) != 1)
		abort();
	d->ctx = ctx;
	d->len = 0;
}

static void flush(struct digest *d)
{
	if (d->len && EVP_DigestUpdate(d->ctx, d->pending, d->len) != 1)
		abort();
	d->len = 0;
}

void digest_raw(struct digest *d, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (n > sizeof d->pending - d->len)
		flush(d);
	if (n <= sizeof d->pending) {
		memcpy(d->pending + d->len, p, n);
		d->len += n;
	} else if (EVP_DigestUpdate(d->ctx, p, n) != 1) {
		abort();
	}
}

/* A kind and eight bytes, least significant first: the same on every machine. */
static void frame(struct digest *d, char kind, uint64_t value)
{
	unsigned char head[9] = {(unsigned char)kind};
	for (int i = 0; i < 8; i++)
		head[1 + i] = (unsigned char)(value >> (8 * i));
	digest_raw(d, head, sizeof head);
}

void digest_bytes(struct digest *d, const void *p, size_t n)
{
	frame(d, 's', n);
	digest_raw(d, p, n);
}

void digest_text(struct digest *d, const char *s)
{
	if (s)
		digest_bytes(d, s, strlen(s));
	else
		frame(d, '0', 0);
}

void digest_int(struct digest *d, int64_t value)
{
	frame(d, 'i', (uint64_t)value);
}

void digest_drop(struct digest *d)
{
	EVP_MD_CTX_free(d->ctx);
	d->ctx = NULL;
}

char *digest_hex(struct digest *d, char out[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	flush(d);
	if (EVP_DigestFinal_ex(d->ctx, sum, &n) != 1 || n != (DIGEST_HEX - 1) / 2)
		abort();
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = digits[sum[i] >> 4];
		out[2 * i + 1] = digits[sum[i] & 15];
	}
	out[DIGEST_HEX - 1] = '\0';
	digest_drop(d);
	return out;
}

char *digest_of(char out[DIGEST_HEX], const void *p, size_t n)
{
	struct digest d;
	digest_init(&d);
	digest_raw(&d, p, n);
	return digest_hex(&d, out);
}
