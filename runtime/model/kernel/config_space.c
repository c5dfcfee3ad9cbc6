/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "config_space.h"

#include <string.h>

#include <linux/pci_regs.h>

#include "own_copy.h"

/* Places of the capabilities; the space between them is free. */
#define EXP_OFF  0x40
#define MSIX_OFF 0x80
#define PM_OFF   0xb0
#define ATS_OFF  0x100 /* Extended capabilities begin here (PCIe 6.0, 7.6.1). */
#define PRI_OFF  0x110

/** Invalidations the device takes at a time; 0 means 32 (PCIe 6.0, 10.5.1.2). */
#define ATS_QUEUE_DEPTH 0

static void put(struct svart_model_config *config, size_t off, uint64_t value, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		config->bytes[off + i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get(const struct svart_model_config *config, size_t off, size_t len)
{
	uint32_t value = 0;
	size_t i;

	for (i = 0; i < len; i++)
		value |= (uint32_t)config->bytes[off + i] << (8 * i);
	return value;
}

static void allow(struct svart_model_config *config, size_t off, uint64_t mask, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		config->writable[off + i] = (uint8_t)(mask >> (8 * i));
}

static void set_command(struct svart_model_config *config, uint16_t value)
{
	put(config, PCI_COMMAND, value, 2);
	atomic_store_explicit(
		&config->memory, (value & PCI_COMMAND_MEMORY) != 0, memory_order_relaxed);
	atomic_store_explicit(
		config->bus_master, (value & PCI_COMMAND_MASTER) != 0, memory_order_relaxed);
}

static void init_header(struct svart_model_config *config, const struct svart_device_model *type)
{
	put(config, PCI_VENDOR_ID, type->vendor, 2);
	put(config, PCI_DEVICE_ID, type->device, 2);
	put(config, PCI_STATUS, PCI_STATUS_CAP_LIST, 2);
	put(config, PCI_REVISION_ID, type->revision, 1);
	put(config, PCI_CLASS_PROG, type->class_code, 3);
	put(config, PCI_CAPABILITY_LIST, EXP_OFF, 1);
	allow(config, PCI_COMMAND,
		PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE, 2);
	allow(config, PCI_CACHE_LINE_SIZE, 0xff, 1);
}

/** Makes 64-bit BARs. A write of all ones makes a BAR tell its size (PCI 3.0, 6.2.5.1). */
static void init_bars(struct svart_model_config *config, const struct svart_device_model *type)
{
	unsigned int bar;
	size_t off;

	for (bar = 0; bar + 1 < 6; bar++) {
		if (type->bar_bytes[bar] == 0)
			continue;
		off = PCI_BASE_ADDRESS_0 + 4 * (size_t)bar;
		put(config, off, PCI_BASE_ADDRESS_MEM_TYPE_64, 8);
		allow(config, off, ~(type->bar_bytes[bar] - 1) & PCI_BASE_ADDRESS_MEM_MASK, 8);
		bar++;
	}
}

static void init_express(struct svart_model_config *config)
{
	put(config, EXP_OFF, PCI_CAP_ID_EXP | MSIX_OFF << 8, 2);
	put(config, EXP_OFF + PCI_EXP_FLAGS, PCI_EXP_TYPE_RC_END << 4 | 2, 2);
	put(config, EXP_OFF + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER, 4);
	allow(config, EXP_OFF + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
}

static void init_msix(struct svart_model_config *config, const struct svart_device_model *type)
{
	put(config, MSIX_OFF, PCI_CAP_ID_MSIX | PM_OFF << 8, 2);
	put(config, MSIX_OFF + PCI_MSIX_FLAGS, type->nr_vectors - 1, 2);
	put(config, MSIX_OFF + PCI_MSIX_TABLE, SVART_MODEL_MSIX_TABLE_OFF, 4);
	put(config, MSIX_OFF + PCI_MSIX_PBA, SVART_MODEL_MSIX_PBA_OFF, 4);
}

static void init_power(struct svart_model_config *config)
{
	put(config, PM_OFF, PCI_CAP_ID_PM, 2);
	put(config, PM_OFF + PCI_PM_PMC, 3, 2);
	put(config, PM_OFF + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET, 2);
}

/**
 * Makes the ATS capability. The kernel turned ATS on when it found the device (intel_iommu_probe_device()).
 */
static void init_ats(struct svart_model_config *config, size_t next)
{
	put(config, ATS_OFF, PCI_EXT_CAP_ID_ATS | 1 << 16 | next << 20, 4);
	put(config, ATS_OFF + PCI_ATS_CAP, PCI_ATS_CAP_PAGE_ALIGNED | ATS_QUEUE_DEPTH, 2);
	put(config, ATS_OFF + PCI_ATS_CTRL, PCI_ATS_CTRL_ENABLE, 2);
}

static void init_pri(struct svart_model_config *config, const struct svart_device_model *type)
{
	put(config, PRI_OFF, PCI_EXT_CAP_ID_PRI | 1 << 16, 4);
	put(config, PRI_OFF + PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE, 2);
	put(config, PRI_OFF + PCI_PRI_STATUS, type->pasid ? PCI_PRI_STATUS_PASID : 0, 2);
	put(config, PRI_OFF + PCI_PRI_MAX_REQ, type->pri_capacity, 4);
	put(config, PRI_OFF + PCI_PRI_ALLOC_REQ, type->pri_capacity, 4);
}

void svart_model_config_init(struct svart_model_config *config,
	const struct svart_device_model *type, atomic_bool *bus_master)
{
	memset(config, 0, sizeof(*config));
	config->bus_master = bus_master;
	atomic_store_explicit(bus_master, false, memory_order_relaxed);
	init_header(config, type);
	init_bars(config, type);
	init_express(config);
	if (type->nr_vectors > 0)
		init_msix(config, type);
	else
		put(config, EXP_OFF + PCI_CAP_LIST_NEXT, PM_OFF, 1);
	init_power(config);
	if (type->ats)
		init_ats(config, type->pri ? PRI_OFF : 0);
	if (type->ats && type->pri)
		init_pri(config, type);
}

void svart_model_config_open(struct svart_model_config *config)
{
	set_command(config, PCI_COMMAND_MEMORY);
}

void svart_model_config_msix_set(struct svart_model_config *config, bool on)
{
	size_t off = MSIX_OFF + PCI_MSIX_FLAGS;
	uint32_t flags = get(config, off, 2) & ~(uint32_t)PCI_MSIX_FLAGS_ENABLE;

	put(config, off, flags | (on ? PCI_MSIX_FLAGS_ENABLE : 0), 2);
}

void svart_model_config_remove(struct svart_model_config *config)
{
	config->absent = true;
	atomic_store_explicit(&config->memory, false, memory_order_relaxed);
	atomic_store_explicit(config->bus_master, false, memory_order_relaxed);
}

void svart_model_config_master_clear(struct svart_model_config *config)
{
	set_command(
		config, (uint16_t)(get(config, PCI_COMMAND, 2) & ~(uint32_t)PCI_COMMAND_MASTER));
}

/**
 * Tells which bits of a byte vfio-pci has in memory of its own: ids, BARs, INTx disable and the start of
 * the list of capabilities (vfio_pci_config.c, init_pci_cap_basic_perm()). The other bits come from the
 * hardware, and are gone with it.
 */
static uint8_t virtual_bits(size_t off)
{
	if (off == PCI_COMMAND + 1)
		return PCI_COMMAND_INTX_DISABLE >> 8;
	if (off == PCI_STATUS)
		return PCI_STATUS_CAP_LIST;
	if (off < PCI_COMMAND || (off >= PCI_BASE_ADDRESS_0 && off < PCI_BASE_ADDRESS_5 + 4) ||
		(off >= PCI_ROM_ADDRESS && off <= PCI_CAPABILITY_LIST) ||
		off == PCI_INTERRUPT_LINE || off == PCI_INTERRUPT_PIN)
		return 0xff;
	return 0;
}

void svart_model_config_read(
	const struct svart_model_config *config, size_t off, void *buf, size_t len)
{
	uint8_t *out = buf;
	size_t i;

	svart_own_copy(buf, config->bytes + off, len);
	/* A master abort reads all ones. */
	for (i = 0; config->absent && i < len; i++)
		out[i] |= (uint8_t)~virtual_bits(off + i);
}

bool svart_model_config_write(
	struct svart_model_config *config, size_t off, const void *buf, size_t len)
{
	const uint8_t *value = buf;
	uint32_t control;
	size_t i;

	if (config->absent)
		return false;
	for (i = 0; i < len; i++) {
		config->bytes[off + i] &= (uint8_t)~config->writable[off + i];
		config->bytes[off + i] |= value[i] & config->writable[off + i];
	}
	set_command(config, (uint16_t)get(config, PCI_COMMAND, 2));
	control = get(config, EXP_OFF + PCI_EXP_DEVCTL, 2);
	/* It starts a reset and always reads 0. */
	put(config, EXP_OFF + PCI_EXP_DEVCTL, control & ~(uint32_t)PCI_EXP_DEVCTL_BCR_FLR, 2);
	return (control & PCI_EXP_DEVCTL_BCR_FLR) != 0;
}
