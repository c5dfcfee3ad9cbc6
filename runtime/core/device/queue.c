/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "attach.h"
#include "device_state.h"
#include "error.h"
#include "held_queue.h"
#include "loss.h"
#include "machine.h"
#include "queue_stub.h"
#include "service.h"
#include "sized.h"

/** Polls of memory before a wait first yields: this is long enough for a device that is almost done. */
#define SPINS_BEFORE_PAUSE 64
/**
 * Time between two looks at the device's registers, in a wait that finds nothing: each look takes some
 * reads.
 */
#define LOOK_NS UINT64_C(1000000)
/** Flags that a queue may have. */
#define QUEUE_FLAGS ((uint32_t)(SVART_QUEUE_UNORDERED | SVART_QUEUE_EVENTS | SVART_QUEUE_BATCHES))
/** Time between two looks that take system calls. */
#define LOOK_DEEP_NS UINT64_C(10000000)

static const struct svart_sized params_sized =
	SVART_SIZED(svart_queue_params, space, SVART_QUEUE_PARAMS_INIT);
static const struct svart_sized error_sized =
	SVART_SIZED(svart_queue_error, text, SVART_QUEUE_ERROR_INIT);

static struct svart_core_queue *core_of(const struct svart_queue *q)
{
	return (struct svart_core_queue *)(uintptr_t)q; /* First member of the first member. */
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

/** What is not of the depth and the space. @return 0 or -EINVAL, told. */
static int check_ways(const struct svart_device *dev, const struct svart_queue_params *params)
{
	if ((params->flags & ~QUEUE_FLAGS) != 0)
		return svart_fail(-EINVAL,
			"queue flags 0x%x of %s: only bits of enum svart_queue_flag may be set",
			params->flags, dev->name);
	if (params->priority > SVART_PMD_MAX_PRIORITY)
		return svart_fail(-EINVAL, "queue priority %u of %s: 1 to %u, or 0 for none",
			params->priority, dev->name, SVART_PMD_MAX_PRIORITY);
	if (params->priority != 0 && (dev->pmd.caps.features & SVART_FEATURE_PRIORITY) == 0)
		return svart_fail(-ENOTSUP, "queue priority %u: queues of %s have none, leave it 0",
			params->priority, dev->name);
	if ((params->flags & SVART_QUEUE_BATCHES) != 0 &&
		(dev->pmd.caps.features & SVART_FEATURE_BATCHES) == 0)
		return svart_fail(-ENOTSUP,
			"SVART_QUEUE_BATCHES: %s takes operations one by one, leave it out",
			dev->name);
	if ((params->flags & SVART_QUEUE_EVENTS) != 0 &&
		(dev->pmd.caps.features & SVART_FEATURE_EVENTS) == 0)
		return svart_fail(-ENOTSUP,
			"SVART_QUEUE_EVENTS: %s raises no interrupts, wait by svart_queue_wait()",
			dev->name);
	return 0;
}

/** Makes the eventfd of a queue that is to have one. @return 0 or -errno, told. */
static int event_open(struct svart_core_queue *q)
{
	struct svart_machine *m = q->dev->pmd.machine;

	q->pmd.event_fd = -1;
	if ((q->pmd.flags & SVART_QUEUE_EVENTS) == 0)
		return 0;
	q->pmd.event_fd = m->ops->eventfd(m, 0, EFD_CLOEXEC | EFD_NONBLOCK);
	return q->pmd.event_fd >= 0
		       ? 0
		       : svart_fail(q->pmd.event_fd, "no eventfd for a queue of %s: %s",
				 q->dev->name, strerror(-q->pmd.event_fd));
}

static void event_close(struct svart_core_queue *q)
{
	struct svart_machine *m = q->dev->pmd.machine;

	if (q->pmd.event_fd >= 0)
		m->ops->close(m, q->pmd.event_fd);
	q->pmd.event_fd = -1;
}

static int check_params(struct svart_device *dev, const struct svart_queue_params *params,
	struct svart_core_queue *q)
{
	int rc = check_ways(dev, params);

	if (rc != 0)
		return rc;
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
	int rc = svart_device_check_there(dev);

	if (rc == 0)
		rc = check_params(dev, params, q);
	if (rc != 0)
		return rc;
	q->dev = dev;
	q->pmd.dev = &dev->pmd;
	q->pmd.pasid = q->attachment->pasid;
	/* What holds memory finds an operation by its place. */
	q->pmd.flags = params->flags;
	if (!dev->pmd.page_requests)
		q->pmd.flags &= ~(uint32_t)SVART_QUEUE_UNORDERED;
	q->pmd.priority = params->priority;
	svart_queue_disarm(&q->pmd.fast);
	rc = event_open(q);
	if (rc != 0)
		return rc;
	rc = dev->ops->queue_start(&q->pmd);
	if (rc != 0)
		goto close_event;
	if (!dev->pmd.page_requests)
		rc = svart_held_queue_create(&q->pmd, q->attachment->space, &q->held);
	if (rc != 0)
		goto stop;
	dev->queues[q->pmd.index] = q;
	atomic_fetch_add(&dev->nr_queues, 1);
	q->attachment->nr_queues++;
	svart_device_lost_again(dev);
	return 0;

stop:
	dev->ops->queue_stop(&q->pmd);
close_event:
	event_close(q);
	return rc;
}

int svart_queue_create(
	struct svart_device *dev, const struct svart_queue_params *given, struct svart_queue **out)
{
	struct svart_queue_params params;
	struct svart_core_queue *q;
	int rc = svart_check_alive(dev->rt);

	if (rc == 0)
		rc = svart_sized_in(&params_sized, &params, given);
	if (rc != 0)
		return rc;
	q = aligned_alloc(_Alignof(struct svart_core_queue), sizeof(*q));
	if (q == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	memset(q, 0, sizeof(*q));
	pthread_mutex_lock(&dev->rt->lock);
	rc = start_queue(dev, &params, q);
	pthread_mutex_unlock(&dev->rt->lock);
	if (rc != 0) {
		free(q);
		return rc;
	}
	*out = &q->pmd.fast;
	return 0;
}

static uint32_t in_flight(const struct svart_core_queue *q)
{
	if (q->stopped)
		return 0;
	return q->held != NULL ? svart_held_queue_in_flight(q->held)
			       : q->dev->ops->queue_in_flight(&q->pmd);
}

static bool has_failed(const struct svart_core_queue *q)
{
	return q->stopped || q->dev->ops->queue_failed(&q->pmd);
}

/** Stops the hardware queue, unless that is done, and frees the driver's part. */
static void stop_queue(struct svart_core_queue *q)
{
	struct svart_device *dev = q->dev;

	if (q->stopped)
		return;
	/* An operation that has completed normally waits for no page. */
	q->asks_late = q->attachment->source != NULL && (has_failed(q) || in_flight(q) != 0);
	dev->ops->queue_stop(&q->pmd);
	event_close(q);
	q->stopped = true;
	if (q->held != NULL)
		svart_held_queue_destroy(q->held);
	q->held = NULL;
}

/**
 * Makes sure that nothing more is mapped for the page requests that the queue sent before it was stopped:
 * the memory of its operations is about to be the program's again, which may forget it and free it. The
 * lock is not held, because another thread may be mapping a page that takes long to come. The queue keeps
 * its attachment meanwhile. @return 0 or -EBUSY, told.
 */
static int end_requests(const struct svart_core_queue *q)
{
	int rc = 0;

	if (q->asks_late)
		rc = svart_fault_service_ask_again(q->dev->faults, q->attachment->source);
	return rc == 0 ? 0
		       : svart_fail_prefix(
				 rc, "a queue of %s is not taken back yet: ", q->dev->name);
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
	svart_device_tell_lost(dev);
	stop_queue(q);
	pthread_mutex_unlock(&dev->rt->lock);
	rc = end_requests(q);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&dev->rt->lock);
	dev->queues[q->pmd.index] = NULL;
	atomic_fetch_sub(&dev->nr_queues, 1);
	q->attachment->nr_queues--;
	pthread_mutex_unlock(&dev->rt->lock);
	free(q);
	return 0;
}

static void cpu_relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/**
 * Looks whether the device is lost when a wait has found nothing so far. It does so only now and then, so
 * that many short waits, one after the other, cost no more.
 */
static void look(struct svart_core_queue *q, uint64_t now)
{
	struct svart_device *dev = q->dev;

	if (q->look_ns == 0) {
		q->look_ns = now + LOOK_NS;
		q->look_deep_ns = now + LOOK_DEEP_NS;
	}
	if (now < q->look_ns)
		return;
	q->look_ns = now + LOOK_NS;
	dev->ops->check(&dev->pmd);
	if (now >= q->look_deep_ns) {
		q->look_deep_ns = now + LOOK_DEEP_NS;
		svart_device_look(dev, q->attachment);
	}
	svart_device_tell_lost(dev);
}

/** A wait for any of some queues. Owner: the waiting thread. */
struct wait {
	struct svart_queue *const *queues;
	uint32_t nr;
	uint32_t at; /* The queue that is looked at first. */
	struct svart_machine *m;
	uint64_t deadline;
	struct svart_completion *done;
	uint16_t nr_done;
};

/** Submits and polls each queue. @return how many completions, of queue `at`; busy: something is in flight. */
static uint16_t wait_poll(struct wait *w, bool *busy)
{
	struct svart_queue *q;
	uint32_t i, at;
	uint16_t got;

	*busy = false;
	for (i = 0; i < w->nr; i++) {
		at = (w->at + i) % w->nr;
		q = w->queues[at];
		q->submit(q);
		got = q->poll(q, w->done, w->nr_done);
		if (got != 0) {
			w->at = at;
			return got;
		}
		*busy |= in_flight(core_of(q)) != 0;
	}
	return 0;
}

/** In a forked child the devices are the parent's: nothing will ever come. */
static bool is_dead(const struct wait *w)
{
	return atomic_load_explicit(&core_of(w->queues[0])->dev->rt->dead, memory_order_relaxed);
}

static uint16_t wait_any(struct wait *w)
{
	unsigned int spins = 0;
	uint64_t now;
	uint32_t i;
	uint16_t got;
	bool busy;

	for (;;) {
		got = wait_poll(w, &busy);
		if (got != 0 || !busy) {
			for (i = 0; i < w->nr; i++)
				core_of(w->queues[i])->look_ns = 0;
			return got;
		}
		if (is_dead(w))
			return 0;
		if (spins++ < SPINS_BEFORE_PAUSE) {
			cpu_relax();
			continue;
		}
		now = w->m->ops->now_ns(w->m);
		/* Also where the time is over already: waits may be that short on a slow machine, all of them. */
		for (i = 0; i < w->nr; i++)
			look(core_of(w->queues[i]), now);
		if (now >= w->deadline)
			return 0;
		svart_pause(w->m, w->deadline);
	}
}

uint16_t svart_queues_wait(struct svart_queue *const *queues, uint32_t nr_queues, uint32_t *which,
	struct svart_completion *done, uint16_t nr, uint64_t timeout_ns)
{
	struct wait w = { .queues = queues, .nr = nr_queues, .done = done, .nr_done = nr };
	uint64_t now;
	uint16_t got;

	if (nr == 0 || nr_queues == 0)
		return 0;
	w.m = core_of(queues[0])->dev->pmd.machine;
	w.at = *which < nr_queues ? *which + 1 : 0;
	now = w.m->ops->now_ns(w.m);
	w.deadline = timeout_ns < UINT64_MAX - now ? now + timeout_ns : UINT64_MAX;
	got = wait_any(&w);
	if (got != 0)
		*which = w.at;
	return got;
}

uint16_t svart_queue_wait(
	struct svart_queue *fast, struct svart_completion *done, uint16_t nr, uint64_t timeout_ns)
{
	uint32_t which = 0;

	return svart_queues_wait(&fast, 1, &which, done, nr, timeout_ns);
}

int svart_queue_event_fd(const struct svart_queue *fast)
{
	const struct svart_core_queue *q = core_of(fast);

	return q->pmd.event_fd >= 0 ? q->pmd.event_fd
				    : svart_fail(-ENOTSUP, "the queue was created without "
							   "SVART_QUEUE_EVENTS: it has no eventfd");
}

uint32_t svart_queue_in_flight(const struct svart_queue *fast)
{
	return in_flight(core_of(fast));
}

enum svart_queue_state svart_queue_state_get(const struct svart_queue *fast)
{
	const struct svart_core_queue *q = core_of(fast);

	return has_failed(q) ? SVART_QUEUE_FAILED : SVART_QUEUE_RUNNING;
}

int(svart_queue_error_get)(const struct svart_queue *fast, struct svart_queue_error *given)
{
	const struct svart_core_queue *q = core_of(fast);
	struct svart_queue_error error;
	int rc = svart_sized_check(&error_sized, given);

	if (rc == 0 && q->stopped)
		rc = svart_fail(-ENODATA, "the queue is being destroyed: call that again");
	else if (rc == 0 && !has_failed(q))
		rc = svart_fail(-ENODATA, "the queue has not failed");
	if (rc != 0)
		return rc;
	q->dev->ops->queue_error(&q->pmd, &error);
	if (error.text[0] == '\0')
		svart_device_lost_text(q->dev, error.text, sizeof(error.text));
	return svart_sized_out(&error_sized, given, &error);
}
