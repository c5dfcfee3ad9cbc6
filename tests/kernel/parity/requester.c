/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "requester.h"

#include <errno.h>
#include <stdlib.h>

/** Requests that were written and have not left. */
#define REQUESTER_QUEUE 1024

/** Owner: its bus. Lifetime: create to destroy. Locks: the device's lock, which the bus takes. */
struct requester {
	struct svart_bus *bus;
	uint64_t addr;
	uint32_t pasid;
	uint64_t sent;
	uint64_t failed;
	uint64_t answers[REQUESTER_NR_GROUPS];
	struct svart_bus_page_request queue[REQUESTER_QUEUE];
	unsigned int head, nr;
};

static int requester_create(struct svart_bus *bus, const char *options, void **dev)
{
	struct requester *r = calloc(1, sizeof(*r));

	(void)options;
	if (r == NULL)
		return -ENOMEM;
	r->bus = bus;
	*dev = r;
	return 0;
}

static void requester_destroy(void *dev)
{
	free(dev);
}

static void requester_enqueue(struct requester *r, uint64_t send)
{
	struct svart_bus_page_request *request = &r->queue[(r->head + r->nr) % REQUESTER_QUEUE];

	if (r->nr == REQUESTER_QUEUE) {
		r->failed++;
		return;
	}
	*request = (struct svart_bus_page_request){
		.pasid = r->pasid == 0 ? SVART_BUS_NO_PASID : r->pasid,
		.addr = r->addr,
		.prgi = (uint16_t)((send >> REQUESTER_SEND_PRGI_SHIFT) % REQUESTER_NR_GROUPS),
		.read = send & REQUESTER_SEND_READ,
		.write = send & REQUESTER_SEND_WRITE,
		.exec = send & REQUESTER_SEND_EXEC,
		.priv = send & REQUESTER_SEND_PRIV,
		.last = send & REQUESTER_SEND_LAST,
	};
	r->nr++;
	r->bus->ops->wake(r->bus);
}

static uint64_t requester_mmio_read(void *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	struct requester *r = dev;

	(void)bar, (void)size;
	if (off >= REQUESTER_ANSWER && off < REQUESTER_BAR_BYTES)
		return r->answers[(off - REQUESTER_ANSWER) / 8];
	switch (off) {
	case REQUESTER_SENT:
		return r->sent;
	case REQUESTER_FAILED:
		return r->failed;
	default:
		return 0;
	}
}

static void requester_mmio_write(
	void *dev, unsigned int bar, uint64_t off, unsigned int size, uint64_t value)
{
	struct requester *r = dev;

	(void)bar, (void)size;
	if (off >= REQUESTER_ANSWER && off < REQUESTER_BAR_BYTES)
		r->answers[(off - REQUESTER_ANSWER) / 8] = value;
	else if (off == REQUESTER_ADDR)
		r->addr = value;
	else if (off == REQUESTER_PASID)
		r->pasid = (uint32_t)value;
	else if (off == REQUESTER_SEND)
		requester_enqueue(r, value);
}

/* No portal. */
static void requester_portal64(
	void *dev, unsigned int bar, uint64_t off, const void *descs, uint32_t nr)
{
	(void)dev, (void)bar, (void)off, (void)descs, (void)nr;
}

/* It holds no translations. */
static void requester_invalidate(void *dev, uint32_t pasid, uint64_t va, uint64_t len)
{
	(void)dev, (void)pasid, (void)va, (void)len;
}

static void requester_page_response(
	void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	struct requester *r = dev;

	(void)pasid;
	if (prgi >= REQUESTER_NR_GROUPS)
		return;
	r->answers[prgi] = (uint64_t)code + 1;
	r->bus->ops->interrupt(r->bus, prgi % REQUESTER_NR_MSI);
}

static void requester_reset(void *dev)
{
	struct requester *r = dev;

	*r = (struct requester){ .bus = r->bus };
}

static bool requester_step(void *dev)
{
	struct requester *r = dev;
	struct svart_bus_page_request request = r->queue[r->head];
	int rc;

	if (r->nr == 0)
		return false;
	rc = r->bus->ops->page_request(r->bus, &request);
	if (rc == -EBUSY)
		return false;
	r->head = (r->head + 1) % REQUESTER_QUEUE;
	r->nr--;
	if (rc == 0)
		r->sent++;
	else
		r->failed++;
	return true;
}

static const char *const requester_option_keys[] = { NULL };

const struct svart_device_model requester_model = {
	.name = "requester",
	.vendor = REQUESTER_VENDOR,
	.device = REQUESTER_DEVICE,
	.class_code = 0x00ff00, /* no class (PCI code and ID assignment, 1.1) */
	.bar_bytes = { REQUESTER_BAR_BYTES },
	.nr_msi = REQUESTER_NR_MSI,
	.pasid = true,
	.ats = true,
	.pri = true,
	.pri_capacity = REQUESTER_QUEUE,
	.option_keys = requester_option_keys,
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
