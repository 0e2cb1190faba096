/* What core/zone and core/cron answer, for a test that knows it from elsewhere (tests/helper/cron_compare.py). Reads
 * questions, a line each, with tabs between their words, and answers each with a line:
 *
 *     at    ZONE-FILE UTC                     offset, 1 for daylight-saving time else 0, abbreviation
 *     fires ZONE-FILE EXPRESSION AFTER UNTIL  the times after the one and up to the other
 *
 * What fires forwards must be the same backwards; if not, or on a question that is none, it ends with status 1. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "core/cron.h"

enum { WORDS = 5, LINE_SIZE = 4096, FILE_CEILING = 1 << 20 };

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

/* The zone of a file; the one asked for last is kept. */
static const struct zone *zone_of(const char *path)
{
	static char kept[LINE_SIZE];
	static struct zone *zone;
	struct err err = {0};
	if (str_eq(kept, path))
		return zone;
	zone_free(zone);
	snprintf(kept, sizeof kept, "%s", path);
	struct buf bytes = BUF_INIT(FILE_CEILING);
	if (file_read(AT_FDCWD, path, &bytes, &err) < 0)
		give_up(path, err.text);
	zone = zone_parse(bytes.data, bytes.len, &err);
	if (!zone)
		give_up(path, err.text);
	buf_free(&bytes);
	return zone;
}

static int64_t number_of(const char *word)
{
	int64_t value;
	if (!word || !str_to_i64(word, &value))
		give_up(word ? word : "", "is no number");
	return value;
}

static void answer_at(char **words)
{
	struct zone_span s;
	zone_at(zone_of(words[1]), number_of(words[2]), &s);
	printf("%" PRId32 " %d %s\n", s.offset, s.dst, s.abbrev);
}

static void answer_fires(char **words)
{
	const struct zone *z = zone_of(words[1]);
	int64_t after = number_of(words[3]), until = number_of(words[4]), at = after, before = INT64_MIN, back;
	struct err err = {0};
	struct cron c;
	if (cron_parse(words[2], &c, &err) < 0)
		give_up(words[2], err.text);
	while (cron_next(&c, z, at, &at) && at <= until) {
		if (before != INT64_MIN && (!cron_prev(&c, z, at, &back) || back != before))
			give_up(words[2], "is not the same backwards");
		printf("%s%" PRId64, before == INT64_MIN ? "" : " ", at);
		before = at;
	}
	printf("\n");
}

int main(void)
{
	static char line[LINE_SIZE];
	while (fgets(line, sizeof line, stdin)) {
		char *words[WORDS] = {NULL}, *rest = line;
		size_t n = 0;
		line[strcspn(line, "\n")] = '\0';
		while (n < WORDS && rest)
			words[n++] = strsep(&rest, "\t");
		if (n == 3 && str_eq(words[0], "at"))
			answer_at(words);
		else if (n == WORDS && str_eq(words[0], "fires"))
			answer_fires(words);
		else
			give_up(line, "is no question");
	}
	return 0;
}
