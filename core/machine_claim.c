/* One task at a time for a partition, over all runs.
 *
 * A claim lasts as long as a task is being decided, ready or running. There are never more of them than tasks
 * decided ahead, and never more parked tasks than claims times other runs: what two runs of a million tasks
 * have in common costs nothing until its turn comes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/machine_internal.h"

static size_t home(const struct claims *c, uint32_t key, int32_t day)
{
	uint64_t h = ((uint64_t)key << 32 | (uint32_t)day) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 32) & (c->cap - 1);
}

/* Where it is, or the free place where it would be. */
static size_t find(const struct claims *c, uint32_t key, int32_t day)
{
	size_t i = home(c, key, day);
	while (c->items[i].key && (c->items[i].key != key || c->items[i].day != day))
		i = (i + 1) & (c->cap - 1);
	return i;
}

static void grow(struct claims *c)
{
	struct claims old = *c;
	c->cap = old.cap ? old.cap * 2 : 64;
	c->items = mem_array(c->cap, sizeof *c->items);
	for (size_t i = 0; i < old.cap; i++) {
		if (old.items[i].key)
			c->items[find(c, old.items[i].key, old.items[i].day)] = old.items[i];
	}
	free(old.items);
}

static struct claim *claim_of(const struct machine *m, const struct mrun *r, struct place p)
{
	uint32_t key = place_key(r, p);
	if (!key || !m->claims.cap)
		return NULL;
	struct claim *c = &m->claims.items[find(&m->claims, key, place_day(r, p))];
	return c->key ? c : NULL;
}

struct mrun *claim_holder(const struct machine *m, const struct mrun *r, struct place p, struct place *ret_place)
{
	const struct claim *c = claim_of(m, r, p);
	if (!c)
		return NULL;
	*ret_place = c->at;
	return machine_run_by_serial(m, c->serial);
}

void claim_take(struct machine *m, struct mrun *r, struct place p)
{
	struct claims *c = &m->claims;
	if (!place_key(r, p))
		return;
	assert(!claim_of(m, r, p) && !hold_of(m, r, p));
	if (2 * (c->len + 1) > c->cap)
		grow(c);
	c->items[find(c, place_key(r, p), place_day(r, p))] =
		(struct claim){.key = place_key(r, p), .day = place_day(r, p), .serial = r->serial, .at = p};
	c->len++;
}

/* Those behind it move up where that brings them closer to their homes, so that no search ends too early. */
static void take_away(struct claims *c, size_t i)
{
	size_t mask = c->cap - 1;
	for (size_t k = (i + 1) & mask; c->items[k].key; k = (k + 1) & mask) {
		size_t want = home(c, c->items[k].key, c->items[k].day);
		if (((k - want) & mask) >= ((k - i) & mask)) {
			c->items[i] = c->items[k];
			i = k;
		}
	}
	c->items[i] = (struct claim){0};
	c->len--;
}

uint32_t park(struct machine *m, struct mrun *r, struct place p, uint32_t before)
{
	struct claims *c = &m->claims;
	uint32_t i = c->free_parked;
	if (i) {
		c->free_parked = c->parked[i].next;
	} else {
		if (!c->nparked) { /* 0 means none */
			MEM_GROW(c->parked, c->nparked, c->cap_parked);
			c->nparked++;
		}
		MEM_GROW(c->parked, c->nparked, c->cap_parked);
		i = c->nparked++;
	}
	c->parked[i] = (struct parked){.serial = r->serial, .at = p, .next = before};
	task_flag(task_at(r, p), TASK_PARKED);
	return i;
}

void unpark(struct machine *m, uint32_t first)
{
	struct claims *c = &m->claims;
	for (uint32_t i = first, next; i; i = next) {
		struct parked *entry = &c->parked[i];
		struct mrun *r = machine_run_by_serial(m, entry->serial);
		if (r && (task_at(r, entry->at)->flags & TASK_PARKED)) /* else it ended meanwhile */
			task_eligible(r, entry->at);
		next = entry->next;
		entry->next = c->free_parked;
		c->free_parked = i;
	}
}

void claim_park(struct machine *m, struct mrun *r, struct place p)
{
	struct claim *claim = claim_of(m, r, p);
	claim->parked = park(m, r, p, claim->parked);
}

bool claim_is_wanted(const struct machine *m, const struct mrun *r, struct place p)
{
	const struct claim *claim = claim_of(m, r, p);
	for (uint32_t i = claim ? claim->parked : 0; i; i = m->claims.parked[i].next) {
		const struct parked *entry = &m->claims.parked[i];
		struct mrun *other = machine_run_by_serial(m, entry->serial);
		if (other && run_urgency(other) > run_urgency(r) && (task_at(other, entry->at)->flags & TASK_PARKED))
			return true;
	}
	return false;
}

void claim_drop(struct machine *m, struct mrun *r, struct place p)
{
	struct claims *c = &m->claims;
	struct claim *claim = claim_of(m, r, p);
	if (!claim)
		return;
	assert(claim->serial == r->serial);
	uint32_t parked = claim->parked;
	take_away(c, (size_t)(claim - c->items));
	unpark(m, parked);
	holds_unclaimed(m, place_key(r, p), place_day(r, p));
}

void claims_free(struct claims *c)
{
	free(c->items);
	free(c->parked);
	*c = (struct claims){0};
}
