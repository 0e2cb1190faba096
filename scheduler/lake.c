/* See lake.h. */
#include "scheduler/lake.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

enum { LAKE_JSON_MAX = 1 << 16 };

char *uuid_make(char out[UUID_SIZE])
{
	unsigned char b[16];
	if (getrandom(b, sizeof b, 0) != sizeof b)
		abort();
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(out, UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3],
	         b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
	return out;
}

static int parse(const char *path, const struct buf *text, struct lake *ret, struct err *err)
{
	json_t *json = json_loadb(buf_cstr(text), text->len, 0, NULL);
	const char *uuid = json_string_value(json_object_get(json, "uuid"));
	const char *host = json_string_value(json_object_get(json, "host"));
	int rc = 0;
	if (!uuid || strlen(uuid) != UUID_SIZE - 1)
		rc = err_set(err, ERR_LAKE, "'%s' is not a lake's identity; restore it from a backup, or remove it to start a new history", path);
	else {
		snprintf(ret->uuid, sizeof ret->uuid, "%s", uuid);
		snprintf(ret->host, sizeof ret->host, "%s", host ? host : "");
	}
	json_decref(json);
	return rc;
}

/* Written beside and linked into place: of two first uses, one wins and both read the winner's. */
static int create(const char *path, struct err *err)
{
	char uuid[UUID_SIZE], host[256] = "", iso[CLOCK_ISO_SIZE];
	gethostname(host, sizeof host - 1);
	json_t *json = json_pack("{s:s, s:s, s:s}", "uuid", uuid_make(uuid), "host", host, "created",
	                         clock_iso(iso, clock_wall_us()));
	char *text = json_dumps(json, JSON_INDENT(2));
	char *own = mem_printf("%s.%s", path, uuid);
	int rc = file_replace(AT_FDCWD, own, text, strlen(text), 0666, err);
	if (rc == 0 && link(own, path) < 0 && errno != EEXIST)
		rc = err_errno(err, ERR_LAKE, "create '%s'", path);
	unlink(own);
	free(own);
	free(text);
	json_decref(json);
	return rc;
}

int lake_claim(const struct lake *lake, struct err *err)
{
	char iso[CLOCK_ISO_SIZE];
	char *path = mem_printf("%s/.strata/lake.json", lake->dir);
	json_t *json = json_pack("{s:s, s:s, s:s}", "uuid", lake->uuid, "host", lake->host, "adopted", clock_iso(iso, clock_wall_us()));
	char *text = json_dumps(json, JSON_INDENT(2));
	int rc = file_replace(AT_FDCWD, path, text, strlen(text), 0666, err);
	if (rc < 0 && err)
		rc = err->code = ERR_LAKE;
	free(text);
	json_decref(json);
	free(path);
	return rc;
}

bool lake_known(const char *dir)
{
	char *path = mem_printf("%s/.strata/lake.json", dir);
	bool known = access(path, R_OK) == 0;
	free(path);
	return known;
}

int lake_open(struct lake *ret, const char *dir, struct err *err)
{
	snprintf(ret->dir, sizeof ret->dir, "%s", dir);
	char *folder = mem_printf("%s/.strata", dir);
	char *path = mem_printf("%s/lake.json", folder);
	struct buf text = BUF_INIT(LAKE_JSON_MAX);
	int rc = file_read(AT_FDCWD, path, &text, err);
	if (rc < 0 && errno == ENOENT) {
		rc = dir_make_all(folder, 0777, err);
		if (rc == 0)
			rc = create(path, err);
		if (rc == 0)
			rc = dir_sync(folder, err);
		if (rc == 0)
			rc = dir_sync(dir, err);
		if (rc == 0)
			rc = file_read(AT_FDCWD, path, &text, err);
	}
	if (rc < 0 && err)
		rc = err->code = ERR_LAKE;
	if (rc == 0)
		rc = parse(path, &text, ret, err);
	buf_free(&text);
	free(path);
	free(folder);
	return rc;
}
