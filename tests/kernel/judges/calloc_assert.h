/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_CALLOC_ASSERT_H
#define SVART_CALLOC_ASSERT_H

/* Linux 7.2's tests of VFIO call this and define it nowhere. It is included before each of their files. */

#include <stdlib.h>

static inline void *calloc_assert(size_t nr, size_t bytes)
{
	void *p = calloc(nr, bytes);

	if (p == NULL)
		abort();
	return p;
}

#endif
