/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "runtime.h"

#include <errno.h>

#include "error.h"

int svart_check_alive(const struct svart *rt)
{
	if (!atomic_load(&rt->dead))
		return 0;
	return svart_fail(-EPERM,
		"this runtime belongs to the parent process: a child made by fork() "
		"starts its own with svart_init()");
}
