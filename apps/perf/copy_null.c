/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * svart-null: the unchanged ring of the DSA driver, with a portal that completes each descriptor in the
 * store itself. Nothing is copied and there is no device, so only the driver is measured: prep, submit,
 * poll.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "copy_queue.h"
#include "dsa_internal.h"
#include "say.h"

/** Owner: one thread. Lifetime: open to close; the ring lives from start to stop. Locks: none. */
struct perf_engine {
	struct svart_queue fast;
	struct svart_dsa_queue *ring;
	struct svart_dsa_failure failure; /**< Never fails. */
	alignas(64) struct svart_dsa_record records[SVART_PERF_MAX_DEPTH];
	alignas(64) uint8_t portal[SVART_DSA_PORTAL_BYTES]; /**< Nothing is stored there. */
};

/** Acts as the engine: it only says that each operation is done. */
static void complete_at_once(void *ctx, void *portal, const void *descs, uint32_t nr)
{
	const struct svart_dsa_desc *d = descs;
	struct svart_dsa_record *record;

	(void)ctx;
	(void)portal;
	for (; nr > 0; nr--, d++) {
		record = (struct svart_dsa_record *)(uintptr_t)d->completion_addr;
		__atomic_store_n(&record->status, SVART_DSA_STATUS_SUCCESS, __ATOMIC_RELEASE);
	}
}

static int open_null(struct perf_engine **out)
{
	struct perf_engine *e = aligned_alloc(alignof(struct perf_engine), sizeof(*e));

	if (e == NULL)
		return svart_perf_say_errno("measure the driver", -ENOMEM);
	memset(e, 0, sizeof(*e));
	*out = e;
	return 0;
}

/** Does what svart_pmd_dsa.queue_start() does, without the device. */
static int start(struct perf_engine *e, uint32_t *depth)
{
	int rc = svart_pmd_dsa_ring_create(*depth, e->records, false, &e->ring);

	if (rc != 0)
		return svart_perf_say_errno("measure the driver", rc);
	e->ring->failure = &e->failure;
	e->ring->max_transfer_bytes = UINT64_C(1) << 31;
	e->ring->plain_flags = (uint16_t)(SVART_DSA_FLAG_CRAV | SVART_DSA_FLAG_RCR);
	svart_pmd_dsa_rules_set(e->ring, UINT64_MAX, true);
	e->ring->portal_page = e->portal;
	e->ring->portal.movdir64b = complete_at_once;
	e->fast = (struct svart_queue){
		.prep = svart_pmd_dsa_prep,
		.submit = svart_pmd_dsa_submit,
		.poll = svart_pmd_dsa_poll,
		.priv = e->ring,
	};
	return 0;
}

static uint16_t submit(
	struct perf_engine *e, const struct perf_slots *slots, uint64_t n, uint16_t nr)
{
	return svart_perf_queue_submit(&e->fast, slots, n, nr);
}

static int poll_null(struct perf_engine *e, uint16_t nr)
{
	return svart_perf_queue_poll(&e->fast, nr);
}

static void stop(struct perf_engine *e)
{
	svart_pmd_dsa_ring_destroy(e->ring);
}

static void close_null(struct perf_engine *e)
{
	free(e);
}

void svart_perf_null_measure(struct perf_engine *e, const struct perf_slots *slots, uint16_t burst,
	uint32_t bursts, struct perf_null_parts *parts)
{
	struct svart_completion done[SVART_PERF_MAX_BURST];
	struct svart_op ops[SVART_PERF_MAX_BURST];
	uint64_t at[5];
	uint32_t i;

	for (i = 0; i < bursts; i++) {
		svart_perf_ops_make(ops, slots, (uint64_t)i * burst, burst);
		at[0] = rte_rdtsc();
		svart_queue_prep(&e->fast, ops, burst);
		at[1] = rte_rdtsc();
		svart_queue_submit(&e->fast);
		at[2] = rte_rdtsc();
		svart_queue_poll(&e->fast, done, burst);
		at[3] = rte_rdtsc();
		e->ring->portal.movdir64b(NULL, e->portal, e->ring->descs, burst);
		at[4] = rte_rdtsc();
		parts->prep += at[1] - at[0];
		parts->submit += at[2] - at[1];
		parts->poll += at[3] - at[2];
		parts->portal += at[4] - at[3];
	}
}

const struct perf_engine_ops svart_perf_engine_null = {
	.name = "svart-null",
	.open = open_null,
	.start = start,
	.submit = submit,
	.poll = poll_null,
	.stop = stop,
	.close = close_null,
};
