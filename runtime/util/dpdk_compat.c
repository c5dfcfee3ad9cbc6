/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "dpdk_compat.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include <rte_lcore.h>

#if RTE_VERSION < RTE_VERSION_NUM(23, 3, 0, 0)

int svart_ctrl_thread_create(
	pthread_t *thread, const char *name, void *(*main)(void *arg), void *arg)
{
	return rte_ctrl_thread_create(thread, name, NULL, main, arg);
}

#else

#include <rte_thread.h>

/** rte_thread_t is a pthread_t in a struct, on Linux. */
static_assert(sizeof(rte_thread_t) == sizeof(pthread_t), "a thread is a pthread");

struct start {
	void *(*main)(void *arg);
	void *arg;
};

static uint32_t begin(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	start.main(start.arg);
	return 0;
}

int svart_ctrl_thread_create(
	pthread_t *thread, const char *name, void *(*main)(void *arg), void *arg)
{
	struct start *start = malloc(sizeof(*start));
	rte_thread_t created;
	int rc;

	if (start == NULL)
		return -ENOMEM;
	*start = (struct start){ .main = main, .arg = arg };
	rc = rte_thread_create_control(&created, name, begin, start);
	if (rc != 0) {
		free(start);
		return rc;
	}
	*thread = (pthread_t)created.opaque_id;
	return 0;
}

#endif
