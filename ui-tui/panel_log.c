/* The log of a task's last try: its end, at most so much of it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/states.h"
#include "ui-tui/text_panel.h"

enum { LOG_MOST = 1 << 20 };

struct log {
	const char *text;
	size_t size;
	bool running;
};

/* From the beginning of a line on, where it is cut. */
static void *read_end(const char *path, struct log *log, struct arena *arena, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, ERR_IO, "open the log '%s'", path);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	off_t from = st.st_size > LOG_MOST ? st.st_size - LOG_MOST : 0;
	char *text = arena_alloc(arena, LOG_MOST + 1);
	ssize_t n = pread(fd, text, LOG_MOST, from);
	close(fd);
	if (n < 0) {
		err_errno(err, ERR_IO, "read the log '%s'", path);
		return NULL;
	}
	const char *begin = from ? memchr(text, '\n', (size_t)n) : NULL;
	log->text = begin ? begin + 1 : text;
	log->size = (size_t)n - (size_t)(log->text - text);
	return log;
}

static void *load(const struct view_request *rq, const struct view_source *source, struct arena *arena, struct err *err)
{
	struct log *log = arena_alloc(arena, sizeof *log);
	struct try_row *tries;
	size_t n;
	if (query_tries(&source->query, rq->place.run, rq->place.table, rq->place.partition, &tries, &n, err) < 0)
		return NULL;
	if (!n) {
		log->text = "no try of it has begun";
		log->size = strlen(log->text);
		return log;
	}
	log->running = strcmp(tries[n - 1].state, try_state_name(TRY_ENDED)) != 0;
	return read_end(tries[n - 1].log_path, log, arena, err);
}

static void init(struct panel *p)
{
	((struct textview *)p->state)->follow = true;
	((struct textview *)p->state)->wrap = true;
}

static void update(struct panel *p)
{
	const struct log *log = p->data;
	textview_set(p->state, log->text, log->size);
}

static void command_line(const struct panel *p, struct buf *out)
{
	char task[TASK_WORD_SIZE];
	buf_addf(out, "strata logs %s %s", p->request.place.run, place_task(&p->request.place, task));
}

static bool lively(const struct panel *p)
{
	return ((const struct log *)p->data)->running;
}

const struct panel_class panel_log = {
	.name = "log",
	.title = "Log",
	.scopes = SCOPE_TEXT | SCOPE_TASK,
	.state_size = sizeof(struct textview),
	.load = load,
	.init = init,
	.update = update,
	.command_line = command_line,
	.lively = lively,
	.tails = true,
	TEXT_PANEL,
};
