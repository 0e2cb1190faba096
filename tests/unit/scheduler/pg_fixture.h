/* A private cluster in a temporary folder for the tests of one program; as root it runs as postgres.
 * Include after cmocka.h. The server is stopped by its pid and everything removed by fixture_stop. */
#ifndef STRATA_TESTS_PG_FIXTURE_H
#define STRATA_TESTS_PG_FIXTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "scheduler/db.h"

#define FIXTURE_UUID "5b0f2f6e-3c1f-4a52-9d7e-0c6a1b2c3d4e"

static char fixture_home[512];

static inline struct db_options fixture_options(void)
{
	return (struct db_options){.home = fixture_home, .lake = {FIXTURE_UUID, fixture_home, "here"}};
}

/* In memory where possible: what is tested is not the disk. Not $TMPDIR: postgres must be able to enter
 * the parents. */
static inline int fixture_start(void **state)
{
	(void)state;
	struct statvfs fs;
	bool roomy = access("/dev/shm", W_OK | X_OK) == 0 && statvfs("/dev/shm", &fs) == 0 &&
	             fs.f_bavail * fs.f_frsize > 1u << 30;
	const char *base = roomy ? "/dev/shm" : "/tmp";
	snprintf(fixture_home, sizeof fixture_home, "%s/strata-test-XXXXXX", base);
	if (!mkdtemp(fixture_home) || chmod(fixture_home, 0755) < 0)
		return -1;
	char lake[600];
	snprintf(lake, sizeof lake, "%s/.strata", fixture_home);
	mkdir(lake, 0755);
	setenv("STRATA_STATE_DIR", fixture_home, 1);
	setenv("XDG_RUNTIME_DIR", fixture_home, 1);
	unsetenv("STRATA_DB");
	return 0;
}

static inline int fixture_stop(void **state)
{
	(void)state;
	struct cluster c;
	struct err err = {0};
	int rc = cluster_locate(&c, fixture_home, FIXTURE_UUID, &err);
	if (rc == 0)
		rc = cluster_stop(&c, &err);
	if (rc == 0)
		rc = tree_remove(AT_FDCWD, fixture_home, &err);
	if (rc < 0)
		fprintf(stderr, "%s\n", err.text);
	return rc;
}

static inline struct db fixture_open(void)
{
	struct db_options o = fixture_options();
	struct db db = {0};
	struct err err = {0};
	if (db_open(&o, &db, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		fail();
	}
	return db;
}

#endif
