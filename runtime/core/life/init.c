/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <svart/init.h>

#include "bits.h"
#include "buses.h"
#include "eal.h"
#include "error.h"
#include "fork.h"
#include "machines.h"
#include "process.h"
#include "runtime.h"
#include "sized.h"
#include "telemetry.h"

static const struct svart_sized params_sized =
	SVART_SIZED(svart_init_params, eal_args, SVART_INIT_PARAMS_INIT);

const char *svart_error_text(void)
{
	return svart_fail_text();
}

/**
 * Checks the page size: with another size the kernel would refuse pages much later, or svart would count
 * them wrongly.
 */
static int check_page_size(void)
{
	long bytes = sysconf(_SC_PAGESIZE);

	if (bytes == (long)SVART_PAGE_SIZE)
		return 0;
	return svart_fail(-ENOTSUP,
		"this system's pages have %ld bytes, and svart knows pages of %" PRIu64
		" bytes only: boot a kernel with those",
		bytes, SVART_PAGE_SIZE);
}

/** Copies the parameters that the program gave. @return 0 or -errno, told. */
static int read_params(const struct svart_init_params *given, struct svart_init_params *params)
{
	int rc = svart_sized_in(&params_sized, params, given);

	if (rc == 0 && (params->flags & ~(uint32_t)SVART_INIT_NO_EAL) != 0)
		rc = svart_fail(-EINVAL, "svart_init: unknown flags %#" PRIx32, params->flags);
	return rc;
}

int svart_init(const struct svart_init_params *given, struct svart **rt)
{
	struct svart_init_params params;
	struct svart *new_rt;
	int rc = read_params(given, &params);

	if (rc == 0)
		rc = check_page_size();
	if (rc == 0)
		rc = svart_fork_prepare();
	if (rc != 0)
		return rc;

	new_rt = calloc(1, sizeof(*new_rt));
	if (new_rt == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	if (!(params.flags & SVART_INIT_NO_EAL)) {
		rc = svart_eal_start(params.eal_args, &new_rt->eal);
		if (rc != 0)
			goto free_rt;
	}
	if (new_rt->eal)
		svart_telemetry_register();
	pthread_mutex_init(&new_rt->lock, NULL);
	pthread_mutex_init(&new_rt->children_lock, NULL);
	LIST_INIT(&new_rt->spaces);
	LIST_INIT(&new_rt->services);
	LIST_INIT(&new_rt->devices);
	LIST_INIT(&new_rt->closing);
	svart_machines_init(new_rt);
	new_rt->buses = svart_spec_buses;
	svart_process_add(new_rt);
	*rt = new_rt;
	return 0;

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
	pthread_mutex_lock(&rt->children_lock);
	if (!LIST_EMPTY(&rt->devices))
		rc = svart_fail(-EBUSY, "a device is still open: close it first");
	else if (!LIST_EMPTY(&rt->closing))
		rc = svart_fail(-EBUSY,
			"a device is still being closed: its close returned -EBUSY, call it again "
			"first");
	else if (!LIST_EMPTY(&rt->services))
		rc = svart_fail(-EBUSY, "a fault service is still there: destroy it first");
	else if (!LIST_EMPTY(&rt->spaces))
		rc = svart_fail(-EBUSY, "a space is still there: destroy it first");
	pthread_mutex_unlock(&rt->children_lock);
	pthread_mutex_unlock(&rt->lock);
	if (rc != 0)
		return rc;
	svart_process_remove(rt);
	svart_machines_fini(rt);
	if (rt->eal)
		svart_eal_trace_save();
	pthread_mutex_destroy(&rt->children_lock);
	pthread_mutex_destroy(&rt->lock);
	free(rt);
	return 0;
}
