/* See fingerprint.h. */
#include "core/fingerprint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "core/digest.h"

#define FINGERPRINT_NAME(id, name) name,
static const char *const names[] = {FINGERPRINT_PARTS(FINGERPRINT_NAME)};
#undef FINGERPRINT_NAME

static const char version[] = "v1", none[] = "-", young[] = "young", future[] = "future", unknown[] = "unknown";

#define YOUNG_NS INT64_C(2000000000)

void fingerprint_format(const struct fingerprint *f, struct buf *out)
{
	buf_adds(out, version);
	for (int i = 0; i < FP_PARTS; i++)
		buf_addf(out, " %s=%s", names[i], f->part[i]);
}

bool fingerprint_parse(const char *text, struct fingerprint *ret)
{
	struct fingerprint f = {0};
	if (!text || !str_has_prefix(text, version))
		return false;
	const char *at = text + strlen(version);
	for (int i = 0; i < FP_PARTS; i++) {
		size_t n = strlen(names[i]);
		if (i >= FP_CHECKS && !*at) { /* parts that came later */
			memcpy(f.part[i], unknown, sizeof unknown);
			continue;
		}
		if (*at != ' ' || strncmp(at + 1, names[i], n) != 0 || at[1 + n] != '=')
			return false;
		at += n + 2;
		size_t len = strcspn(at, " ");
		if (!len || len >= FP_TEXT)
			return false;
		memcpy(f.part[i], at, len);
		at += len;
	}
	if (*at)
		return false;
	*ret = f;
	return true;
}

static bool tells_nothing(const char *source)
{
	return strcmp(source, young) == 0 || strcmp(source, future) == 0 || strcmp(source, unknown) == 0;
}

/* Is there one now that what is recorded has not passed? */
static bool asks_for_more(const char *recorded, const char *now)
{
	while (*now) {
		size_t n = strcspn(now, ":"), m = strcspn(recorded, ":");
		bool declared = n != 1 || *now != *none;
		if (declared && (n != m || memcmp(recorded, now, n) != 0))
			return true;
		now += n + (now[n] == ':');
		recorded += m + (recorded[m] == ':');
	}
	return false;
}

enum fingerprint_part fingerprint_diff(const struct fingerprint *recorded, const struct fingerprint *now)
{
	for (enum fingerprint_part i = 0; i < FP_PARTS; i++) {
		if (i == FP_CHECKS && !asks_for_more(recorded->part[i], now->part[i]))
			continue; /* what held still holds */
		if (strcmp(recorded->part[i], now->part[i]) != 0 || (i == FP_SOURCE && tells_nothing(now->part[i])))
			return i;
	}
	return FP_PARTS;
}

void fingerprint_short(struct digest *d, char out[FP_TEXT])
{
	char hex[DIGEST_HEX];
	digest_hex(d, hex);
	memcpy(out, hex, 16);
	out[16] = '\0';
}

static void add_source_config(struct digest *d, const struct source *s)
{
	digest_text(d, s->path);
	digest_int(d, s->format);
	digest_int(d, s->partitioned);
	digest_text(d, s->delim);
	digest_text(d, s->nullstr);
	digest_text(d, s->encoding);
	digest_int(d, s->header);
	digest_int(d, s->all_varchar);
	digest_int(d, (int64_t)s->ncolumns);
	for (size_t i = 0; i < s->ncolumns; i++) {
		digest_text(d, s->columns[i].name);
		digest_text(d, s->columns[i].type);
	}
}

static void config_digest(const struct project *p, const struct table *t, char out[FP_TEXT])
{
	struct digest d;
	digest_init(&d);
	digest_text(&d, p->env);
	digest_text(&d, t->format);
	digest_int(&d, t->output_none);
	digest_int(&d, (int64_t)t->ncolumns);
	for (size_t i = 0; i < t->ncolumns; i++) {
		digest_text(&d, t->columns[i].name);
		digest_text(&d, t->columns[i].type);
	}
	if (t->source)
		add_source_config(&d, t->source);
	fingerprint_short(&d, out);
}

enum { CHECK_HEX = 8 };

/* Of names in any order and case; "-" of none. */
static void set_digest(const char *const *set, size_t n, char out[CHECK_HEX + 1])
{
	memcpy(out, none, sizeof none);
	if (!n)
		return;
	/* Each adds its own digest, once: no order, and no copy to be sorted. */
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		struct digest d;
		char hex[FP_TEXT], lower[256];
		size_t k = 0, before = 0;
		while (before < i && strcasecmp(set[before], set[i]) != 0)
			before++;
		if (before < i)
			continue;
		for (; set[i][k] && k < sizeof lower - 1; k++)
			lower[k] = (char)tolower((unsigned char)set[i][k]);
		lower[k] = '\0';
		digest_init(&d);
		digest_text(&d, lower);
		fingerprint_short(&d, hex);
		sum += (uint32_t)strtoul(hex + CHECK_HEX, NULL, 16);
	}
	snprintf(out, CHECK_HEX + 1, "%08x", (unsigned)sum);
}

static void checks_text(const struct table *t, char out[FP_TEXT])
{
	char key[CHECK_HEX + 1], column[CHECK_HEX + 1];
	set_digest(t->primary_keys, t->nprimary_keys, key);
	set_digest(&t->timestamp_col, t->timestamp_col ? 1 : 0, column);
	snprintf(out, FP_TEXT, "%s:%s:%s", key, column, t->policy.allow_empty ? none : "e");
}

/* Readable where it fits in one word, else its digest. */
static void engine_text(const struct table *t, const char *engine_version, char out[FP_TEXT])
{
	char text[256];
	const char *engine = t->kind == TABLE_EXEC ? "exec" : t->policy.engine;
	int n = snprintf(text, sizeof text, "%s%s%s", engine, t->kind == TABLE_EXEC ? "" : "@",
	                 t->kind == TABLE_EXEC ? "" : engine_version);
	if (n > 0 && n < FP_TEXT && !strpbrk(text, " \t\n")) {
		memcpy(out, text, (size_t)n + 1);
		return;
	}
	struct digest d;
	digest_init(&d);
	digest_text(&d, engine);
	digest_text(&d, engine_version);
	fingerprint_short(&d, out);
}

void fingerprint_table(const struct project *p, const struct table *t, const char *engine_version,
                       struct fingerprint *ret)
{
	struct digest d;
	digest_init(&d);
	digest_int(&d, t->kind);
	digest_int(&d, table_partitioned(t));
	digest_text(&d, t->analysis ? t->analysis->canonical : NULL);
	fingerprint_short(&d, ret->part[FP_SQL]);
	config_digest(p, t, ret->part[FP_CONFIG]);
	engine_text(t, engine_version, ret->part[FP_ENGINE]);
	checks_text(t, ret->part[FP_CHECKS]);
	memcpy(ret->part[FP_SOURCE], none, sizeof none);
	memcpy(ret->part[FP_UPSTREAM], none, sizeof none);
}

void fingerprint_source(const struct source_files *files, int64_t wall_ns, struct fingerprint *ret)
{
	if (!files || !files->probed) {
		memcpy(ret->part[FP_SOURCE], unknown, sizeof unknown);
		return;
	}
	struct digest d;
	int64_t newest = INT64_MIN;
	digest_init(&d);
	for (size_t i = 0; i < files->nfiles; i++) {
		const struct source_file *f = &files->files[i];
		int64_t changed = f->mtime_ns > f->ctime_ns ? f->mtime_ns : f->ctime_ns;
		newest = changed > newest ? changed : newest;
		digest_text(&d, f->path);
		digest_int(&d, f->size);
		digest_int(&d, f->mtime_ns);
		digest_int(&d, f->ctime_ns);
		digest_int(&d, (int64_t)f->inode);
	}
	fingerprint_short(&d, ret->part[FP_SOURCE]);
	if (newest > wall_ns + YOUNG_NS)
		memcpy(ret->part[FP_SOURCE], future, sizeof future);
	else if (newest > wall_ns - YOUNG_NS)
		memcpy(ret->part[FP_SOURCE], young, sizeof young);
}

bool fingerprint_young(const struct fingerprint *f)
{
	return strcmp(f->part[FP_SOURCE], young) == 0 || fingerprint_future(f);
}

bool fingerprint_future(const struct fingerprint *f)
{
	return strcmp(f->part[FP_SOURCE], future) == 0;
}
