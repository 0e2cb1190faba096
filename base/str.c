/* See str.h. */
#include "base/str.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_WORD = 128 }; /* a longer word has no useful near neighbour */

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/* Backtracks to the last star only, so it is linear in practice and never exponential. */
bool str_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *resume = NULL;
	while (*s) {
		if (*pattern == '*') {
			star = pattern++;
			resume = s;
		} else if (*pattern == '?' || *pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool str_to_i64(const char *s, int64_t *ret_value)
{
	if (!s || !((*s >= '0' && *s <= '9') || *s == '-'))
		return false;
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	if (errno || *end || end == s)
		return false;
	*ret_value = v;
	return true;
}

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

size_t str_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	if (n > LONGEST_WORD || m > LONGEST_WORD)
		return n > m ? n : m;
	size_t rows[3][LONGEST_WORD + 1];
	size_t *before = rows[0], *prev = rows[1], *cur = rows[2];
	for (size_t j = 0; j <= m; j++)
		prev[j] = j;
	for (size_t i = 1; i <= n; i++) {
		cur[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t cost = fold(a[i - 1]) != fold(b[j - 1]);
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + cost);
			bool swapped = i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
			               fold(a[i - 2]) == fold(b[j - 1]);
			if (swapped && before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		size_t *spare = before;
		before = prev;
		prev = cur;
		cur = spare;
	}
	return prev[m];
}

const char *str_nearest(const char *word, const char *(*get)(const void *ctx, size_t i), const void *ctx,
                        size_t n)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		const char *name = get(ctx, i);
		if (!name)
			continue;
		size_t n1 = strlen(word), n2 = strlen(name), longer = n1 > n2 ? n1 : n2;
		size_t least = n1 > n2 ? n1 - n2 : n2 - n1; /* no distance is smaller */
		if (least >= best_distance || least > (longer + 2) / 3)
			continue;
		size_t d = str_distance(word, name);
		if (d < best_distance && d <= (longer + 2) / 3) {
			best = name;
			best_distance = d;
		}
	}
	return best;
}

static const char *from_list(const void *ctx, size_t i)
{
	return ((const char *const *)ctx)[i];
}

const char *str_did_you_mean(char *out, size_t size, const char *word, const char *const *names)
{
	size_t n = 0;
	while (names[n])
		n++;
	const char *best = str_nearest(word, from_list, names, n);
	if (best)
		snprintf(out, size, " (did you mean '%s'?)", best);
	else
		out[0] = '\0';
	return out;
}

char *str_bytes(char *out, size_t size, int64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)bytes;
	size_t u = 0;
	while (v >= 1000 && u + 1 < sizeof units / sizeof *units) {
		v /= 1000;
		u++;
	}
	snprintf(out, size, u && v < 10 ? "%.1f %s" : "%.0f %s", v, units[u]);
	return out;
}

char *str_count(char *out, size_t size, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRId64, n);
	size_t o = 0;
	for (int i = 0; i < len && o + 2 < size; i++) {
		out[o++] = digits[i];
		int left = len - 1 - i;
		if (left && left % 3 == 0 && digits[i] != '-')
			out[o++] = ',';
	}
	out[o] = '\0';
	return out;
}
