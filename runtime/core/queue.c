/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "error.h"

/** Polls of memory before a wait first yields: long enough for a device that is about done. */
#define SPINS_BEFORE_PAUSE 64

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

static struct svart_core_queue *core_of(const struct svart_queue *q)
{
	return (struct svart_core_queue *)(uintptr_t)q; /* It is the first member of the first. */
}

static int find_index(const struct svart_device *dev, uint32_t *index)
{
	uint32_t i;

	for (i = 0; i < dev->pmd.caps.nr_queues; i++) {
		if (dev->queues[i] == NULL) {
			*index = i;
			return 0;
		}
	}
	return svart_fail(-ENOSPC,
		"all %u queues of %s are in use: destroy one, or open the device with "
		"queues=N",
		dev->pmd.caps.nr_queues, dev->name);
}

static int check_params(struct svart_device *dev, const struct svart_queue_params *params,
	struct svart_core_queue *q)
{
	q->pmd.depth = params->depth != 0 ? params->depth : dev->pmd.caps.queue_depth;
	if (q->pmd.depth > dev->pmd.caps.queue_depth)
		return svart_fail(-EINVAL, "queue depth %u: %s has 1 to %u", q->pmd.depth,
			dev->name, dev->pmd.caps.queue_depth);
	q->attachment = svart_attachment_find(dev, params->space);
	if (q->attachment == NULL)
		return svart_fail(-ENOENT,
			"%s is not attached to the queue's space: call "
			"svart_device_attach() first",
			dev->name);
	return find_index(dev, &q->pmd.index);
}

static int start_queue(struct svart_device *dev, const struct svart_queue_params *params,
	struct svart_core_queue *q)
{
	int rc = check_params(dev, params, q);

	if (rc != 0)
		return rc;
	q->dev = dev;
	q->pmd.dev = &dev->pmd;
	q->pmd.pasid = q->attachment->pasid;
	svart_queue_disarm(&q->pmd.fast);
	rc = dev->ops->queue_start(&q->pmd);
	if (rc != 0)
		return rc;
	if (!dev->pmd.page_requests)
		rc = svart_held_queue_create(&q->pmd, q->attachment->space, &q->held);
	if (rc != 0) {
		dev->ops->queue_stop(&q->pmd);
		return rc;
	}
	dev->queues[q->pmd.index] = q;
	q->attachment->nr_queues++;
	return 0;
}

int svart_queue_create(
	struct svart_device *dev, const struct svart_queue_params *params, struct svart_queue **out)
{
	static const struct svart_queue_params defaults;
	struct svart_core_queue *q;
	int rc = svart_check_alive(dev->rt);

	if (rc != 0)
		return rc;
	if (params == NULL)
		params = &defaults;
	q = aligned_alloc(_Alignof(struct svart_core_queue), sizeof(*q));
	if (q == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	memset(q, 0, sizeof(*q));
	pthread_mutex_lock(&dev->rt->lock);
	rc = start_queue(dev, params, q);
	pthread_mutex_unlock(&dev->rt->lock);
	if (rc != 0) {
		free(q);
		return rc;
	}
	*out = &q->pmd.fast;
	return 0;
}

int svart_queue_destroy(struct svart_queue *fast)
{
	struct svart_core_queue *q = core_of(fast);
	struct svart_device *dev = q->dev;
	int rc = svart_check_alive(dev->rt);

	if (rc != 0)
		return rc;
	svart_queue_disarm(fast);
	pthread_mutex_lock(&dev->rt->lock);
	dev->ops->queue_stop(&q->pmd);
	if (q->held != NULL)
		svart_held_queue_destroy(q->held);
	dev->queues[q->pmd.index] = NULL;
	q->attachment->nr_queues--;
	pthread_mutex_unlock(&dev->rt->lock);
	free(q);
	return 0;
}

static uint32_t in_flight(const struct svart_core_queue *q)
{
	return q->held != NULL ? svart_held_queue_in_flight(q->held)
			       : q->dev->ops->queue_in_flight(&q->pmd);
}

static void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

uint16_t svart_queue_wait(
	struct svart_queue *fast, struct svart_completion *done, uint16_t nr, uint64_t timeout_ns)
{
	struct svart_core_queue *q = core_of(fast);
	struct svart_machine *m = q->dev->slot->m;
	uint64_t now = m->ops->now_ns(m);
	uint64_t deadline = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
	unsigned int spins = 0;
	uint16_t got;

	if (nr == 0)
		return 0;
	for (;;) {
		fast->submit(fast);
		got = fast->poll(fast, done, nr);
		if (got != 0 || in_flight(q) == 0)
			return got;
		/* In a forked child the device is the parent's: nothing will ever come. */
		if (atomic_load_explicit(&q->dev->rt->dead, memory_order_relaxed))
			return 0;
		if (spins++ < SPINS_BEFORE_PAUSE) {
			cpu_relax();
			continue;
		}
		if (m->ops->now_ns(m) >= deadline)
			return 0;
		svart_pause(m, deadline);
	}
}

uint32_t svart_queue_in_flight(const struct svart_queue *fast)
{
	return in_flight(core_of(fast));
}

enum svart_queue_state svart_queue_state_get(const struct svart_queue *fast)
{
	const struct svart_core_queue *q = core_of(fast);

	return q->dev->ops->queue_failed(&q->pmd) ? SVART_QUEUE_FAILED : SVART_QUEUE_RUNNING;
}

int svart_queue_error_get(const struct svart_queue *fast, struct svart_queue_error *error)
{
	const struct svart_core_queue *q = core_of(fast);

	if (!q->dev->ops->queue_failed(&q->pmd))
		return svart_fail(-ENODATA, "the queue has not failed");
	q->dev->ops->queue_error(&q->pmd, error);
	return 0;
}
