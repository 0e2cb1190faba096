/* See await.h. */
#include "core/await.h"

#include "core/date.h"

enum { NS_PER_MS = 1000000 };

struct source_look source_look(const struct source *s, const struct source_files *files, int64_t wall_ns)
{
	if (!files || !files->probed)
		return (struct source_look){SOURCE_THERE, 0};
	if (s->wait_for && !files->marked)
		return (struct source_look){SOURCE_UNMARKED, 0};
	if (!s->wait_for && !files->nfiles)
		return (struct source_look){SOURCE_ABSENT, 0};
	if (files->wall_ns)
		wall_ns = files->wall_ns;
	int64_t newest = INT64_MIN, settle_ns = s->settle_ms * NS_PER_MS;
	for (size_t i = 0; i < files->nfiles; i++)
		newest = files->files[i].ctime_ns > newest ? files->files[i].ctime_ns : newest;
	if (newest <= wall_ns - settle_ns || newest > wall_ns + settle_ns)
		return (struct source_look){SOURCE_THERE, 0};
	return (struct source_look){SOURCE_SETTLING, (newest - (wall_ns - settle_ns) + NS_PER_MS - 1) / NS_PER_MS};
}

void source_place(const struct source *s, int32_t day, struct buf *out)
{
	char date[DATE_SIZE];
	date_format(date, s->partitioned ? day : DATE_NONE);
	buf_addf(out, "%s%s%s", s->path, *date ? "/dt=" : "", date);
}

void source_look_text(const struct source *s, int32_t day, const struct source_files *files, struct source_look look, struct buf *out)
{
	size_t n = files ? files->nfiles : 0;
	source_place(s, day, out);
	if (files && files->probed && !files->path_exists)
		buf_addf(out, " is not there: %s does not exist yet", s->path);
	else if (look.state == SOURCE_UNMARKED)
		buf_addf(out, " has %zu file%s and no %s yet", n, n == 1 ? "" : "s", s->wait_for);
	else if (look.state == SOURCE_SETTLING)
		buf_addf(out, " has %zu file%s, of which one has just changed", n, n == 1 ? "" : "s");
	else
		buf_adds(out, " has no files yet");
}

void await_changed(struct await *a, int64_t now_ms)
{
	if (!a->quiet_ms)
		a->burst_ms = now_ms;
	a->quiet_ms = now_ms + AWAIT_QUIET_MS;
	if (a->quiet_ms > a->burst_ms + AWAIT_BURST_MS)
		a->quiet_ms = a->burst_ms + AWAIT_BURST_MS;
}

void await_begin(struct await *a)
{
	a->looking = true;
	a->burst_ms = a->quiet_ms = 0; /* what changes from here on may not be seen by this look */
}

void await_end(struct await *a, int64_t now_ms, int64_t settles_ms, bool blind)
{
	a->looking = false;
	a->next_ms = now_ms + (blind ? AWAIT_BLIND_MS : AWAIT_ANYWAY_MS);
	if (settles_ms >= 0 && now_ms + settles_ms < a->next_ms)
		a->next_ms = now_ms + settles_ms;
}

int64_t await_due(const struct await *a)
{
	if (a->looking)
		return INT64_MAX;
	return a->quiet_ms && a->quiet_ms < a->next_ms ? a->quiet_ms : a->next_ms;
}
