/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The count of invalidations that have ended, and the listeners that are told of each end.
 */

#include "space_state.h"

void svart_space_listen(struct svart_space *space, struct svart_space_listener *listener)
{
	pthread_mutex_lock(&space->listeners_lock);
	listener->next = space->listeners;
	space->listeners = listener;
	pthread_mutex_unlock(&space->listeners_lock);
}

void svart_space_unlisten(struct svart_space *space, struct svart_space_listener *listener)
{
	struct svart_space_listener **link;

	pthread_mutex_lock(&space->listeners_lock);
	for (link = &space->listeners; *link != NULL && *link != listener; link = &(*link)->next)
		;
	if (*link != NULL)
		*link = listener->next;
	pthread_mutex_unlock(&space->listeners_lock);
}

uint64_t svart_space_ends(const struct svart_space *space)
{
	/*
	 * Pairs with the release of svart_space_note_end(): a thread that sees the count sees that the range
	 * is gone.
	 */
	return atomic_load_explicit(&space->ends, memory_order_acquire);
}

void svart_space_note_end(struct svart_space *space)
{
	struct svart_space_listener *l;

	atomic_fetch_add_explicit(&space->ends, 1, memory_order_release);
	pthread_mutex_lock(&space->listeners_lock);
	for (l = space->listeners; l != NULL; l = l->next)
		l->wake(l->arg);
	pthread_mutex_unlock(&space->listeners_lock);
}
