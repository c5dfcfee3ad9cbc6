/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "engine.h"

#include "trace.h"

bool svart_fault_group_move(struct svart_fault_group *group, enum svart_fault_group_state from,
	enum svart_fault_group_state to)
{
	unsigned int expected = from;

	/*
	 * Orders earlier writes of the caller (a claim counted, a code) before the new state, and the
	 * state before what it does next; pairs with every other move of this group.
	 */
	return atomic_compare_exchange_strong_explicit(
		&group->state, &expected, to, memory_order_acq_rel, memory_order_acquire);
}

bool svart_fault_group_take(struct svart_fault_group *group)
{
	unsigned int state = atomic_load_explicit(&group->state, memory_order_relaxed);

	/* Its worker may put it aside between two tries, which leads back to QUEUED. */
	while (state == SVART_FAULT_GROUP_QUEUED || state == SVART_FAULT_GROUP_RESOLVING)
		if (atomic_compare_exchange_weak_explicit(&group->state, &state,
			    SVART_FAULT_GROUP_ANSWERED, memory_order_acq_rel, memory_order_acquire))
			return true;
	return false;
}

void svart_fault_lose(struct svart_fault_lane *lane, enum svart_fault_loss loss, int value)
{
	struct svart_fault_source *source = lane->source;

	if (atomic_exchange_explicit(&lane->lost, true, memory_order_relaxed))
		return;
	svart_fault_count(&svart_fault_counters(lane)->sources_lost, 1);
	if (source->lost != NULL)
		source->lost(source->owner, loss, value);
}

static void answer_trace(const struct svart_fault_outbox *box, uint32_t i, uint64_t now)
{
	const struct svart_page_response *answer = &box->answers[i];
	uint32_t pasid = answer->flags & SVART_PAGE_REQUEST_PASID ? answer->pasid : UINT32_MAX;

	svart_trace_page_response(box->lane->source->device, pasid, answer->group_id, answer->token,
		answer->flags, answer->code, box->gone[i], now - box->fetched_ns[i]);
}

/** Counts the answers that were sent, and the time that each took since the fetch. */
static void answers_count(const struct svart_fault_outbox *box)
{
	struct svart_fault_counters *n = svart_fault_counters(box->lane);
	uint64_t now = svart_fault_now(box->lane), success = 0, gone = 0;
	uint32_t i;

	for (i = 0; i < box->nr; i++) {
		answer_trace(box, i, now);
		if (box->gone[i]) {
			gone++;
			continue;
		}
		success += box->answers[i].code == SVART_PAGE_RESPONSE_SUCCESS;
		svart_histogram_add(&n->latency_ns, now - box->fetched_ns[i]);
	}
	svart_fault_count(&n->answers_gone, gone);
	svart_fault_count(&n->answers_success, success);
	svart_fault_count(&n->answers_invalid, box->nr - gone - success);
}

void svart_fault_flush(struct svart_fault_worker *w)
{
	struct svart_fault_outbox *box = &w->outbox;
	struct svart_fault_source *source;
	uint32_t i;
	int rc;

	if (box->nr == 0)
		return;
	source = box->lane->source;
	for (i = 0; i < box->nr; i++)
		box->gone[i] = false;
	rc = source->ops->respond(source, box->answers, box->nr, box->gone);
	if (rc != 0)
		svart_fault_lose(box->lane, SVART_FAULT_LOSS_RESPOND, -rc);
	answers_count(box);
	if (box->lane->wing != NULL)
		box->lane->wing->sent(box);
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
		.flags = request->flags & (SVART_PAGE_REQUEST_PASID | SVART_PAGE_REQUEST_LAST |
						  SVART_PAGE_REQUEST_NEEDS_RESPONSE),
		.code = code,
		.private_data = { request->private_data[0], request->private_data[1] },
	};
}

void svart_fault_answer_group(struct svart_fault_worker *w, uint32_t group, uint32_t code)
{
	struct svart_fault_service *s = w->service;
	const struct svart_page_request *last = svart_fault_last(s, group);
	const struct svart_fault_group *g = &s->groups[group];

	if (svart_page_request_is_owed(last))
		svart_fault_answer(w, &s->lanes[g->lane], last, code, g->fetched_ns);
}
