/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * A model of QEMU's edu device, as far as its DMA goes: a transfer takes some steps, cuts addresses off
 * at the mask, and reports no failure. A transfer outside of its buffer is undefined in the real device;
 * here nothing is moved.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "bus.h"
#include "edu_spec.h"

#define BAR_BYTES (UINT64_C(1) << 20)
#define ID        (UINT32_C(0x01000000) | SVART_EDU_ID)
/* Steps from the start of a transfer to its end. */
#define TRANSFER_STEPS 3
#define MASK_KEY       "dma_mask_bits="

/**
 * The device.
 *
 * Owner: the caller that created it. Lifetime: create to destroy. Locks: the caller's (bus.h).
 */
struct edu_model {
	struct svart_bus *bus;
	uint64_t mask;
	uint64_t src, dst, cnt, cmd;
	unsigned int steps_left;
	uint8_t buf[SVART_EDU_BUF_BYTES];
};

/* --- transfers -------------------------------------------------------------------------------- */

/** @return the place in the buffer, or NULL if the transfer is not inside of it. */
static uint8_t *buffer_at(struct edu_model *d, uint64_t addr)
{
	uint64_t off = addr - SVART_EDU_BUF_ADDR;

	if (off > sizeof(d->buf) || d->cnt > sizeof(d->buf) - off)
		return NULL;
	return d->buf + off;
}

/** Does the transfer. The device does not look whether the access succeeded. */
static void transfer(struct edu_model *d)
{
	bool to_ram = d->cmd & SVART_EDU_CMD_TO_RAM;
	uint8_t *buf = buffer_at(d, to_ram ? d->src : d->dst);

	if (buf != NULL && to_ram)
		d->bus->ops->dma_write(d->bus, SVART_BUS_NO_PASID, d->dst & d->mask, buf, d->cnt);
	else if (buf != NULL)
		d->bus->ops->dma_read(d->bus, SVART_BUS_NO_PASID, d->src & d->mask, buf, d->cnt);
	d->cmd &= ~SVART_EDU_CMD_RUN;
}

static bool edu_step(void *dev)
{
	struct edu_model *d = dev;

	if (!(d->cmd & SVART_EDU_CMD_RUN))
		return false;
	if (--d->steps_left == 0)
		transfer(d);
	return true;
}

/* --- registers -------------------------------------------------------------------------------- */

static uint64_t *dma_register(struct edu_model *d, uint64_t off)
{
	switch (off) {
	case SVART_EDU_SRC_OFF:
		return &d->src;
	case SVART_EDU_DST_OFF:
		return &d->dst;
	case SVART_EDU_CNT_OFF:
		return &d->cnt;
	case SVART_EDU_CMD_OFF:
		return &d->cmd;
	default:
		return NULL;
	}
}

static uint64_t edu_mmio_read(void *dev, unsigned int bar, uint64_t off, unsigned int size)
{
	const uint64_t *reg = dma_register(dev, off);

	if (bar != 0)
		return 0;
	if (off == SVART_EDU_ID_OFF && size == 4)
		return ID;
	if (reg == NULL) /* As the real device does. */
		return size == 4 ? UINT32_MAX : UINT64_MAX;
	return size == 4 ? (uint32_t)*reg : *reg;
}

/**
 * Writes a register. Nothing can be written while a transfer runs, and only a write that starts a transfer
 * changes the command.
 */
static void edu_mmio_write(
	void *dev, unsigned int bar, uint64_t off, unsigned int size, uint64_t value)
{
	struct edu_model *d = dev;
	uint64_t *reg = dma_register(d, off);

	(void)size;
	if (bar != 0 || reg == NULL || (d->cmd & SVART_EDU_CMD_RUN))
		return;
	if (reg == &d->cmd && !(value & SVART_EDU_CMD_RUN))
		return;
	*reg = value;
	if (reg != &d->cmd)
		return;
	d->steps_left = TRANSFER_STEPS;
	d->bus->ops->wake(d->bus);
}

/* --- life ------------------------------------------------------------------------------------- */

/** @return bits of an address, or -1. */
static int mask_bits(const char *options)
{
	const size_t len = strlen(MASK_KEY);
	char *end;
	long bits;

	if (options == NULL || options[0] == '\0')
		return SVART_EDU_MASK_BITS;
	if (strncmp(options, MASK_KEY, len) != 0 || options[len] < '0' || options[len] > '9')
		return -1;
	bits = strtol(options + len, &end, 0);
	return *end == '\0' && bits >= 16 && bits <= 64 ? (int)bits : -1;
}

static int edu_create(struct svart_bus *bus, const char *options, void **dev)
{
	int bits = mask_bits(options);
	struct edu_model *d;

	if (bits < 0)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->bus = bus;
	d->mask = SVART_MASK((unsigned int)bits - 1, 0);
	*dev = d;
	return 0;
}

/** QEMU's device has no reset; this is like a power cycle of it. */
static void edu_reset(void *dev)
{
	struct edu_model *d = dev;

	d->src = 0;
	d->dst = 0;
	d->cnt = 0;
	d->cmd = 0;
	memset(d->buf, 0, sizeof(d->buf));
}

static void edu_portal64(void *dev, unsigned int bar, uint64_t off, const void *descs, uint32_t nr)
{
	(void)dev;
	(void)bar;
	(void)off;
	(void)descs;
	(void)nr;
}

static void edu_invalidate(void *dev, uint32_t pasid, uint64_t va, uint64_t len)
{
	(void)dev; /* It keeps no translations. */
	(void)pasid;
	(void)va;
	(void)len;
}

static void edu_page_response(
	void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code)
{
	(void)dev; /* It sends no requests. */
	(void)pasid;
	(void)prgi;
	(void)code;
}

static const char *const option_keys[] = { "dma_mask_bits", NULL };

const struct svart_device_model svart_edu_model = {
	.name = "edu",
	.vendor = SVART_EDU_VENDOR_ID,
	.device = SVART_EDU_DEVICE_ID,
	.revision = 0x10,
	.class_code = 0xff0000, /* Unassigned. */
	.bar_bytes = { BAR_BYTES },
	.nr_vectors = 1,
	.option_keys = option_keys,
	.create = edu_create,
	.destroy = free,
	.mmio_read = edu_mmio_read,
	.mmio_write = edu_mmio_write,
	.portal64 = edu_portal64,
	.invalidate = edu_invalidate,
	.page_response = edu_page_response,
	.reset = edu_reset,
	.step = edu_step,
};
