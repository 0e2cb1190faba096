/* See watch.h. */
#include "scheduler/watch.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { QUIET_MS = 300, MISSING_MS = 1000 };

struct watched {
	uv_fs_event_t event;
	struct watch *watch;
	struct watched *next;
	bool project; /* the project's own folder: what lies in it counts by name */
};

struct watch {
	uv_loop_t *loop;
	uv_timer_t quiet, missing;
	char *dir;    /* of the project */
	struct watched *folders;
	void (*changed)(void *ctx);
	void *ctx;
};

static void on_quiet(uv_timer_t *timer)
{
	struct watch *w = timer->data;
	w->changed(w->ctx);
}

/* dags/ may go and come back as a whole; the name of the folder itself tells that it was moved. */
static bool counts(const struct watch *w, const char *name)
{
	const char *slash = strrchr(w->dir, '/');
	return strcmp(name, "tables.yaml") == 0 || strcmp(name, "dags") == 0 || strcmp(name, slash ? slash + 1 : w->dir) == 0;
}

/* What no project has as a file: hidden and _*, and what editors write beside it: x.sql~, #x.sql#, vim's 4913. */
static bool is_of_an_editor(const char *name)
{
	size_t n = strlen(name);
	return name[0] == '.' || name[0] == '_' || name[0] == '#' || (n && name[n - 1] == '~') || strspn(name, "0123456789") == n;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct watched *f = event->data;
	(void)events;
	if (status < 0 || (name && f->project && !counts(f->watch, name)))
		return;
	if (name && !f->project && is_of_an_editor(name)) {
		log_event(LOG_DEBUG, "project.ignored", "file", name, NULL);
		return;
	}
	uv_timer_start(&f->watch->quiet, on_quiet, QUIET_MS, 0);
}

/* The project's folder was not there to be watched. */
static void on_missing(uv_timer_t *timer)
{
	struct watch *w = timer->data;
	if (access(w->dir, F_OK) < 0)
		return;
	uv_timer_stop(timer);
	uv_timer_start(&w->quiet, on_quiet, QUIET_MS, 0);
}

struct watch *watch_new(uv_loop_t *loop, void (*changed)(void *ctx), void *ctx)
{
	struct watch *w = mem_alloc(sizeof *w);
	*w = (struct watch){.loop = loop, .changed = changed, .ctx = ctx};
	uv_timer_init(loop, &w->quiet);
	w->quiet.data = w;
	uv_timer_init(loop, &w->missing);
	w->missing.data = w;
	return w;
}

static void on_folder_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void forget(struct watch *w)
{
	while (w->folders) {
		struct watched *f = w->folders;
		w->folders = f->next;
		uv_close((uv_handle_t *)&f->event, on_folder_closed);
	}
}

static int add(struct watch *w, const char *path, bool project)
{
	struct watched *f = mem_alloc(sizeof *f);
	*f = (struct watched){.watch = w, .project = project, .next = w->folders};
	uv_fs_event_init(w->loop, &f->event);
	f->event.data = f;
	w->folders = f;
	int rc = uv_fs_event_start(&f->event, on_event, path, 0);
	if (rc < 0)
		log_event(LOG_WARN, "project.not_watched", "folder", path, "error", uv_strerror(rc), NULL);
	return rc;
}

void watch_project(struct watch *w, const char *dir)
{
	char *dags = mem_printf("%s/dags", dir), *before = w->dir;
	forget(w);
	uv_timer_stop(&w->quiet);
	w->dir = mem_strdup(dir);
	free(before);
	if (add(w, dir, true) < 0)
		uv_timer_start(&w->missing, on_missing, MISSING_MS, MISSING_MS);
	DIR *d = opendir(dags);
	if (d)
		add(w, dags, false);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_LNK && e->d_type != DT_UNKNOWN))
			continue;
		char *folder = mem_printf("%s/%s", dags, e->d_name);
		add(w, folder, false);
		free(folder);
	}
	if (d)
		closedir(d);
	free(dags);
}

bool watch_has_news(const struct watch *w)
{
	return uv_is_active((const uv_handle_t *)&w->quiet);
}

static void on_quiet_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;
	free(w->dir);
	free(w);
}

static void on_missing_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;
	uv_close((uv_handle_t *)&w->quiet, on_quiet_closed);
}

void watch_free(struct watch *w)
{
	forget(w);
	uv_timer_stop(&w->quiet);
	uv_close((uv_handle_t *)&w->missing, on_missing_closed);
}
