/* A lake in a local folder: the published folder and the staged one change places in one renameat2.
 *
 * Everything here happens under the partition's lock, .strata/locks/<layer>/<table>/<date>, which lies
 * outside of what is exchanged. The lock's file also keeps what no manifest can where nothing is published:
 * the fence of the last try that had no rows, and the last version there was (store_local.h). What that try's
 * manifest would have said besides is in .strata/empty/<folder>.json. */
#include "executor/store_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_PATH = 1024, KEPT_TEXT = 64, SWITCH_TRIES = 100, KNOWN_FOLDERS = 256 };

const char *store_empty_record(char out[STORE_RECORD_MAX], const char *folder)
{
	snprintf(out, STORE_RECORD_MAX, ".strata/empty/%s.json", folder);
	return out;
}

/* The folder part of `path` into out; "." when there is none. */
static void parent(char out[MAX_PATH], const char *path)
{
	const char *slash = strrchr(path, '/');
	snprintf(out, MAX_PATH, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* mkdir -p, with every folder durable in its parent: also one that is there already, since who made it may have died
 * before he synced it, or may not have come to that yet. Once a process and folder; a change of names below does not
 * undo it. */
static int make_durable(const char *path, struct err *err)
{
	static char *known[KNOWN_FOLDERS]; /* by hash; a collision costs one more sync */
	uint32_t hash = 0;
	for (const char *c = path; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	char **slot = &known[hash % KNOWN_FOLDERS];
	struct stat st;
	bool there = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	if (there && *slot && strcmp(*slot, path) == 0)
		return 0;
	char above[MAX_PATH];
	parent(above, path);
	int rc = strcmp(above, ".") == 0 ? 0 : make_durable(above, err);
	if (rc == 0 && !there && mkdir(path, 0777) < 0 && errno != EEXIST)
		rc = err_errno(err, ERR_LAKE, "make folder '%s'", path);
	if (rc == 0)
		rc = dir_sync(above, err);
	if (rc == 0) {
		free(*slot);
		*slot = mem_strdup(path);
	}
	return rc;
}

/* Can this filesystem exchange two folders? Asked once a process, before the first publish, within the try's own
 * staging: what a death leaves of it goes with that. */
static int probe_exchange(const char *staged, struct err *err)
{
	static bool known_good;
	if (known_good)
		return 0;
	char dir[MAX_PATH];
	parent(dir, staged);
	int rc = FAULT("commit.probe") ? err_errno(err, ERR_LAKE, "exchange two folders in '%s'", dir) : dir_probe_exchange(dir, err);
	known_good = rc == 0;
	return rc;
}

/* The number at *text, which moves behind it; 0 when there is none. */
static uint64_t take_number(char **text)
{
	char *word = *text + strspn(*text, " ");
	size_t n = strcspn(word, " \n");
	*text = word + n + (word[n] != '\0');
	word[n] = '\0';
	int64_t value;
	return str_to_i64(word, &value) && value > 0 ? (uint64_t)value : 0;
}

int store_local_lock(const struct target *t, struct kept *ret, struct err *err)
{
	char path[MAX_PATH], dir[MAX_PATH];
	snprintf(dir, sizeof dir, ".strata/locks/%s/%s", t->layer, t->table);
	snprintf(path, sizeof path, "%s/%s", dir, t->partitioned ? t->partition : "_");
	if (FAULT("commit.lock"))
		return err_errno(err, ERR_IO, "lock '%s'", path);
	int fd = file_lock(AT_FDCWD, path, true, err);
	if (fd < 0 && errno == ENOENT) {
		int rc = dir_make_all(dir, 0777, err);
		if (rc < 0)
			return rc;
		fd = file_lock(AT_FDCWD, path, true, err);
	}
	if (fd < 0)
		return fd;
	char text[KEPT_TEXT] = "", *at = text;
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	ret->fence = take_number(&at);
	ret->version = take_number(&at);
	return fd;
}

int store_local_keep(int lock, const struct kept *kept, struct err *err)
{
	char text[KEPT_TEXT];
	int n = snprintf(text, sizeof text, "%-20" PRIu64 " %-20" PRIu64 "\n", kept->fence, kept->version);
	if (pwrite(lock, text, (size_t)n, 0) != n)
		return err_errno(err, ERR_IO, "write into the partition's lock");
	return 0;
}

static uint64_t largest_kept;

static int take_kept(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	struct buf text = BUF_INIT(KEPT_TEXT);
	if (kind == FTW_F && file_read(AT_FDCWD, path, &text, NULL) == 0 && text.len) {
		char *at = text.data;
		uint64_t fence = take_number(&at);
		if (fence > largest_kept)
			largest_kept = fence;
	}
	buf_free(&text);
	return 0;
}

uint64_t store_local_largest_fence(void)
{
	largest_kept = 0; /* nftw has no argument for its callback, and a worker does one thing at a time */
	nftw(".strata/locks", take_kept, 16, FTW_PHYS);
	return largest_kept;
}

int store_local_read(const struct target *t, struct arena *arena, struct manifest *ret, bool *ret_found, struct err *err)
{
	char path[MAX_PATH];
	snprintf(path, sizeof path, "%s/manifest.json", t->folder);
	struct buf text = BUF_INIT(MANIFEST_MAX);
	*ret_found = false;
	int rc = file_read(AT_FDCWD, path, &text, err);
	if (rc < 0 && (errno == ENOENT || errno == ENOTDIR))
		rc = 0;
	else if (rc == 0)
		*ret_found = manifest_decode(arena, text.data, text.len, ret, NULL) == 0;
	buf_free(&text);
	return rc;
}

/* What is there now, and whether this try may replace it. A store_end or an error. */
static int look(struct publication *p, const struct kept *kept, struct err *err)
{
	struct manifest now = {0};
	int rc = store_local_read(p->target, p->arena, &now, &p->had, err);
	if (rc < 0)
		return rc;
	p->had_rows = p->had ? now.row_count : 0;
	p->had_fence = p->had && now.fence > kept->fence ? now.fence : kept->fence;
	p->manifest->version = p->next_version > 0 ? p->next_version : 1;
	if (p->had && now.version >= p->manifest->version)
		p->manifest->version = now.version + 1;
	if (kept->version >= p->manifest->version)
		p->manifest->version = kept->version + 1;
	return p->had_fence >= p->manifest->fence && p->had_fence > 0 ? STORE_FENCED : STORE_DONE;
}

/* The staged files get their final names: <version>-<try>-<n>.parquet. */
static int name_files(struct publication *p, int dir, struct err *err)
{
	for (size_t i = 0; i < p->manifest->nfiles; i++) {
		const char *name = arena_printf(p->arena, "%" PRIu64 "-%s-%zu.parquet", p->manifest->version,
		                                p->manifest->try_id, i);
		if (renameat(dir, p->files[i].name, dir, name) < 0)
			return err_errno(err, ERR_IO, "rename staged '%s'", p->files[i].name);
		p->files[i].name = name;
	}
	return 0;
}

static int write_small(int dir, const char *name, const char *data, size_t n, struct err *err)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_errno(err, ERR_IO, "create '%s'", name);
	int rc = 0;
	if (FAULT("commit.manifest") || file_write_all(fd, data, n) < 0)
		rc = err_errno(err, ERR_IO, "write '%s'", name);
	close(fd);
	return rc;
}

/* Of the files that the manifest lists, then manifest and _SUCCESS. */
static const char *staged_name(const struct publication *p, size_t i)
{
	size_t n = p->manifest->nfiles;
	return i < n ? p->files[i].name : i == n ? "manifest.json" : "_SUCCESS";
}

/* fsync of every file, then of the folder. Writing is started for all of them first: the journal is then
 * committed about once, not once a file. */
static int sync_all(struct publication *p, int dir, struct err *err)
{
	size_t n = p->manifest->nfiles + 2;
	int *fds = arena_array(p->arena, n, sizeof *fds);
	int rc = 0;
	size_t opened = 0;
	for (; opened < n && rc == 0; opened++) {
		const char *name = staged_name(p, opened);
		fds[opened] = openat(dir, name, O_RDONLY | O_CLOEXEC);
		if (fds[opened] < 0) {
			rc = err_errno(err, ERR_IO, "open staged '%s'", name);
			break;
		}
		sync_file_range(fds[opened], 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	for (size_t i = 0; i < opened; i++) {
		if (rc == 0 && (FAULT("commit.fsync") || fsync(fds[i]) < 0))
			rc = err_errno(err, ERR_IO, "sync a staged file of '%s'", p->staged);
		close(fds[i]);
	}
	if (rc == 0 && fsync(dir) < 0)
		rc = err_errno(err, ERR_IO, "sync folder '%s'", p->staged);
	return rc;
}

/* Files, manifest and _SUCCESS as they will be published; `now`: durable, too. */
static int fill_staged(struct publication *p, bool now, struct err *err)
{
	int dir = open(p->staged, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(err, ERR_IO, "open '%s'", p->staged);
	struct buf text = BUF_INIT(MANIFEST_MAX);
	int rc = name_files(p, dir, err);
	if (rc == 0) {
		manifest_encode(p->manifest, &text);
		if (text.overflow)
			rc = err_set(err, ERR_LAKE, "the manifest of '%s' is larger than %d bytes", p->target->folder, MANIFEST_MAX);
	}
	if (rc == 0)
		rc = write_small(dir, "manifest.json", text.data, text.len, err);
	if (rc == 0)
		rc = write_small(dir, "_SUCCESS", "", 0, err);
	if (rc == 0 && now)
		rc = sync_all(p, dir, err);
	buf_free(&text);
	close(dir);
	return rc;
}

/* The one step that readers see. Afterwards `staged` holds the old version, or is gone. */
static int switch_folders(const char *staged, const char *folder, struct err *err)
{
	for (int i = 0; i < SWITCH_TRIES; i++) {
		if (renameat2(AT_FDCWD, staged, AT_FDCWD, folder, RENAME_EXCHANGE) == 0)
			return 0;
		if (errno == ENOENT && renameat2(AT_FDCWD, staged, AT_FDCWD, folder, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOENT)
			break;
	}
	return err_errno(err, ERR_LAKE, "exchange '%s' with '%s'", staged, folder);
}

static int sync_parents(const char *staged, const char *folder, struct err *err)
{
	char dir[MAX_PATH];
	parent(dir, folder);
	if (FAULT("commit.sync_parent"))
		return err_errno(err, ERR_IO, "sync folder '%s'", dir);
	int rc = dir_sync(dir, err);
	parent(dir, staged);
	return rc < 0 ? rc : dir_sync(dir, err);
}

/* From the last look to the switch. */
static int switch_locked(struct publication *p, struct err *err)
{
	if (p->stopped(p->ctx))
		return STORE_STOPPED;
	if (FAULT("commit.exchange"))
		return err_errno(err, ERR_IO, "exchange '%s'", p->target->folder);
	int rc = switch_folders(p->staged, p->target->folder, err);
	if (rc < 0)
		return rc;
	p->switched = true;
	if (FAULT("commit.after_exchange"))
		return err_errno(err, ERR_IO, "after the exchange of '%s'", p->target->folder);
	char path[STORE_RECORD_MAX];
	if (!p->had) /* one that stays is outdone by the manifest */
		unlink(store_empty_record(path, p->target->folder));
	return STORE_DONE;
}

static int publish_locked(struct publication *p, const struct kept *kept, struct err *err)
{
	int rc = look(p, kept, err);
	if (rc == STORE_DONE)
		rc = fill_staged(p, true, err);
	if (rc == STORE_DONE)
		rc = switch_locked(p, err);
	return rc == STORE_DONE ? sync_parents(p->staged, p->target->folder, err) : rc;
}

/* The partition's lock, once there is a folder for it to be published in. */
static int lock_for_publish(struct publication *p, struct kept *ret_kept, struct err *err)
{
	int rc = probe_exchange(p->staged, err);
	if (rc < 0)
		return rc;
	char above[MAX_PATH];
	parent(above, p->target->folder);
	rc = make_durable(above, err);
	return rc < 0 ? rc : store_local_lock(p->target, ret_kept, err);
}

static int local_publish(struct publication *p, struct err *err)
{
	struct kept kept;
	int lock = lock_for_publish(p, &kept, err);
	if (lock < 0)
		return lock;
	int rc = publish_locked(p, &kept, err);
	close(lock);
	return rc;
}

/* Everything that was written to the lake's file system is on its disk. The folder's own fsync is for a file system
 * without a journal, which writes its last blocks after the disk was told to empty its cache. */
static int sync_lake(struct err *err)
{
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_IO, "open the lake");
	int rc = 0;
	if (FAULT("commit.fsync") || syncfs(fd) < 0 || fsync(fd) < 0)
		rc = err_errno(err, ERR_IO, "sync the lake");
	close(fd);
	return rc;
}

static int sync_staged(struct publication *p, struct err *err)
{
	int dir = open(p->staged, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(err, ERR_IO, "open '%s'", p->staged);
	int rc = sync_all(p, dir, err);
	close(dir);
	return rc;
}

/* After a syncfs: that tells of a write that has failed only who asks first, which may have been another worker. Each file
 * knows its own. */
static int check_staged(struct publication *p, struct err *err)
{
	int dir = open(p->staged, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_errno(err, ERR_IO, "open '%s'", p->staged);
	int rc = 0;
	bool can_ask = true;
	for (size_t i = 0; i < p->manifest->nfiles + 2 && rc == 0 && can_ask; i++) {
		int fd = openat(dir, staged_name(p, i), O_RDONLY | O_CLOEXEC);
		if (fd < 0 || sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE) < 0) {
			can_ask = errno != ENOSYS;
			rc = can_ask ? err_errno(err, ERR_IO, "sync staged '%s'", staged_name(p, i)) : 0;
		}
		if (fd >= 0)
			close(fd);
	}
	close(dir);
	return can_ask ? rc : sync_staged(p, err);
}

/* Locks are taken in the order of the dates, so two that publish the same ones do not wait for each other. An error of a
 * sync may be anybody's: then each partition is synced by itself, and has its own. */
static void local_publish_all(struct publication *const *p, size_t n, int *ends, struct err *errs)
{
	int *locks = arena_array(p[0]->arena, n, sizeof *locks);
	for (size_t i = 0; i < n; i++) {
		struct kept kept;
		locks[i] = lock_for_publish(p[i], &kept, &errs[i]);
		ends[i] = locks[i] < 0 ? locks[i] : look(p[i], &kept, &errs[i]);
		if (ends[i] == STORE_DONE)
			ends[i] = fill_staged(p[i], false, &errs[i]);
	}
	bool synced = sync_lake(NULL) == 0;
	for (size_t i = 0; i < n; i++) {
		if (ends[i] == STORE_DONE)
			ends[i] = synced ? check_staged(p[i], &errs[i]) : sync_staged(p[i], &errs[i]);
		if (ends[i] == STORE_DONE)
			ends[i] = switch_locked(p[i], &errs[i]);
	}
	synced = sync_lake(NULL) == 0;
	for (size_t i = 0; i < n; i++) {
		if (ends[i] == STORE_DONE && (!synced || FAULT("commit.sync_parent")))
			ends[i] = sync_parents(p[i]->staged, p[i]->target->folder, &errs[i]);
		if (locks[i] >= 0)
			close(locks[i]);
	}
}

/* The entry of `folder`, or its absence, becomes durable; there may be no folder above it either. */
static int sync_above(const char *folder, struct err *err)
{
	char dir[MAX_PATH];
	parent(dir, folder);
	int rc = dir_sync(dir, err);
	return rc < 0 && errno == ENOENT ? 0 : rc;
}

/* What is recovered from, should nobody hear of this result: durable before what it replaces goes. */
static int keep_record(struct publication *p, struct err *err)
{
	char path[STORE_RECORD_MAX], dir[MAX_PATH];
	struct buf text = BUF_INIT(MANIFEST_MAX);
	p->manifest->status = "empty";
	manifest_encode(p->manifest, &text);
	parent(dir, store_empty_record(path, p->target->folder));
	int rc = make_durable(dir, err);
	if (rc == 0 && FAULT("commit.record"))
		rc = err_errno(err, ERR_IO, "write '%s'", path);
	if (rc == 0)
		rc = file_replace(AT_FDCWD, path, text.data, text.len, 0666, err);
	buf_free(&text);
	return rc;
}

static int clear_locked(struct publication *p, int lock, const struct kept *kept, struct err *err)
{
	int rc = look(p, kept, err);
	if (rc != STORE_DONE)
		return rc;
	if (p->stopped(p->ctx))
		return STORE_STOPPED;
	rc = store_local_keep(lock, &(struct kept){.fence = p->manifest->fence, .version = p->manifest->version}, err);
	if (rc == 0)
		rc = keep_record(p, err);
	if (rc < 0)
		return rc;
	char away[MAX_PATH];
	snprintf(away, sizeof away, "%s.old", p->staged);
	if (FAULT("commit.clear"))
		return err_errno(err, ERR_IO, "move '%s' away", p->target->folder);
	if (renameat2(AT_FDCWD, p->target->folder, AT_FDCWD, away, RENAME_NOREPLACE) < 0) {
		if (errno != ENOENT)
			return err_errno(err, ERR_LAKE, "move '%s' away", p->target->folder);
		return sync_above(p->target->folder, err); /* a try that died after its move has not done so */
	}
	p->switched = true;
	if (FAULT("commit.after_clear"))
		return err_errno(err, ERR_IO, "after the move of '%s'", p->target->folder);
	return sync_parents(p->staged, p->target->folder, err);
}

static int local_clear(struct publication *p, struct err *err)
{
	struct kept kept;
	int lock = store_local_lock(p->target, &kept, err);
	if (lock < 0)
		return lock;
	int rc = clear_locked(p, lock, &kept, err);
	close(lock);
	return rc;
}

static bool has_partitions(const char *folder)
{
	DIR *d = opendir(folder);
	if (!d)
		return false;
	bool found = false;
	struct dirent *e;
	while (!found && (e = readdir(d)))
		found = str_has_prefix(e->d_name, "dt=");
	closedir(d);
	return found;
}

static int local_check_layout(const struct target *t, struct err *err)
{
	char path[MAX_PATH];
	snprintf(path, sizeof path, "%s/%s", t->layer, t->table);
	bool other;
	if (t->partitioned) {
		snprintf(path, sizeof path, "%s/%s/manifest.json", t->layer, t->table);
		other = access(path, F_OK) == 0;
	} else {
		other = has_partitions(path);
	}
	if (!other)
		return 0;
	return err_set(err, ERR_LAKE,
	               "%s.%s is published %s but is %s now, and its history would be lost; if that is meant, "
	               "`strata clear --data %s.%s` first",
	               t->layer, t->table, t->partitioned ? "as one unpartitioned table" : "in dt= partitions",
	               t->partitioned ? "partitioned" : "unpartitioned", t->layer, t->table);
}

const struct store store_local = {
	.name = "local",
	.check_layout = local_check_layout,
	.read = store_local_read,
	.publish = local_publish,
	.publish_all = local_publish_all,
	.clear = local_clear,
	.count = store_local_count,
	.remove = store_local_remove,
};
