/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

bool svart_fault_group_move(struct svart_fault_group *group, enum svart_fault_group_state from,
	enum svart_fault_group_state to)
{
	unsigned int expected = from;

	/*
	 * Orders what the mover wrote before (a claim counted, a code) before the new state, and the
	 * state before what he does next; pairs with every other move of this group.
	 */
	return atomic_compare_exchange_strong_explicit(
		&group->state, &expected, to, memory_order_acq_rel, memory_order_acquire);
}

void svart_fault_lose(struct svart_fault_service *s, struct svart_fault_lane *lane)
{
	if (!atomic_exchange_explicit(&lane->lost, true, memory_order_relaxed))
		svart_fault_count(&s->counters.sources_lost, 1);
}

/** Counts what was sent, and how long it took from the fetch to here. */
static void answers_count(struct svart_fault_worker *w)
{
	struct svart_fault_counters *counters = &w->service->counters;
	struct svart_fault_outbox *box = &w->outbox;
	uint64_t now = svart_fault_now(box->lane), success = 0, gone = 0;
	uint32_t i;

	for (i = 0; i < box->nr; i++) {
		if (box->gone[i]) {
			gone++;
			continue;
		}
		success += box->answers[i].code == SVART_PAGE_RESPONSE_SUCCESS;
		svart_histogram_add(&counters->latency_ns, now - box->fetched_ns[i]);
	}
	svart_fault_count(&counters->answers_gone, gone);
	svart_fault_count(&counters->answers_success, success);
	svart_fault_count(&counters->answers_invalid, box->nr - gone - success);
}

void svart_fault_flush(struct svart_fault_worker *w)
{
	struct svart_fault_outbox *box = &w->outbox;
	struct svart_fault_source *source;
	uint32_t i;

	if (box->nr == 0)
		return;
	source = box->lane->source;
	for (i = 0; i < box->nr; i++)
		box->gone[i] = false;
	if (source->ops->respond(source, box->answers, box->nr, box->gone) != 0)
		svart_fault_lose(w->service, box->lane);
	answers_count(w);
	box->nr_sent += box->nr;
	box->nr = 0;
}

void svart_fault_answer(struct svart_fault_worker *w, struct svart_fault_lane *lane,
	const struct svart_page_request *request, uint32_t code, uint64_t fetched_ns)
{
	struct svart_fault_outbox *box = &w->outbox;

	if (box->lane != lane || box->nr == SVART_FAULT_ANSWER_BURST)
		svart_fault_flush(w);
	box->lane = lane;
	box->fetched_ns[box->nr] = fetched_ns;
	box->answers[box->nr++] = (struct svart_page_response){
		.token = request->token,
		.pasid = request->pasid,
		.group_id = request->group_id,
		.flags = request->flags & SVART_PAGE_REQUEST_PASID,
		.code = code,
		.private_data = { request->private_data[0], request->private_data[1] },
	};
}

void svart_fault_answer_group(struct svart_fault_worker *w, uint32_t group, uint32_t code)
{
	struct svart_fault_service *s = w->service;
	struct svart_fault_group *g = &s->groups[group];
	const struct svart_group_node *nodes = svart_group_pool_nodes(s->pool);

	svart_fault_answer(
		w, &s->lanes[g->lane], &nodes[nodes[group].last].request, code, g->fetched_ns);
}
