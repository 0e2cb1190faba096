/* See callback.h. */
#include "core/callback.h"

#include <string.h>

#define CALLBACK_WORD(constant, word) [constant] = word,
const char *const callback_event_names[CALLBACK_EVENTS_END + 1] = {CALLBACK_EVENTS(CALLBACK_WORD)};

enum { SECRET_LEAST = 4 }; /* bytes; what is shorter hides nothing, and would star half of the text */

static void star_out(char *text, const char *secret, size_t n)
{
	if (n < SECRET_LEAST)
		return;
	for (char *p = text; *p; p++) {
		if (strncmp(p, secret, n) == 0)
			memset(p, '*', n);
	}
}

/* All behind the host, and what stands before it: a token is in either. */
static void redact_url(const char *url, char *text)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	const char *path = host + strcspn(host, "/?#"), *at = memchr(host, '@', (size_t)(path - host));
	star_out(text, path, strlen(path));
	if (at)
		star_out(text, host, (size_t)(at - host));
}

/* "Authorization: Bearer abc": all of the value, and its last word. */
static void redact_header(const char *line, char *text)
{
	const char *value = strchr(line, ':');
	if (!value)
		return;
	value += 1 + strspn(value + 1, " ");
	const char *word = strrchr(value, ' ');
	star_out(text, value, strlen(value));
	if (word)
		star_out(text, word + 1, strlen(word + 1));
}

void callback_redact(const struct callback *c, char *text)
{
	if (c->url)
		redact_url(c->url, text);
	for (size_t i = 0; i < c->nheaders; i++)
		redact_header(c->headers[i], text);
}

size_t callback_secret_max(const struct callback *c)
{
	size_t most = c->url ? strlen(c->url) : 0;
	for (size_t i = 0; i < c->nheaders; i++) {
		size_t n = strlen(c->headers[i]);
		most = n > most ? n : most;
	}
	return most;
}
