/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdlib.h>

#include "core.h"
#include "error.h"

const char *svart_error_text(void)
{
	return svart_fail_text();
}

int svart_init(const struct svart_init_params *params, struct svart **rt)
{
	static const struct svart_init_params defaults;
	struct svart *new_rt;
	int rc;

	if (params == NULL)
		params = &defaults;
	if (params->flags & ~(unsigned int)SVART_INIT_NO_EAL)
		return svart_fail(-EINVAL, "svart_init: unknown flags %#x", params->flags);

	new_rt = calloc(1, sizeof(*new_rt));
	if (new_rt == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	new_rt->eal = !(params->flags & SVART_INIT_NO_EAL);
	if (new_rt->eal) {
		rc = svart_eal_start(params->eal_args);
		if (rc != 0)
			goto free_rt;
		svart_telemetry_register();
	}
	pthread_mutex_init(&new_rt->lock, NULL);
	LIST_INIT(&new_rt->spaces);
	LIST_INIT(&new_rt->services);
	LIST_INIT(&new_rt->devices);
	svart_machines_init(new_rt);
	rc = svart_fork_watch(new_rt);
	if (rc != 0)
		goto destroy_lock;
	*rt = new_rt;
	return 0;

destroy_lock:
	pthread_mutex_destroy(&new_rt->lock);
free_rt:
	free(new_rt);
	return rc;
}

int svart_fini(struct svart *rt)
{
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&rt->lock);
	if (!LIST_EMPTY(&rt->devices))
		rc = svart_fail(-EBUSY, "a device is still open: close it first");
	else if (!LIST_EMPTY(&rt->services))
		rc = svart_fail(-EBUSY, "a fault service is still there: destroy it first");
	else if (!LIST_EMPTY(&rt->spaces))
		rc = svart_fail(-EBUSY, "a space is still there: destroy it first");
	pthread_mutex_unlock(&rt->lock);
	if (rc != 0)
		return rc;
	svart_fork_unwatch(rt);
	svart_machines_fini(rt);
	if (rt->eal)
		svart_eal_trace_save();
	pthread_mutex_destroy(&rt->lock);
	free(rt);
	return 0;
}
