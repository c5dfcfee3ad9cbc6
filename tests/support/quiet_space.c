/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * For tests that bring a svart_space_resolve() of their own: a space in which no invalidation begins, that
 * never evicts, and that remembers no refusal.
 */

#include <errno.h>

#include "space.h"

int svart_space_resolve_leased(struct svart_space *space, struct svart_lessee *lessee,
	uint64_t addr, unsigned int access, bool (*wanted)(const void *arg), const void *arg)
{
	(void)space;
	(void)lessee;
	(void)addr;
	(void)access;
	(void)wanted;
	(void)arg;
	return -ENOSYS; /* Nobody has a lessee. */
}

bool svart_space_is_tight(const struct svart_space *space)
{
	(void)space;
	return false;
}

void svart_space_refuse(struct svart_space *space, uint64_t addr, int rc)
{
	(void)space;
	(void)addr;
	(void)rc;
}

void svart_space_listen(struct svart_space *space, struct svart_space_listener *listener)
{
	(void)space;
	(void)listener;
}

void svart_space_unlisten(struct svart_space *space, struct svart_space_listener *listener)
{
	(void)space;
	(void)listener;
}

uint64_t svart_space_ends(const struct svart_space *space)
{
	(void)space;
	return 0;
}
