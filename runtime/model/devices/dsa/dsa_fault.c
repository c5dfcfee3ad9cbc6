/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Page request groups (PCIe 6.0, 10.4). A group asks for the page that is needed, first, and for
 * missing pages after it. A group that was refused for a page that is not needed yet must not fail the
 * operation: the needed page is then asked for alone.
 *
 * A queue that is full drops requests, and the IOMMU answers a LAST that it drops by itself, with
 * success (VT-d 7.4.1, SMMUv3 8.1), mostly at once. So an answer from within the request does not count as
 * a try; after two that did not bring what is needed nothing else is asked for, and ever later, to
 * leave software time to see the overflow. What was answered is looked at without delay: where few
 * pages may be pinned, the next answers take it away again. Such manners are this model's: no
 * specification asks for them, so each can be had without (prg_rest=off, prg_ahead=always). Where requests
 * are accesses that wait, none is for a page that is not needed yet.
 */

#include <errno.h>
#include <string.h>

#include "bits.h"
#include "dsa_model.h"

/* Block-on-fault is about the operands: a record is waited for, where pages can be asked for at all. */
static bool engine_blocks(const struct dsa_engine *e)
{
	if ((e->wq->cfg[2] & SVART_DSA_WQCFG2_PRS_DISABLE) != 0)
		return false;
	return e->reach == DSA_REACH_RECORD ||
	       (svart_dsa_engine_flag(e, SVART_DSA_FLAG_BOF) &&
		       (e->wq->cfg[2] & SVART_DSA_WQCFG2_BLOCK_ON_FAULT) != 0);
}

static void group_add(struct dsa_prg *prg, uint64_t page, bool write)
{
	for (unsigned int i = 0; i < prg->nr; i++) {
		if (prg->pages[i] == page) {
			prg->write |= (uint64_t)write << i;
			return;
		}
	}
	prg->write |= (uint64_t)write << prg->nr;
	prg->pages[prg->nr++] = page;
}

/* How many pages to look at from the missing one on, and which is the lowest. */
static unsigned int miss_window(
	const struct dsa_miss *miss, bool backward, unsigned int most, uint64_t *lowest)
{
	uint64_t page = svart_page_down(miss->addr);
	uint64_t end = backward ? svart_page_down(miss->addr - (miss->bytes - 1))
				: svart_page_down(miss->addr + (miss->bytes - 1));
	uint64_t away = backward ? page - end : end - page;
	uint64_t nr = (away >> SVART_PAGE_SHIFT) + 1;

	/* An operand that wraps around the end of memory is asked for page by page. */
	if (backward ? end > page : end < page)
		nr = 1;
	if (nr > most)
		nr = most;
	*lowest = backward ? page - (nr - 1) * SVART_PAGE_SIZE : page;
	return (unsigned int)nr;
}

/* Adds the pages that are missing after the first one. */
static int group_add_ahead(
	struct dsa *d, struct dsa_engine *e, const struct dsa_miss *miss, unsigned int most)
{
	struct svart_ats_entry entries[DSA_MAX_PRG_PAGES];
	uint64_t lowest;
	unsigned int nr = miss_window(miss, e->backward, most, &lowest);
	int rc;

	if (nr <= 1)
		return 0;
	rc = svart_dsa_atc_fill(d, e->pasid, lowest, nr, miss->write, entries);
	if (rc < 0)
		return rc;
	for (unsigned int i = 1; i < nr; i++) {
		unsigned int at = e->backward ? nr - 1 - i : i;

		if (miss->write ? !entries[at].write : !entries[at].read)
			group_add(&e->prg, lowest + at * SVART_PAGE_SIZE, miss->write);
	}
	return 0;
}

/* Whether the next group may have pages that are not needed yet. */
static bool may_ask_ahead(const struct dsa *d, const struct dsa_engine *e)
{
	const struct svart_bus_ops *ops = d->bus->ops;

	if (ops->stalls != NULL && ops->stalls(d->bus))
		return false;
	return e->fault_tries <= 2 || d->options.prg_ahead != 0;
}

/*
 * All that is needed first, then what is ahead, on the first two tries unless it is told otherwise; never
 * more than prg_pages.
 */
static int group_build(
	struct dsa *d, struct dsa_engine *e, const struct dsa_miss *misses, unsigned int nr)
{
	unsigned int most = d->options.prg_pages;
	int rc = 0;

	e->prg = (struct dsa_prg){ .fault_addr = misses[0].addr };
	if (e->ask_one || most < nr)
		nr = most = 1;
	else if (!may_ask_ahead(d, e))
		most = nr;
	e->ask_one = false;
	for (unsigned int i = 0; i < nr; i++)
		group_add(&e->prg, svart_page_down(misses[i].addr), misses[i].write);
	for (unsigned int i = 0; i < nr && rc == 0; i++)
		rc = group_add_ahead(d, e, &misses[i], most / nr);
	return rc;
}

/*
 * Steps to leave software between answers that did not help and the next request. Not the same for all
 * engines: where memory has room for one of them they must not go on taking it from each other.
 */
static uint32_t rest_after(const struct dsa_engine *e, uint32_t answers)
{
	uint64_t operation = (e->desc.completion_addr ^ e->desc.dst) + e->index;
	uint32_t shift = answers < DSA_MAX_REST_SHIFT ? answers : DSA_MAX_REST_SHIFT;

	if (answers < 2)
		return 0;
	/* A multiplicative hash (Knuth, 6.4). */
	return (UINT32_C(1) << shift) +
	       (uint32_t)(operation * UINT64_C(0x9e3779b97f4a7c15) >> (64 - shift));
}

void svart_dsa_fault_raise(
	struct dsa *d, struct dsa_engine *e, const struct dsa_miss *misses, unsigned int nr)
{
	int rc;

	if (!engine_blocks(e)) {
		svart_dsa_engine_fault(
			d, e, SVART_DSA_STATUS_PAGE_FAULT, misses[0].addr, misses[0].write);
		return;
	}
	if (e->fault_tries++ >= DSA_MAX_FAULT_TRIES) {
		svart_dsa_engine_fault(d, e, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, misses[0].addr,
			misses[0].write);
		return;
	}
	rc = group_build(d, e, misses, nr);
	if (rc == -EPERM) {
		svart_dsa_master_lost(d);
		return;
	}
	/* Any other error: what was found is asked for. */
	e->state = DSA_ENGINE_SEND;
	e->rest = d->options.prg_rest != 0 ? rest_after(e, e->fault_tries - 1) : 0;
	if (e->rest == 0)
		svart_dsa_fault_send(d, e);
}

static bool prgi_alloc(struct dsa *d, uint16_t *prgi)
{
	for (unsigned int i = 0; i < DSA_NR_PRGI; i++) {
		uint16_t at = (uint16_t)((d->next_prgi + i) % DSA_NR_PRGI);

		if (d->prgs[at].owner == 0) {
			*prgi = at;
			d->next_prgi = (uint16_t)((at + 1) % DSA_NR_PRGI);
			return true;
		}
	}
	return false;
}

static void prgi_free(struct dsa *d, uint16_t prgi)
{
	d->requests_open -= d->prgs[prgi].sent;
	d->prgs[prgi].sent = 0;
	d->prgs[prgi].owner = 0;
}

/* Requests that may be sent now. */
static uint32_t requests_left(const struct dsa *d)
{
	const struct svart_bus_ops *ops = d->bus->ops;
	uint32_t most = ops->pri_allocation != NULL ? ops->pri_allocation(d->bus)
						    : svart_dsa_model.pri_capacity;

	return most > d->requests_open ? most - d->requests_open : 0;
}

/* Takes a PRG index for a group that fits what may be sent. */
static bool group_open(struct dsa *d, struct dsa_engine *e)
{
	struct dsa_prg *prg = &e->prg;
	uint32_t left = requests_left(d);

	/* With none open, nothing will change: the bus says what is wrong. */
	if (left == 0 && d->requests_open == 0)
		left = 1;
	if (left == 0 || !prgi_alloc(d, &prg->prgi))
		return false;
	if (prg->nr > left)
		prg->nr = (uint8_t)left;
	d->prgs[prg->prgi].owner = (uint8_t)(e->index + 1);
	d->prgs[prg->prgi].pasid = e->pasid;
	return true;
}

/* Sends the next request. The response may come from within, so all is in its place before. */
static int group_send_one(struct dsa *d, struct dsa_engine *e)
{
	struct dsa_prg *prg = &e->prg;
	enum dsa_engine_state before = e->state;
	unsigned int at = prg->sent;
	/* A write is asked for as read and write, as real parts do. */
	const struct svart_bus_page_request request = {
		.pasid = e->pasid,
		.addr = prg->pages[at],
		.prgi = prg->prgi,
		.read = true,
		.write = (prg->write >> at & 1) != 0,
		.priv = e->priv,
		.last = at + 1 == prg->nr,
	};
	int rc;

	prg->sent++;
	d->prgs[prg->prgi].sent++;
	d->requests_open++;
	if (request.last) {
		if (before == DSA_ENGINE_CLOSE)
			d->prgs[prg->prgi].owner = DSA_PRG_ORPHAN;
		e->state = before == DSA_ENGINE_CLOSE ? DSA_ENGINE_IDLE : DSA_ENGINE_BLOCKED;
	}
	rc = d->bus->ops->page_request(d->bus, &request);
	if (rc < 0) {
		prg->sent--;
		d->prgs[prg->prgi].sent--;
		d->prgs[prg->prgi].owner = (uint8_t)(e->index + 1);
		d->requests_open--;
		e->state = before;
	} else if (e->state == DSA_ENGINE_RUN && !prg->refused) {
		/* Nobody has seen it. */
		e->fault_tries--;
	}
	return rc;
}

/* The bus takes no requests: nothing will ever answer this group. */
static void group_fail(struct dsa *d, struct dsa_engine *e, int rc)
{
	struct dsa_prg *prg = &e->prg;

	prgi_free(d, prg->prgi);
	if (e->state == DSA_ENGINE_CLOSE) {
		e->state = DSA_ENGINE_IDLE;
	} else if (rc != -EPERM) {
		prg->sent = 0;
		svart_dsa_engine_fault(d, e, SVART_DSA_STATUS_PAGE_FAULT_RESPONSE, prg->fault_addr,
			(prg->write & 1) != 0);
	}
	if (rc == -EPERM)
		svart_dsa_master_lost(d);
}

bool svart_dsa_fault_send(struct dsa *d, struct dsa_engine *e)
{
	struct dsa_prg *prg = &e->prg;
	uint32_t left = d->options.prg_rate;
	bool moved = false;

	if (e->rest > 0) {
		e->rest--;
		return true;
	}
	if (prg->sent == 0 && !group_open(d, e))
		return false;
	/* With a rate other engines' requests come in between. */
	for (; left > 0 && (e->state == DSA_ENGINE_SEND || e->state == DSA_ENGINE_CLOSE); left--) {
		int rc = group_send_one(d, e);

		if (rc == -EBUSY) {
			/* The rest can be asked for later; what was sent needs its LAST. */
			if (prg->sent == 0)
				prgi_free(d, prg->prgi);
			else
				prg->nr = (uint8_t)(prg->sent + 1);
			return moved;
		}
		moved = true;
		if (rc < 0) {
			group_fail(d, e, rc);
			return true;
		}
	}
	return moved;
}

void svart_dsa_fault_response(
	struct dsa *d, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	struct dsa_engine *e;
	uint8_t owner;

	if (prgi >= DSA_NR_PRGI)
		return;
	owner = d->prgs[prgi].owner;
	if (owner == 0 || d->prgs[prgi].pasid != pasid)
		return;
	if (owner == DSA_PRG_ORPHAN) {
		prgi_free(d, prgi);
		return;
	}
	e = &d->engines[owner - 1];
	/* Before its LAST was sent a group cannot have been answered. */
	if (e->state != DSA_ENGINE_BLOCKED)
		return;
	prgi_free(d, prgi);
	e->prg.refused = code != SVART_BUS_PRG_SUCCESS;
	e->state = DSA_ENGINE_RUN;
}

void svart_dsa_fault_orphan(struct dsa *d, struct dsa_engine *e)
{
	struct dsa_prg *prg = &e->prg;

	if (e->state == DSA_ENGINE_BLOCKED) {
		d->prgs[prg->prgi].owner = DSA_PRG_ORPHAN;
		e->state = DSA_ENGINE_IDLE;
	} else if (e->state == DSA_ENGINE_SEND && prg->sent > 0) {
		/* The IOMMU holds a part of the group: it must be ended to be answered. */
		prg->nr = (uint8_t)(prg->sent + 1);
		e->state = DSA_ENGINE_CLOSE;
	} else if (e->state != DSA_ENGINE_CLOSE) {
		e->state = DSA_ENGINE_IDLE;
	}
}

void svart_dsa_fault_reset(struct dsa *d)
{
	memset(d->prgs, 0, sizeof(d->prgs));
	d->requests_open = 0;
	for (unsigned int i = 0; i < DSA_MAX_ENGINES; i++) {
		d->engines[i].state = DSA_ENGINE_IDLE;
		d->engines[i].batch.count = 0;
	}
}
