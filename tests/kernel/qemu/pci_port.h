/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_PCI_PORT_H
#define SVART_TEST_PCI_PORT_H

/**
 * @file
 * Device models (bus.h) as PCI devices of QEMU.
 *
 *   pci_port.c  the QEMU types "svart-NAME": configuration space, BARs, reset
 *   pci_bus.c   the model's bus: translation, page requests, memory, interrupts
 *   vtd.c       what QEMU's VT-d does and does not say
 *
 * Everything runs under QEMU's big lock: registers on vCPU threads, answers and invalidations on the
 * vCPU thread that wrote the IOMMU's queue, steps in a bottom half of the main loop. So a step is one
 * critical section, as bus.h asks for, and needs no lock here.
 */

#include "bus.h"
#include "qemu_abi.h"

#define PORT_MAX_BARS 6
/** Where the PASID capability is: the first of the extended ones. */
#define PORT_PASID_OFF 0x100
/** Lists that PASIDs are in, by their lowest bits. */
#define PORT_PASID_LISTS 256
/** What a copy takes in one piece. */
#define PORT_BOUNCE_BYTES (64 * 1024)

/**
 * What the first read of a deferrable write returns: see struct port_enqueue. Neither an answer nor all ones.
 */
#define PORT_ENQUEUE_COOKIE UINT64_C(0x5356415254454e51)
/** The answers. */
#define PORT_ENQUEUE_TAKEN 0
#define PORT_ENQUEUE_RETRY 1

struct pci_port;

/**
 * A deferrable write (ENQCMD), which a guest without the instruction makes of plain accesses to 64 bytes
 * of a portal:
 *
 *   a read of 8 bytes     begins it: PORT_ENQUEUE_COOKIE
 *   eight writes of 8     the descriptor, the first word first
 *   a read of 8 bytes     ends it: PORT_ENQUEUE_TAKEN or PORT_ENQUEUE_RETRY
 *
 * A device has one at a time, so the guest takes a lock around it. A read at any other time begins anew.
 * Writes without the first read are posted, as ever.
 *
 * Owner: its port. Lifetime: from the first read to the last. Locks: QEMU's.
 */
struct port_enqueue {
	bool begun;
	uint64_t addr;     /**< In the BAR. */
	unsigned int done; /**< Bytes that were written. */
	_Alignas(64) uint8_t desc[64];
};

/**
 * What QEMU calls about one PASID. QEMU knows its address, so it stays where it is.
 *
 * Owner: its port. Lifetime: the port's. Locks: QEMU's.
 */
struct port_pasid {
	struct qemu_iommu_notifier invalidated; /**< First: QEMU's pointer leads here. */
	struct qemu_pri_notifier answered;
	struct pci_port *port;
	struct port_pasid *next; /**< Of its list. */
	uint32_t pasid;
	bool invalidates; /**< invalidated is registered. */
	bool answers;     /**< answered is registered. */
};

/**
 * One BAR.
 *
 * Owner: its port. Lifetime: the port's. Locks: QEMU's.
 */
struct port_bar {
	struct pci_port *port;
	unsigned int nr;
	_Alignas(64) uint8_t region[QEMU_MEMORY_REGION_BYTES];
};

/**
 * One device: QEMU's part, then ours. QEMU makes and frees it.
 *
 * Owner: QEMU. Lifetime: QEMU's. Locks: QEMU's.
 */
struct pci_port {
	_Alignas(64) uint8_t qemu[QEMU_PCI_DEVICE_BYTES];
	struct svart_bus bus;
	const struct svart_device_model *model;
	void *dev; /**< The model's; NULL: not realized. */
	char *options;
	struct qemu_bh *work;
	bool stepping;
	bool uncached; /**< QEMU does not tell of invalidations: no translation outlives a step. */
	struct port_pasid *pasids[PORT_PASID_LISTS]; /**< All that it used in its life. */
	struct port_bar bars[PORT_MAX_BARS];
	struct port_enqueue enqueue;
	uint8_t bounce[PORT_BOUNCE_BYTES];
};

/** QEMU's part of a device, and back. */
static inline struct qemu_pci_device *port_pci(struct pci_port *port)
{
	return (struct qemu_pci_device *)port;
}

static inline struct pci_port *port_of(struct qemu_pci_device *pci)
{
	return (struct pci_port *)pci;
}

/** Makes the bus of a port that has a model. */
void port_bus_init(struct pci_port *port);
/** Ends what QEMU was asked to call. */
void port_bus_fini(struct pci_port *port);
/** Forgets translations, if QEMU does not tell when they change. Before each step. */
void port_bus_refresh(struct pci_port *port);

/** Has QEMU's VT-d say that its page walks snoop. Once the machine is built; a second call does nothing. */
void vtd_says_smpwc(struct qemu_pci_device *owner);
/**
 * Whether the PASID-table entry of a device's PASID, or of its requests without one, is present. True without a
 * VT-d in scalable mode.
 */
bool vtd_pasid_is_present(struct qemu_pci_device *pci, uint32_t pasid);

#endif
