/* The model lake: what is published where, under the rules of executor/store_local.c, and what lies in staging, which
 * recovery lists by itself. */
#include <dirent.h>
#include <string.h>

#include "base/mem.h"
#include "core/date.h"
#include "tests/sim/world_worker.h"

static struct {
	char try_id[40];
	bool there;
} staging[4096];
static size_t nstaging;

/* Exchanges that a loss of power may undo: nobody has synced the folder above yet. */
static struct {
	struct lake_part *part, was;
} unsynced[WORLD_PROCS];
static size_t nunsynced;

void lake_synced(const struct lake_part *part)
{
	size_t kept = 0;
	for (size_t i = 0; i < nunsynced; i++) {
		if (unsynced[i].part != part)
			unsynced[kept++] = unsynced[i];
	}
	nunsynced = kept;
}

static void remember(struct lake_part *part)
{
	lake_synced(part); /* the next one's lock and staging have synced it; two of one partition never race */
	CHECK(nunsynced < WORLD_PROCS);
	unsynced[nunsynced].part = part;
	unsynced[nunsynced].was = *part;
	json_incref(unsynced[nunsynced++].was.manifest);
}

void lake_power_loss(void)
{
	for (size_t i = 0; i < nunsynced; i++) {
		struct lake_part *part = unsynced[i].part;
		uint64_t last_fence = part->last_fence;
		if (chance(50) || part->hand)
			continue;
		trace("  fence %" PRIu64 " comes undone", part->fence);
		*part = unsynced[i].was;
		part->last_fence = last_fence; /* that number was used all the same */
	}
	nunsynced = 0;
}

void lake_reset(void)
{
	nstaging = 0;
	nunsynced = 0;
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; d < world.ndates; d++)
			json_decref(world.tables[t].parts[d].manifest);
	}
}

struct lake_part *lake_part(const char *qname, const char *partition)
{
	return &world.tables[world_find(qname)].parts[world_date(partition)];
}

void lake_stage(const char *try_id, bool staged)
{
	size_t i = 0;
	while (i < nstaging && strcmp(staging[i].try_id, try_id) != 0)
		i++;
	if (i == nstaging) {
		for (i = 0; i < nstaging && staging[i].there;)
			i++; /* the place of one that is gone */
		CHECK(i < sizeof staging / sizeof *staging);
		nstaging += i == nstaging;
		snprintf(staging[i].try_id, sizeof staging[i].try_id, "%s", try_id);
	}
	staging[i].there = staged;
}

size_t lake_staged(void)
{
	size_t n = 0;
	for (size_t i = 0; i < nstaging; i++)
		n += staging[i].there;
	return n;
}

/* ---- the staging folder as recovery lists it, by the linker's --wrap ---- */

static struct {
	size_t at;
	struct dirent entry;
} listing;

DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *dir);
int __wrap_closedir(DIR *dir);

DIR *__wrap_opendir(const char *path)
{
	CHECK(str_eq(path, "/lake/.strata/staging"));
	world_cross("list staging");
	listing.at = 0;
	return (DIR *)(void *)&listing;
}

struct dirent *__wrap_readdir(DIR *dir)
{
	CHECK((void *)dir == (void *)&listing);
	while (listing.at < nstaging && !staging[listing.at].there)
		listing.at++;
	if (listing.at == nstaging)
		return NULL;
	snprintf(listing.entry.d_name, sizeof listing.entry.d_name, "%s", staging[listing.at++].try_id);
	return &listing.entry;
}

int __wrap_closedir(DIR *dir)
{
	(void)dir;
	return 0;
}

int64_t lake_sweep(const json_t *request)
{
	const json_t *tries = json_object_get(request, "tries");
	int64_t removed = 0;
	for (size_t i = 0; i < json_array_size(tries); i++) {
		const char *try_id = json_string_value(json_array_get(tries, i));
		CHECK(!worker_works_on(try_id)); /* a live try's staging is its own */
		for (size_t k = 0; k < nstaging; k++) {
			if (staging[k].there && strcmp(staging[k].try_id, try_id) == 0) {
				staging[k].there = false;
				removed++;
			}
		}
	}
	return removed;
}

static void fill(struct job *p, struct lake_part *part)
{
	struct manifest *m = &p->result.manifest;
	const struct try_request *rq = &p->rq;
	static const struct column schema[] = {{"a", "INTEGER"}};
	struct manifest_file *file = arena_alloc(&p->arena, sizeof *file);
	*file = (struct manifest_file){arena_printf(&p->arena, "%s-0.parquet", rq->try_id), 100, 1 + (int64_t)below(9), ""};
	m->dest = rq->qname;
	m->partition_date = rq->partitioned ? rq->partition : rq->run_date;
	m->partitioned = rq->partitioned;
	m->run_id = rq->run_id;
	m->try_id = rq->try_id;
	m->fence = rq->fence;
	m->version = rq->next_version > part->version ? rq->next_version : part->version + 1;
	m->row_count = p->rows_none ? 0 : file->rows;
	m->status = p->rows_none ? "empty" : "published";
	m->source_prefix = m->target_prefix = "x";
	m->generated_at = "2026-01-01T00:00:00.000Z";
	m->files = p->rows_none ? NULL : file;
	m->nfiles = !p->rows_none;
	m->schema = schema;
	m->nschema = 1;
	m->fingerprint = rq->fingerprint;
	m->git_commit = "";
	p->result.empty = p->rows_none;
	p->result.bytes = p->rows_none ? 0 : file->size;
}

bool lake_publish(struct job *p)
{
	struct lake_part *part = lake_part(p->rq.qname, p->rq.partition);
	if ((part->fence >= p->rq.fence && part->fence > 0) || trouble(TROUBLE_ERROR, 3))
		return false; /* somebody else had published, or so it seems */
	CHECK(p->rq.fence > part->last_fence); /* no fence twice, and never an older one over a newer */
	p->result.cleared_rows = p->rows_none && part->published ? part->rows : -1;
	fill(p, part);
	remember(part);
	trace("  publish %s %s fence %" PRIu64 " version %" PRIu64 "%s", p->rq.qname, p->rq.partition, p->rq.fence,
	      p->result.manifest.version, p->rows_none ? " empty" : "");
	part->hand = HAND_NONE;
	json_decref(part->manifest);
	part->manifest = manifest_to_json(&p->result.manifest);
	part->try_id = arena_strdup(&world.arena, p->rq.try_id);
	part->fence = part->last_fence = p->rq.fence;
	part->version = p->result.manifest.version;
	part->rows = p->result.manifest.row_count;
	part->published = !p->rows_none;
	part->empty_record = p->rows_none;
	return true;
}

/* ---- what others do ---- */

static void publish_foreign(struct lake_part *part, const char *qname, const char *partition)
{
	char *try_id = arena_alloc(&world.arena, 40);
	snprintf(try_id, 40, "%016" PRIx64 "-foreign", draw());
	uint64_t fence = chance(50) ? db.next_fence + below(20) : 1 + below((uint32_t)db.next_fence);
	struct manifest m = {.dest = qname, .partition_date = partition, .partitioned = *partition != '\0', .run_id = "elsewhere",
	                     .try_id = try_id, .fence = fence, .version = part->version + below(3), .row_count = 1, .status = "published",
	                     .source_prefix = "x", .target_prefix = "x", .generated_at = "2026-01-01T00:00:00.000Z", .fingerprint = "",
	                     .git_commit = ""};
	json_decref(part->manifest);
	*part = (struct lake_part){.hand = HAND_FOREIGN, .published = true, .try_id = try_id, .version = m.version, .fence = fence,
	                           .rows = 1, .manifest = manifest_to_json(&m), .last_fence = part->last_fence};
}

void lake_meddle(void)
{
	uint32_t t = below(world.ntables), d = below(world_dates(t));
	struct lake_part *part = &world.tables[t].parts[d];
	const char *partition = world_partition(t, d);
	enum lake_hand hand = HAND_REMOVED + below(3);
	const struct db_part *known = db_part(world.tables[t].qname, partition);
	if (world.tables[t].action || (hand != HAND_FOREIGN && !part->published))
		return;
	if (hand == HAND_REMOVED && known && known->empty) /* nothing is what the state believes to be there */
		return;
	lake_synced(part);
	trace("  %s %s is %s", world.tables[t].qname, partition,
	      hand == HAND_REMOVED ? "removed" : hand == HAND_DAMAGED ? "damaged" : "published by others");
	part->hand = hand;
	if (hand == HAND_FOREIGN)
		publish_foreign(part, world.tables[t].qname, partition);
	if (hand != HAND_REMOVED)
		return;
	part->published = false; /* with its manifest goes its fence */
	part->fence = part->version = 0;
}

bool lake_meddled(void)
{
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; d < world_dates(t); d++) {
			if (world.tables[t].parts[d].hand)
				return true;
		}
	}
	return false;
}

uint64_t lake_largest_fence(void)
{
	uint64_t largest = 0;
	for (uint32_t t = 0; t < world.ntables; t++) {
		for (uint32_t d = 0; d < world_dates(t); d++)
			largest = world.tables[t].parts[d].fence > largest ? world.tables[t].parts[d].fence : largest;
	}
	return largest;
}

static json_t *probe_partition(const json_t *request)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	const char *dt = strstr(path, "/dt=");
	char qname[64];
	snprintf(qname, sizeof qname, "%.*s", dt ? (int)(dt - path) : (int)strlen(path), path);
	*strchr(qname, '/') = '.';
	const struct lake_part *part = lake_part(qname, dt ? dt + 4 : "");
	bool whole = json_is_true(json_object_get(request, "manifest"));
	const char *state = part->hand == HAND_DAMAGED ? "damaged" : part->published ? "ok" : "empty";
	if (!part->published && !part->empty_record)
		return json_pack("{s:s}", "state", "missing");
	json_t *out = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "state", state, "try_id", part->try_id,
	                        "version", (json_int_t)part->version, "fence", (json_int_t)part->fence, "rows", (json_int_t)part->rows,
	                        "bytes", (json_int_t)(part->published ? 100 : 0));
	if (whole) { /* who asks for it writes down that it is published */
		lake_synced(part);
		json_object_set(out, "manifest", part->manifest);
	}
	return out;
}

static json_t *probe_source(const json_t *request)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	const char *first = json_string_value(json_object_get(request, "first")), *last = json_string_value(json_object_get(request, "last"));
	for (uint32_t t = 0; t < world.ntables; t++) {
		if (!str_eq(world.tables[t].name, path + 4))
			continue;
		const uint32_t *versions = world.tables[t].source_version;
		const int64_t *comes_us = world.tables[t].comes_us;
		if (!first && comes_us[0] > world.now_us)
			return json_pack("{s:b, s:[]}", "exists", 1, "files");
		if (!first)
			return json_pack("{s:b, s:[[s, i, I, I, i]]}", "exists", 1, "files", "a.csv", 7, (json_int_t)versions[0], (json_int_t)versions[0], 1);
		json_t *days = json_array();
		int32_t day, end;
		CHECK(date_parse(first, &day) && date_parse(last, &end));
		for (; day <= end; day++) {
			char date[DATE_SIZE];
			uint32_t at = world_date(date_format(date, day));
			json_int_t version = versions[at];
			if (comes_us[at] > world.now_us)
				continue;
			json_array_append_new(days, json_pack("{s:s, s:[[s, i, I, I, i]]}", "date", date, "files", "a.csv", 7, version, version, 1));
		}
		return json_pack("{s:b, s:s, s:o}", "exists", 1, "folder", path, "days", days);
	}
	CHECK(!"a source of this world");
	return NULL;
}

json_t *lake_answer_probe(const json_t *request)
{
	json_t *partitions = json_array(), *sources = json_array();
	const json_t *list = json_object_get(request, "partitions");
	for (size_t i = 0; i < json_array_size(list); i++)
		json_array_append_new(partitions, probe_partition(json_array_get(list, i)));
	list = json_object_get(request, "sources");
	for (size_t i = 0; i < json_array_size(list); i++)
		json_array_append_new(sources, probe_source(json_array_get(list, i)));
	return json_pack("{s:o, s:o, s:I}", "partitions", partitions, "sources", sources, "now_ns",
	                 (json_int_t)(world.now_us + world.wall_offset_us) * 1000);
}
