/* An intrusive doubly linked list: the link lives in the object, so that insert and remove neither
 * allocate nor search. A head is a link that points at itself when empty. */
#ifndef STRATA_BASE_LIST_H
#define STRATA_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#define LIST_ENTRY(link, type, member) ((type *)(void *)((char *)(link) - offsetof(type, member)))
#define LIST_FOR_EACH(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)

static inline void list_init(struct list *head)
{
	head->prev = head->next = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_append(struct list *head, struct list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = link;
}

#endif
