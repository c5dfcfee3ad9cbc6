/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Linux attaches no process's page table to a device behind a VT-d whose page walks do not snoop (ECAP.SMPWC,
 * VT-d 4.1, 11.4.3). QEMU's walks are as coherent as all its accesses, but 11.1 does not say so. A window over the
 * register says it.
 */

#include "pci_port.h"

/* Where QEMU's VT-d has its registers, and the extended capabilities among them. */
#define VTD_ECAP_ADDR  UINT64_C(0xfed90010)
#define VTD_ECAP_BYTES 8
#define VTD_ECAP_SMPWC (UINT64_C(1) << 48)
/* Above QEMU's own region. */
#define WINDOW_PRIORITY 10

static uint64_t ecap;
static _Alignas(64) uint8_t window[QEMU_MEMORY_REGION_BYTES];

static uint64_t window_read(void *opaque, uint64_t addr, unsigned int size)
{
	uint64_t value = ecap >> (addr * 8);

	(void)opaque;
	return size == VTD_ECAP_BYTES ? value : value & UINT32_MAX;
}

/* The register is read-only. */
static void window_write(void *opaque, uint64_t addr, uint64_t value, unsigned int size)
{
	(void)opaque;
	(void)addr;
	(void)value;
	(void)size;
}

static const struct qemu_region_ops window_ops = {
	.read = window_read,
	.write = window_write,
	.endianness = QEMU_LITTLE_ENDIAN,
	.valid = { .min = 4, .max = 8 },
	.impl = { .min = 4, .max = 8 },
};

/* Returns whether there is a VT-d: reads of nothing are all 0 or all 1. */
static bool read_ecap(void)
{
	const struct qemu_access_attrs plain = { 0 };

	return address_space_rw(&address_space_memory, VTD_ECAP_ADDR, plain, &ecap, VTD_ECAP_BYTES,
		       false) == 0 &&
	       ecap != 0 && ecap != UINT64_MAX;
}

void vtd_says_smpwc(struct qemu_pci_device *owner)
{
	static bool done;

	if (done)
		return;
	done = true;
	if (!read_ecap())
		return;
	ecap |= VTD_ECAP_SMPWC;
	memory_region_init_io(window, owner, &window_ops, NULL, "svart-vtd-ecap", VTD_ECAP_BYTES);
	memory_region_add_subregion_overlap(
		get_system_memory(), VTD_ECAP_ADDR, window, WINDOW_PRIORITY);
}
