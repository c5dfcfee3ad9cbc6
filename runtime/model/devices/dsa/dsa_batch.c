/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Batches (DSA spec 3.8): a list of descriptors in memory, which one engine does in order. Hardware may
 * do them in any order, but for fences; so software must not tell the difference. A batch's descriptors
 * are of its PASID and privilege, whatever they say.
 */

#include <errno.h>

#include "bits.h"
#include "dsa_model.h"

void svart_dsa_batch_begin(struct dsa_engine *e)
{
	e->batch = (struct dsa_batch){ .desc = e->desc, .count = e->desc.desc_count };
	e->state = DSA_ENGINE_BATCH;
}

/* Makes the batch's descriptor the engine's: what misses a page of the list, or ends. */
static void batch_own(struct dsa_engine *e)
{
	e->desc = e->batch.desc;
	e->done = 0;
	e->backward = false;
}

static void batch_end(struct dsa *d, struct dsa_engine *e, unsigned int status, uint64_t fault_addr)
{
	const struct svart_dsa_record record = {
		.status = (uint8_t)status,
		.result = e->batch.failed,
		.descs_completed = e->batch.next,
		.fault_addr = fault_addr,
	};

	batch_own(e);
	e->batch.count = 0;
	svart_dsa_engine_complete(d, e, &record);
}

void svart_dsa_batch_fault(struct dsa *d, struct dsa_engine *e, uint64_t addr)
{
	batch_end(d, e, SVART_DSA_STATUS_BATCH_PAGE_FAULT, addr);
}

static void list_reach(struct dsa_engine *e)
{
	if (e->reach == DSA_REACH_LIST)
		return;
	batch_own(e);
	e->reach = DSA_REACH_LIST;
	e->fault_tries = 0;
}

/* A descriptor is aligned, so it is in one page. Returns 1, 0 if that is missing, or -errno. */
static int list_read(struct dsa *d, struct dsa_engine *e, uint64_t addr, uint64_t bytes)
{
	const struct dsa_span span = {
		.addr = addr,
		.ahead = bytes,
		.recent = &e->recent[DSA_RECENT_LIST],
	};
	const struct svart_bus_ops *ops = d->bus->ops;
	uint64_t translated;
	int64_t run = e->untranslated
			      ? -EOPNOTSUPP
			      : svart_dsa_atc_run(d, e->pasid, &span, sizeof(e->desc), &translated);
	int rc;

	if (run == -EOPNOTSUPP)
		rc = ops->dma_read(d->bus, e->pasid, addr, &e->desc, sizeof(e->desc));
	else if (run <= 0)
		return (int)run;
	else
		rc = ops->read(d->bus, translated, &e->desc, sizeof(e->desc));
	return rc == 0 ? 1 : rc;
}

static bool batch_fetch(struct dsa *d, struct dsa_engine *e)
{
	uint64_t off = (uint64_t)e->batch.next * sizeof(e->desc);
	const struct dsa_miss miss = {
		.addr = e->batch.desc.desc_list_addr + off,
		.bytes = (uint64_t)e->batch.count * sizeof(e->desc) - off,
	};
	int rc;

	list_reach(e);
	rc = list_read(d, e, miss.addr, miss.bytes);
	if (rc > 0)
		return true;
	if (rc == 0)
		svart_dsa_fault_raise(d, e, &miss, 1);
	else if (rc == -EPERM)
		svart_dsa_master_lost(d);
	else if (rc == -EFAULT)
		svart_dsa_batch_fault(d, e, miss.addr);
	else
		batch_end(d, e, SVART_DSA_STATUS_HW_ERROR, miss.addr);
	return false;
}

/* All before a fence has ended, and is seen; after a failure what is behind it is not begun. */
static bool fence_passes(struct dsa *d, const struct dsa_engine *e)
{
	if (!svart_dsa_engine_flag(e, SVART_DSA_FLAG_FENCE))
		return true;
	svart_dsa_records_flush(d);
	return !e->batch.failed;
}

bool svart_dsa_batch_next(struct dsa *d, struct dsa_engine *e)
{
	if (e->batch.next < e->batch.count) {
		if (!batch_fetch(d, e))
			return false;
		if (fence_passes(d, e)) {
			e->batch.next++;
			return true;
		}
	}
	batch_end(d, e, e->batch.failed ? SVART_DSA_STATUS_BATCH_FAILED : SVART_DSA_STATUS_SUCCESS,
		0);
	return false;
}
