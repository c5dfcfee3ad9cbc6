/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "queue_stub.h"

static uint16_t no_prep(struct svart_queue *q, const struct svart_op *ops, uint16_t nr)
{
	(void)q;
	(void)ops;
	(void)nr;
	return 0;
}

static uint16_t no_submit(struct svart_queue *q)
{
	(void)q;
	return 0;
}

static uint16_t no_poll(struct svart_queue *q, struct svart_completion *done, uint16_t nr)
{
	(void)q;
	(void)done;
	(void)nr;
	return 0;
}

void svart_queue_disarm(struct svart_queue *q)
{
	q->prep = no_prep;
	q->submit = no_submit;
	q->poll = no_poll;
}
