/* Partitions that somebody has for himself, beside all runs.
 *
 * A hold is asked for at any time. It is there (ACT_HELD) once the last claim of its partitions is dropped and all that was
 * said until then is durable; from the asking on nobody takes one of these claims. Whose turn would come is parked. */
#include <stdlib.h>

#include "base/mem.h"
#include "core/machine_internal.h"

static bool covers(const struct machine_hold *h, uint32_t key, int32_t day)
{
	return key == h->key && (h->first == DATE_NONE || (day != DATE_NONE && h->first <= day && day <= h->last));
}

struct hold *hold_of(const struct machine *m, const struct mrun *r, struct place p)
{
	for (size_t i = 0; i < m->nholds; i++) {
		if (covers(&m->holds[i].what, place_key(r, p), place_day(r, p)))
			return &m->holds[i];
	}
	return NULL;
}

/* What is ready goes back, to be parked when its turn comes; what is decided or runs is counted. */
static uint32_t clear_way(struct machine *m, struct mrun *r, const struct machine_hold *what)
{
	uint32_t under_way = 0, t = 0;
	while (t < r->ntables && r->spec->tables[t].key != what->key)
		t++;
	for (uint32_t d = 0; t < r->ntables && d < table_dates(r, t); d++) {
		struct place p = {t, d};
		if (!covers(what, what->key, place_day(r, p)))
			continue;
		if (task_at(r, p)->state == TASK_READY)
			task_put_back(m, r, p, WAIT_POOL);
		under_way += task_claims(task_at(r, p));
	}
	return under_way;
}

void hold_begin(struct machine *m, const struct machine_hold *what)
{
	struct hold h = {.what = *what};
	for (size_t i = 0; i < m->nruns; i++)
		h.under_way += clear_way(m, m->runs[i], what);
	h.seq = m->seq;
	MEM_GROW(m->holds, m->nholds, m->cap_holds);
	m->holds[m->nholds++] = h;
}

void hold_end(struct machine *m, uint32_t id)
{
	for (size_t i = 0; i < m->nholds; i++) {
		if (m->holds[i].what.id != id)
			continue;
		uint32_t parked = m->holds[i].parked;
		for (size_t k = i + 1; k < m->nholds; k++)
			m->holds[k - 1] = m->holds[k];
		m->nholds--;
		unpark(m, parked);
		return;
	}
}

void holds_unclaimed(struct machine *m, uint32_t key, int32_t day)
{
	for (size_t i = 0; i < m->nholds; i++) {
		if (!covers(&m->holds[i].what, key, day))
			continue;
		m->holds[i].under_way--;
		m->holds[i].seq = m->seq;
	}
}

void holds_tell(struct machine *m)
{
	for (size_t i = 0; i < m->nholds; i++) {
		struct hold *h = &m->holds[i];
		if (h->told || h->under_way || h->seq > m->committed)
			continue;
		h->told = true;
		machine_emit(m, ACT_HELD)->hold = h->what.id;
	}
}
