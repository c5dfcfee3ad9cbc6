/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A behavioural model of Intel DSA, behind bus.h: 1.0 as Sapphire Rapids has it (8086:0b25), or what 2.0 adds
 * to that. Sources are those of dsa_spec.h. What it does not have: interrupt handles, performance counters,
 * occupancy interrupts; the WQ priority orders nothing.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "dsa_model.h"

/* --- Life ------------------------------------------------------------------------------------- */

static void dsa_reset(void *dev)
{
	struct dsa *d = dev;

	for (unsigned int i = 0; i < DSA_MAX_WQS; i++) {
		svart_dsa_ring_close(&d->wqs[i].ring);
		svart_dsa_ring_discard(&d->wqs[i].ring);
		d->wqs[i].state = SVART_DSA_WQ_DISABLED;
		d->wqs[i].part_bytes = 0;
		atomic_store(&d->wqs[i].ring.refused, 0);
	}
	svart_dsa_fault_reset(d);
	svart_dsa_regs_reset(d);
	svart_dsa_atc_reset(d);
	d->cmd = 0;
	d->cmdsts = 0;
	d->command = (struct dsa_command){ 0 };
}

static int dsa_create(struct svart_bus *bus, const char *options, void **dev)
{
	struct dsa_options parsed;
	struct dsa *d;
	int rc = svart_dsa_options_parse(&parsed, options);

	if (rc < 0)
		return rc;
	d = aligned_alloc(alignof(struct dsa), sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	memset(d, 0, sizeof(*d));
	d->bus = bus;
	d->options = parsed;
	for (unsigned int i = 0; i < DSA_MAX_ENGINES; i++)
		d->engines[i].index = (uint8_t)i;
	dsa_reset(d);
	*dev = d;
	return 0;
}

static void dsa_destroy(void *dev)
{
	free(dev);
}

/* --- The table of bus.h ----------------------------------------------------------------------- */

static bool access_is_good(uint64_t off, unsigned int size)
{
	return (size == 4 || size == 8) && off % size == 0;
}

static uint64_t dsa_mmio_read(void *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	struct dsa *d = dev;
	uint64_t value;

	if (bar != SVART_DSA_BAR_REGS || !access_is_good(off, size))
		return 0;
	svart_dsa_portal_report(d);
	value = svart_dsa_reg_read(d, off);
	if (size == 8)
		value |= (uint64_t)svart_dsa_reg_read(d, off + 4) << 32;
	return value;
}

static void dsa_mmio_write(
	void *dev, unsigned int bar, uint64_t off, unsigned int size, uint64_t value)
{
	struct dsa *d = dev;

	if (!access_is_good(off, size))
		return;
	if (bar == SVART_DSA_BAR_PORTALS) {
		svart_dsa_portal_write(d, off, size, value);
		return;
	}
	if (bar != SVART_DSA_BAR_REGS)
		return;
	svart_dsa_portal_report(d);
	svart_dsa_reg_write(d, off, (uint32_t)value);
	if (size == 8)
		svart_dsa_reg_write(d, off + 4, (uint32_t)(value >> 32));
}

static void dsa_portal64(void *dev, unsigned int bar, uint64_t off, const void *descs, uint32_t nr)
{
	struct dsa *d = dev;

	if (bar == SVART_DSA_BAR_PORTALS && off / SVART_DSA_WQ_PORTAL_BYTES < DSA_MAX_WQS)
		svart_dsa_portal_store(
			d, (unsigned int)(off / SVART_DSA_WQ_PORTAL_BYTES), descs, nr);
}

static bool dsa_enqueue64(void *dev, unsigned int bar, uint64_t off, const void *desc)
{
	return bar == SVART_DSA_BAR_PORTALS && svart_dsa_portal_enqueue(dev, off, desc);
}

static void dsa_invalidate(void *dev, uint32_t pasid, uint64_t va, uint64_t len)
{
	svart_dsa_atc_invalidate(dev, pasid, va, len);
}

static void dsa_page_response(
	void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	svart_dsa_fault_response(dev, pasid, prgi, code);
}

static void dsa_halt(void *dev, bool flr)
{
	svart_dsa_halt(dev, flr ? SVART_DSA_RESET_FLR : SVART_DSA_RESET_SOFTWARE);
}

static bool dsa_step(void *dev)
{
	struct dsa *d = dev;
	bool moved = svart_dsa_portal_report(d);

	for (unsigned int i = 0; i < d->options.nr_engines; i++)
		moved |= svart_dsa_engine_step(d, &d->engines[i]);
	moved |= svart_dsa_cmd_poll(d);
	return moved;
}

const struct svart_device_model svart_dsa_model = {
	.name = "dsa",
	.vendor = SVART_DSA_VENDOR_ID,
	.device = SVART_DSA_DEVICE_SPR,
	.revision = 0,
	.class_code = 0x088000, /* Base system peripheral, other. */
	.bar_bytes = {
		[SVART_DSA_BAR_REGS] = 64 * 1024,
		[SVART_DSA_BAR_PORTALS] = DSA_MAX_WQS * SVART_DSA_WQ_PORTAL_BYTES,
	},
	.portal_bar = SVART_DSA_BAR_PORTALS,
	.nr_vectors = SVART_DSA_NR_VECTORS,
	.pasid = true,
	.pasid_priv = true,
	.ats = true,
	.pri = true,
	.pri_capacity = 512,
	.option_keys = svart_dsa_option_keys,
	.create = dsa_create,
	.destroy = dsa_destroy,
	.mmio_read = dsa_mmio_read,
	.mmio_write = dsa_mmio_write,
	.portal64 = dsa_portal64,
	.enqueue64 = dsa_enqueue64,
	.invalidate = dsa_invalidate,
	.page_response = dsa_page_response,
	.reset = dsa_reset,
	.halt = dsa_halt,
	.step = dsa_step,
};
