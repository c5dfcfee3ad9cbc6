/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart's native queues, on a DSA of the software machine.
 */
#include <errno.h>
#include <stdlib.h>

#include <svart/svart.h>

#include "copy_queue.h"
#include "say.h"

#define SPEC "model:dsa0,queues=1"

/** Owner: one thread. Lifetime: open to close. Locks: none. */
struct perf_engine {
	struct svart *rt;
	struct svart_space *space;
	struct svart_fault_service *faults;
	struct svart_device *dev;
	struct svart_queue *q; /**< Valid between start and stop. */
};

static void close_svart(struct perf_engine *e)
{
	if (e->dev != NULL)
		svart_device_close(e->dev);
	if (e->faults != NULL)
		svart_fault_service_destroy(e->faults);
	if (e->space != NULL)
		svart_space_destroy(e->space);
	if (e->rt != NULL)
		svart_fini(e->rt);
	free(e);
}

static int open_svart(struct perf_engine **out)
{
	const struct svart_init_params init = SVART_INIT_PARAMS_INIT(.flags = SVART_INIT_NO_EAL);
	struct perf_engine *e = calloc(1, sizeof(*e));
	int rc;

	if (e == NULL)
		return svart_perf_say_errno("open " SPEC, -ENOMEM);
	rc = svart_init(&init, &e->rt);
	if (rc == 0)
		rc = svart_space_create(e->rt, NULL, &e->space);
	if (rc == 0)
		rc = svart_fault_service_create(e->rt, NULL, &e->faults);
	if (rc == 0)
		rc = svart_device_open(e->rt, SPEC, e->space, e->faults, &e->dev);
	if (rc != 0) {
		svart_perf_say_failed("open " SPEC, rc);
		close_svart(e);
		return rc == -ENODEV ? -EIO : rc;
	}
	*out = e;
	return 0;
}

static int start(struct perf_engine *e, uint32_t *depth)
{
	struct svart_queue_params params = SVART_QUEUE_PARAMS_INIT();
	struct svart_device_info info = SVART_DEVICE_INFO_INIT();
	int rc;

	svart_device_info_get(e->dev, &info);
	if (*depth > info.queue_depth)
		*depth = info.queue_depth;
	params.depth = *depth;
	rc = svart_queue_create(e->dev, &params, &e->q);
	return rc != 0 ? svart_perf_say_failed("start a queue of " SPEC, rc) : 0;
}

static uint16_t submit(
	struct perf_engine *e, const struct perf_slots *slots, uint64_t n, uint16_t nr)
{
	return svart_perf_queue_submit(e->q, slots, n, nr);
}

static int poll_svart(struct perf_engine *e, uint16_t nr)
{
	return svart_perf_queue_poll(e->q, nr);
}

static void stop(struct perf_engine *e)
{
	svart_queue_destroy(e->q);
}

const struct perf_engine_ops svart_perf_engine_svart = {
	.name = "svart",
	.open = open_svart,
	.start = start,
	.submit = submit,
	.poll = poll_svart,
	.stop = stop,
	.close = close_svart,
};
