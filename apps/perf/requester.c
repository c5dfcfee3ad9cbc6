/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "requester.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "clock.h"

#define PAGE 4096

void svart_perf_requester_options(
	const struct perf_requester *r, char options[SVART_PERF_REQUESTER_OPTIONS])
{
	snprintf(options, SVART_PERF_REQUESTER_OPTIONS, "at=%" PRIxPTR, (uintptr_t)r);
}

static int requester_create(struct svart_bus *bus, const char *options, void **dev)
{
	struct perf_requester *r;
	uintptr_t at;

	if (sscanf(options, "at=%" SCNxPTR, &at) != 1)
		return -EINVAL;
	r = (struct perf_requester *)at;
	r->bus = bus;
	*dev = r;
	return 0;
}

/** Does nothing: the memory is the bench's. */
static void requester_destroy(void *dev)
{
	(void)dev;
}

static uint64_t requester_mmio_read(void *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	(void)dev;
	(void)bar;
	(void)off;
	(void)size;
	return 0;
}

static void requester_mmio_write(
	void *dev, unsigned int bar, uint64_t off, unsigned int size, uint64_t value)
{
	(void)dev;
	(void)bar;
	(void)off;
	(void)size;
	(void)value;
}

static void requester_portal64(
	void *dev, unsigned int bar, uint64_t off, const void *descs, uint32_t nr)
{
	(void)dev;
	(void)bar;
	(void)off;
	(void)descs;
	(void)nr;
}

/** Does nothing: the device keeps no translations. */
static void requester_invalidate(void *dev, uint32_t pasid, uint64_t va, uint64_t len)
{
	(void)dev;
	(void)pasid;
	(void)va;
	(void)len;
}

/** Sends the next group, if there is one, with this PRG index. */
static void send_group(struct perf_requester *r, uint16_t prgi)
{
	struct perf_requester_group *group = &r->groups[prgi];
	struct svart_bus_page_request request = {
		.pasid = SVART_BUS_NO_PASID,
		.prgi = prgi,
		.read = true,
		.write = r->job.write,
	};
	uint32_t i;

	if (r->sent == r->job.nr_groups || atomic_load(&r->failed))
		return;
	request.addr = r->job.addrs[r->sent++];
	group->sent_ns = svart_perf_now_ns();
	group->map_ns = svart_perf_map_timer_busy(r->timer, group->sent_ns);
	for (i = 0; i < r->job.group_size; i++) {
		request.last = i + 1 == r->job.group_size;
		if (r->bus->ops->page_request(r->bus, &request) != 0)
			atomic_store(&r->failed, true);
		request.addr += PAGE;
	}
}

static void requester_page_response(
	void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	struct perf_requester *r = dev;
	const struct perf_requester_group *group = &r->groups[prgi];
	uint64_t now = svart_perf_now_ns();
	uint32_t nr = atomic_load_explicit(&r->answered, memory_order_relaxed);
	uint64_t map_ns = svart_perf_map_timer_busy(r->timer, now) - group->map_ns;

	(void)pasid;
	if (code != SVART_BUS_PRG_SUCCESS) {
		atomic_store(&r->failed, true);
		return;
	}
	r->job.latency_ns[nr] = now - group->sent_ns;
	r->job.own_ns[nr] = now - group->sent_ns - map_ns;
	send_group(r, prgi);
	/* Orders the figures before it; pairs with the load in svart_perf_requester_done(). */
	atomic_store_explicit(&r->answered, nr + 1, memory_order_release);
}

static void requester_reset(void *dev)
{
	struct perf_requester *r = dev;

	atomic_store(&r->start, false);
}

static bool requester_step(void *dev)
{
	struct perf_requester *r = dev;
	uint16_t i;

	if (!atomic_exchange(&r->start, false))
		return false;
	for (i = 0; i < r->job.in_flight; i++)
		send_group(r, i);
	return true;
}

const struct svart_device_model svart_perf_requester_model = {
	.name = "requester",
	.vendor = 0x1d1d,
	.device = 0x9e4f,
	.revision = 1,
	.class_code = 0x088000,
	.bar_bytes = { 0x1000 },
	.nr_vectors = 1,
	.pasid = true,
	.ats = true,
	.pri = true,
	.pri_capacity = SVART_PERF_REQUESTER_CREDITS,
	.create = requester_create,
	.destroy = requester_destroy,
	.mmio_read = requester_mmio_read,
	.mmio_write = requester_mmio_write,
	.portal64 = requester_portal64,
	.invalidate = requester_invalidate,
	.page_response = requester_page_response,
	.reset = requester_reset,
	.step = requester_step,
};

void svart_perf_requester_start(struct perf_requester *r, const struct perf_requester_job *job)
{
	r->job = *job;
	r->sent = 0;
	atomic_store(&r->answered, 0);
	atomic_store(&r->failed, false);
	atomic_store(&r->start, true);
	r->bus->ops->wake(r->bus);
}

bool svart_perf_requester_done(const struct perf_requester *r)
{
	return atomic_load_explicit(&r->answered, memory_order_acquire) == r->job.nr_groups ||
	       atomic_load(&r->failed);
}
