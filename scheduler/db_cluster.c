/* See db_cluster.h. Invariant: the data folder appears by one rename of a finished initdb, so it is
 * whole or absent; whether its server runs is told by the kernel (pid of postmaster.pid, whose working
 * folder is the data folder), never by the file alone, which a crash leaves behind. */
#include "scheduler/db_cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "scheduler/db_server.h"

enum { START_LIMIT_MS = 120000, STOP_LIMIT_MS = 60000, PORT = 5432 };

static const char settings[] =
	"\n# strata: many small durable commits by one client on a unix socket.\n"
	"listen_addresses = ''\n"
	"port = 5432\n"
	"unix_socket_permissions = 0700\n"
	"max_connections = 40\n"
	"shared_buffers = 32MB\n"
	"work_mem = 16MB\n"
	"fsync = on\n"
	"synchronous_commit = on\n"
	"wal_level = minimal\n"
	"max_wal_senders = 0\n"
	"wal_compression = on\n"
	"max_wal_size = 512MB\n"
	"checkpoint_timeout = 15min\n"
	"jit = off\n"
	"timezone = 'UTC'\n"
	"log_timezone = 'UTC'\n"
	"log_line_prefix = '%m [%p] '\n"
	"log_checkpoints = off\n" /* its log grows for years */
	"bgwriter_lru_maxpages = 0\n"
	"autovacuum_naptime = 5min\n";

/* FNV-1a: names the socket's folder; its owner is verified, so nothing depends on it being hard to guess. */
static uint32_t path_digest(const char *s)
{
	uint64_t h = 14695981039346656037u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

static bool is_own_folder(const char *path, uid_t uid)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid;
}

static void choose_socket_dir(struct cluster *c)
{
	unsigned digest = path_digest(c->data);
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	int n = CLUSTER_SOCKET_DIR_MAX;
	if (geteuid() == 0 && access("/run", W_OK) == 0)
		n = snprintf(c->socket_dir, sizeof c->socket_dir, "/run/strata/%08x", digest);
	else if (geteuid() != 0 && runtime && runtime[0] == '/' && is_own_folder(runtime, geteuid()))
		n = snprintf(c->socket_dir, sizeof c->socket_dir, "%s/strata-%08x", runtime, digest);
	if (n < 0 || (size_t)n >= sizeof c->socket_dir)
		snprintf(c->socket_dir, sizeof c->socket_dir, "/tmp/strata-%u-%08x", (unsigned)geteuid(), digest);
}

int cluster_locate(struct cluster *ret, const char *home, const char *lake_uuid, struct err *err)
{
	struct cluster c = {.uid = geteuid(), .gid = getegid()};
	int n;
	if (c.uid == 0) {
		const struct passwd *pw = getpwnam("postgres");
		if (!pw)
			return err_set(err, ERR_STATE, "there is no user 'postgres' to run the private Postgres as "
				"(root may not); install postgresql, or name a database with --db or STRATA_DB");
		c.uid = pw->pw_uid;
		c.gid = pw->pw_gid;
		const char *base = getenv("STRATA_STATE_DIR");
		if (base && *base && *base != '/')
			return err_set(err, ERR_STATE, "STRATA_STATE_DIR '%s' is not an absolute path", base);
		n = snprintf(c.data, sizeof c.data, "%s/%s", base && *base ? base : "/var/lib/strata", lake_uuid);
	} else {
		char *real = realpath(home, NULL);
		if (!real)
			return err_errno(err, ERR_STATE, "find '%s' for the private Postgres", home);
		n = snprintf(c.data, sizeof c.data, "%s/.strata/pg", real);
		free(real);
	}
	/* Room for the names of the lock and of the unfinished folder. */
	if (n < 0 || (size_t)n + 8 >= sizeof c.data)
		return err_set(err, ERR_STATE, "path too long for the private Postgres below '%s'", home);
	choose_socket_dir(&c);
	*ret = c;
	return 0;
}

char *cluster_conninfo(const struct cluster *c, char out[CLUSTER_CONNINFO_MAX])
{
	snprintf(out, CLUSTER_CONNINFO_MAX, "host='%s' port=%d user=strata dbname=postgres application_name=strata",
	         c->socket_dir, PORT);
	return out;
}

/* What the last server of this data folder wrote about itself. */
struct pid_file {
	pid_t pid;
	char socket_dir[CLUSTER_SOCKET_DIR_MAX];
};

static bool read_pid_file(const struct cluster *c, struct pid_file *ret)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/postmaster.pid", c->data);
	struct buf b = BUF_INIT(4096);
	memset(ret, 0, sizeof *ret);
	if (file_read(AT_FDCWD, path, &b, NULL) == 0) {
		ret->pid = (pid_t)strtol(buf_cstr(&b), NULL, 10);
		const char *line = buf_cstr(&b);
		for (int i = 0; i < 4 && line; i++) {
			line = strchr(line, '\n');
			line = line ? line + 1 : NULL;
		}
		size_t n = line ? strcspn(line, "\n") : 0;
		if (n < sizeof ret->socket_dir)
			memcpy(ret->socket_dir, line ? line : "", n);
	}
	buf_free(&b);
	return ret->pid > 0;
}

int cluster_status(struct cluster *c, struct cluster_status *ret, struct err *err)
{
	char path[PATH_MAX + 32];
	snprintf(path, sizeof path, "%s/PG_VERSION", c->data);
	struct cluster_status s = {.exists = access(path, F_OK) == 0};
	if (!s.exists && errno != ENOENT && errno != ENOTDIR)
		return err_errno(err, ERR_STATE, "look for the private Postgres in '%s'", c->data);
	struct pid_file f;
	if (s.exists && read_pid_file(c, &f) && server_works_in(f.pid, c->data)) {
		s.pid = f.pid;
		if (f.socket_dir[0] == '/')
			memcpy(c->socket_dir, f.socket_dir, sizeof c->socket_dir);
	}
	*ret = s;
	return 0;
}

/* The folder of the socket: made if absent, and nobody else's. */
static int make_socket_dir(const struct cluster *c, struct err *err)
{
	char parent[CLUSTER_SOCKET_DIR_MAX];
	memcpy(parent, c->socket_dir, sizeof parent);
	*strrchr(parent, '/') = '\0';
	if (dir_make_all(parent, 0755, err) < 0)
		return err->code = ERR_STATE;
	if (mkdir(c->socket_dir, 0700) == 0) {
		if (geteuid() == 0 && chown(c->socket_dir, c->uid, c->gid) < 0)
			return err_errno(err, ERR_STATE, "give '%s' to postgres", c->socket_dir);
	} else if (errno != EEXIST) {
		return err_errno(err, ERR_STATE, "make folder '%s' for the private Postgres's socket", c->socket_dir);
	}
	struct stat st;
	if (lstat(c->socket_dir, &st) < 0)
		return err_errno(err, ERR_STATE, "look at '%s'", c->socket_dir);
	/* A crash between mkdir and chown leaves it root's, who may then still give it away. */
	if (geteuid() == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	    chown(c->socket_dir, c->uid, c->gid) == 0)
		st.st_uid = c->uid;
	if (!S_ISDIR(st.st_mode) || st.st_uid != c->uid || (st.st_mode & 077))
		return err_set(err, ERR_STATE, "'%s' is not a folder of the server's user with mode 0700; remove it, or set "
			"XDG_RUNTIME_DIR to a folder of your own", c->socket_dir);
	return 0;
}

/* initdb into <data>.new, then rename: a crash leaves nothing that looks like a cluster. */
static int make_data(const struct cluster *c, struct err *err)
{
	char fresh[PATH_MAX + 8], path[PATH_MAX + 32], bin[PATH_MAX];
	snprintf(fresh, sizeof fresh, "%s.new", c->data);
	if (server_program("initdb", bin, sizeof bin, err) < 0)
		return err->code;
	if (tree_remove(AT_FDCWD, fresh, err) < 0)
		return err->code = ERR_STATE;
	if (mkdir(fresh, 0700) < 0)
		return err_errno(err, ERR_STATE, "make folder '%s' for the private Postgres", fresh);
	if (geteuid() == 0 && chown(fresh, c->uid, c->gid) < 0)
		return err_errno(err, ERR_STATE, "give '%s' to postgres", fresh);
	const char *const argv[] = {bin, "-D", fresh, "-U", "strata", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", NULL};
	if (server_run(c->uid, c->gid, fresh, argv, err) < 0)
		return err_wrap(err, "make the private Postgres in '%s'", c->data);
	snprintf(path, sizeof path, "%s/postgresql.conf", fresh);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	/* -N and one syncfs: initdb's own sync is a journal commit for each of its thousand files. */
	bool ok = fd >= 0 && file_write_all(fd, settings, sizeof settings - 1) == 0 && syncfs(fd) == 0;
	if (fd >= 0)
		close(fd);
	if (!ok)
		return err_errno(err, ERR_STATE, "write '%s'", path);
	if (FAULT("cluster.rename") || rename(fresh, c->data) < 0)
		return err_errno(err, ERR_STATE, "rename '%s' to '%s'", fresh, c->data);
	/* Before the server's first commit: under its old name it would be removed as unfinished. */
	snprintf(path, sizeof path, "%s/..", c->data);
	return dir_sync(path, err) < 0 ? (err->code = ERR_STATE) : 0;
}

/* Wait until it takes connections, or until its process is gone. */
static int wait_ready(const struct cluster *c, struct server_start start, struct err *err)
{
	char conninfo[CLUSTER_CONNINFO_MAX];
	cluster_conninfo(c, conninfo);
	int64_t until = clock_mono_us() + (int64_t)START_LIMIT_MS * 1000;
	for (int pause_ms = 2; PQping(conninfo) != PQPING_OK; pause_ms = pause_ms < 50 ? pause_ms * 2 : 50) {
		struct pollfd p = {.fd = start.pidfd, .events = POLLIN};
		if (start.pidfd < 0 || poll(&p, 1, pause_ms) > 0) {
			err_set(err, ERR_STATE, "the private Postgres did not start");
			return server_add_log_tail(c->data, start.log_begin, err);
		}
		if (clock_mono_us() > until)
			return err_set(err, ERR_STATE, "the private Postgres does not answer after %d s; see '%s/log'",
			               START_LIMIT_MS / 1000, c->data);
	}
	return 0;
}

static int signal_and_wait(pid_t pid, const char *data, int sig, int limit_ms)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : -1;
	/* The descriptor pins the process; only now is it sure whom the signal hits. */
	int rc = 0;
	if (server_works_in(pid, data)) {
		syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
		struct pollfd p = {.fd = fd, .events = POLLIN};
		do
			rc = poll(&p, 1, limit_ms);
		while (rc < 0 && errno == EINTR);
		rc = rc > 0 ? 0 : -1;
	}
	close(fd);
	return rc;
}

static int stop_locked(struct cluster *c, struct err *err)
{
	struct cluster_status s;
	if (cluster_status(c, &s, err) < 0)
		return err->code;
	if (s.pid == 0)
		return 0;
	/* SIGINT: its fast shutdown; SIGQUIT: its immediate one, which recovers at the next start. */
	if (signal_and_wait(s.pid, c->data, SIGINT, STOP_LIMIT_MS) < 0 &&
	    signal_and_wait(s.pid, c->data, SIGQUIT, STOP_LIMIT_MS) < 0)
		return err_set(err, ERR_STATE, "the private Postgres (pid %ld) does not stop; see '%s/log'", (long)s.pid, c->data);
	rmdir(c->socket_dir); /* the next start makes it again */
	return 0;
}

static int launch(struct cluster *c, struct err *err)
{
	char bin[PATH_MAX];
	if (server_program("postgres", bin, sizeof bin, err) < 0)
		return err->code;
	/* After a crash the folder is there still, and who was connected looks for the server in it. */
	if (!is_own_folder(c->socket_dir, c->uid))
		choose_socket_dir(c);
	if (make_socket_dir(c, err) < 0 || server_clear_stale(c->data, err) < 0 ||
	    server_clear_socket(c->socket_dir, PORT, err) < 0)
		return err->code;
	char port[8];
	snprintf(port, sizeof port, "%d", PORT);
	const char *const argv[] = {bin, "-D", c->data, "-k", c->socket_dir, "-p", port, "-c", "listen_addresses=", NULL};
	struct server_start start;
	if (server_spawn(c->uid, c->gid, c->data, argv, &start, err) < 0)
		return err->code;
	int rc = wait_ready(c, start, err);
	if (start.pidfd >= 0)
		close(start.pidfd);
	return rc;
}

static int start_locked(struct cluster *c, bool *ret_started, struct err *err)
{
	struct cluster_status s;
	if (cluster_status(c, &s, err) < 0 || (!s.exists && make_data(c, err) < 0))
		return err->code;
	/* A log-out removes $XDG_RUNTIME_DIR under a running server; nobody can reach that one. */
	if (s.pid && access(c->socket_dir, F_OK) < 0) {
		if (stop_locked(c, err) < 0)
			return err->code;
		s.pid = 0;
	}
	*ret_started = s.pid == 0;
	if (s.pid == 0)
		return launch(c, err);
	struct server_start start = {.pidfd = (int)syscall(SYS_pidfd_open, s.pid, 0)};
	int rc = wait_ready(c, start, err);
	if (start.pidfd >= 0)
		close(start.pidfd);
	return rc;
}

/* Is the locked file still the one of that name? Who stops the server removes it (cluster_stop). */
static bool is_named(int fd, const char *path)
{
	struct stat ours, named;
	return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

static void lock_path(const struct cluster *c, char out[PATH_MAX + 8])
{
	snprintf(out, PATH_MAX + 8, "%s.lock", c->data);
}

static int lock(const struct cluster *c, struct err *err)
{
	char path[PATH_MAX + 8];
	snprintf(path, sizeof path, "%s", c->data);
	*strrchr(path, '/') = '\0';
	if (dir_make_all(path, 0755, err) < 0) {
		err->code = ERR_STATE;
		return err_wrap(err, "make the private Postgres (or name another database with --db or STRATA_DB)");
	}
	lock_path(c, path);
	int fd;
	while ((fd = file_lock(AT_FDCWD, path, true, err)) >= 0 && !is_named(fd, path))
		close(fd);
	if (fd < 0)
		err->code = ERR_STATE;
	return fd;
}

int cluster_start(struct cluster *c, bool *ret_started, struct err *err)
{
	struct err local = {0};
	err = err ? err : &local;
	*ret_started = false;
	/* The usual case costs one connection attempt: it is up. */
	struct cluster_status s;
	char conninfo[CLUSTER_CONNINFO_MAX];
	if (cluster_status(c, &s, err) == 0 && s.pid && PQping(cluster_conninfo(c, conninfo)) == PQPING_OK)
		return 0;
	int fd = lock(c, err);
	if (fd < 0)
		return err->code;
	int rc = start_locked(c, ret_started, err);
	close(fd);
	return rc;
}

int cluster_stop(struct cluster *c, struct err *err)
{
	struct err local = {0};
	err = err ? err : &local;
	struct cluster_status s;
	if (cluster_status(c, &s, err) < 0)
		return err->code;
	if (!s.exists)
		return 0;
	int fd = lock(c, err);
	if (fd < 0)
		return err->code;
	int rc = stop_locked(c, err);
	/* Nothing stays beside the data: whoever waits for this lock finds that it has no name any more, and takes a new one. */
	char path[PATH_MAX + 8];
	lock_path(c, path);
	if (rc == 0)
		unlink(path);
	close(fd);
	return rc;
}
