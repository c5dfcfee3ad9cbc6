/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Spaces and fault services, as the runtime's children: making, counting, destroying.
 */

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "runtime.h"
#include "service.h"
#include "sized.h"
#include "space.h"

static const struct svart_sized space_sized =
	SVART_SIZED(svart_space_params, fault_around_bytes, SVART_SPACE_PARAMS_INIT);
static const struct svart_sized fault_sized =
	SVART_SIZED(svart_fault_params, deadline_ns, SVART_FAULT_PARAMS_INIT);

static struct svart_child *child_create(struct svart *rt)
{
	struct svart_child *child = calloc(1, sizeof(*child));

	if (child == NULL)
		svart_fail(-ENOMEM, "out of memory");
	else
		child->rt = rt;
	return child;
}

static void child_add(struct svart_child *child, struct svart_child_list *list, void *object)
{
	child->object = object;
	pthread_mutex_lock(&child->rt->children_lock);
	LIST_INSERT_HEAD(list, child, link);
	pthread_mutex_unlock(&child->rt->children_lock);
}

static void child_remove(struct svart_child *child)
{
	pthread_mutex_lock(&child->rt->children_lock);
	LIST_REMOVE(child, link);
	pthread_mutex_unlock(&child->rt->children_lock);
	free(child);
}

int svart_space_create(
	struct svart *rt, const struct svart_space_params *given, struct svart_space **space)
{
	struct svart_space_params params;
	struct svart_child *child;
	int rc = svart_check_alive(rt);

	if (rc == 0)
		rc = svart_sized_in(&space_sized, &params, given);
	if (rc != 0)
		return rc;
	child = child_create(rt);
	if (child == NULL)
		return -ENOMEM;
	rc = svart_space_init(&params, space);
	if (rc != 0) {
		free(child);
		return rc;
	}
	svart_space_set_owner(*space, child);
	child_add(child, &rt->spaces, *space);
	return 0;
}

int svart_space_destroy(struct svart_space *space)
{
	struct svart_child *child = svart_space_owner(space);
	struct svart *rt = child->rt;
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&rt->lock);
	if (svart_space_bound(space) != 0)
		rc = svart_fail(-EBUSY, "a device is attached to the space: close it first");
	else if (svart_space_open_invalidations(space) != 0)
		rc = svart_fail(-EBUSY,
			"%u invalidations of the space have begun and not ended: end them first",
			svart_space_open_invalidations(space));
	else
		child_remove(child);
	pthread_mutex_unlock(&rt->lock);
	if (rc == 0)
		svart_space_fini(space);
	return rc;
}

int svart_fault_service_create(struct svart *rt, const struct svart_fault_params *given,
	struct svart_fault_service **faults)
{
	struct svart_fault_params params;
	struct svart_child *child;
	int rc = svart_check_alive(rt);

	if (rc == 0)
		rc = svart_sized_in(&fault_sized, &params, given);
	if (rc != 0)
		return rc;
	child = child_create(rt);
	if (child == NULL)
		return -ENOMEM;
	rc = svart_fault_service_init(&params, rt->eal, faults);
	if (rc != 0) {
		free(child);
		return rc;
	}
	svart_fault_service_set_owner(*faults, child);
	child_add(child, &rt->services, *faults);
	return 0;
}

int svart_fault_service_destroy(struct svart_fault_service *faults)
{
	struct svart_child *child = svart_fault_service_owner(faults);
	struct svart *rt = child->rt;
	int rc = svart_check_alive(rt);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&rt->lock);
	rc = svart_fault_service_fini(faults);
	if (rc == 0)
		child_remove(child);
	pthread_mutex_unlock(&rt->lock);
	return rc;
}
