/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * What QEMU's VT-d does not say, and does not look at.
 *
 * Linux attaches no process's page table to a device behind a VT-d whose page walks do not snoop (ECAP.SMPWC,
 * VT-d 4.1, 11.4.3). QEMU's walks are as coherent as all its accesses, but 11.1 does not say so. A window over the
 * register says it.
 *
 * QEMU walks the page table of a PASID-table entry whatever its Present bit says, as long as the rest of it is
 * there. Linux 7.2 detaches a PASID by clearing that bit, then invalidates, and only then clears the rest: what is
 * translated between is cached after the invalidations, and is found again when the next process has the PASID.
 */

#include "bits.h"
#include "pci_port.h"

/* Where QEMU's VT-d has its registers; the extended capabilities and the root table's address among them. */
#define VTD_ADDR        UINT64_C(0xfed90000)
#define VTD_ECAP_ADDR   (VTD_ADDR + 0x10)
#define VTD_RTADDR_ADDR (VTD_ADDR + 0x20)
#define VTD_ECAP_BYTES  8
#define VTD_ECAP_SMPWC  (UINT64_C(1) << 48)

/* Root table address register, translation table mode (VT-d 4.1, 11.4.5). */
#define RTADDR_TTM          SVART_MASK(11, 10)
#define RTADDR_TTM_SCALABLE 1

/*
 * Scalable-mode root, context, PASID-directory and PASID-table entries (VT-d 4.1, 9.2, 9.4 to 9.6): bit 0 of each is
 * Present, and all but the last have the next table's address.
 */
#define ENTRY_PRESENT       SVART_MASK(0, 0)
#define ENTRY_TABLE         SVART_MASK(63, 12)
#define ROOT_ENTRY_BYTES    8 /* A half, for 128 functions. */
#define CONTEXT_ENTRY_BYTES 32
#define CONTEXT_PER_TABLE   128
#define CONTEXT1_RID_PASID  SVART_MASK(19, 0)
#define DIR_ENTRY_BYTES     8
#define PASID_ENTRY_BYTES   64
#define PASIDS_PER_TABLE    64

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

static bool read_word(uint64_t addr, uint64_t *word)
{
	const struct qemu_access_attrs plain = { 0 };

	return address_space_rw(&address_space_memory, addr, plain, word, sizeof(*word), false) ==
	       0;
}

/* Returns whether there is a VT-d: reads of nothing are all 0 or all 1. */
static bool read_ecap(void)
{
	return read_word(VTD_ECAP_ADDR, &ecap) && ecap != 0 && ecap != UINT64_MAX;
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

/* --- PASIDs -------------------------------------------------------------------------------------- */

/* Replaces the address of a present entry by that of the table it leads to. */
static bool follow(uint64_t *addr)
{
	uint64_t entry;

	if (!read_word(*addr, &entry) || (entry & ENTRY_PRESENT) == 0)
		return false;
	*addr = entry & ENTRY_TABLE;
	return true;
}

static bool context_entry(uint16_t requester, uint64_t root, uint64_t *addr)
{
	*addr = (root & ENTRY_TABLE) + (uint64_t)(requester / CONTEXT_PER_TABLE) * ROOT_ENTRY_BYTES;
	if (!follow(addr))
		return false;
	*addr += (uint64_t)(requester % CONTEXT_PER_TABLE) * CONTEXT_ENTRY_BYTES;
	return true;
}

bool vtd_pasid_is_present(struct qemu_pci_device *pci, uint32_t pasid)
{
	uint64_t root, addr, context1;

	if (!read_word(VTD_RTADDR_ADDR, &root) ||
		SVART_FIELD_GET(RTADDR_TTM, root) != RTADDR_TTM_SCALABLE)
		return true;
	if (!context_entry(pci_requester_id(pci), root, &addr) ||
		!read_word(addr + sizeof(uint64_t), &context1) || !follow(&addr))
		return false;
	if (pasid == SVART_BUS_NO_PASID)
		pasid = (uint32_t)SVART_FIELD_GET(CONTEXT1_RID_PASID, context1);
	addr += (uint64_t)(pasid / PASIDS_PER_TABLE) * DIR_ENTRY_BYTES;
	if (!follow(&addr))
		return false;
	addr += (uint64_t)(pasid % PASIDS_PER_TABLE) * PASID_ENTRY_BYTES;
	return follow(&addr);
}
