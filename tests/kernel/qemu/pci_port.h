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
 *
 * Everything runs under QEMU's big lock: registers on vCPU threads, answers and invalidations on the
 * vCPU thread that wrote the IOMMU's queue, steps in a bottom half of the main loop. So a step is one
 * critical section, as bus.h asks for, and needs no lock here.
 */

#include "bus.h"
#include "qemu_abi.h"

#define PORT_MAX_BARS 6
/** PASIDs that one device can use in its life. */
#define PORT_MAX_PASIDS 64
/** What a copy takes in one piece. */
#define PORT_BOUNCE_BYTES (64 * 1024)

struct pci_port;

/**
 * What QEMU calls about one PASID. QEMU knows its address, so it stays where it is.
 *
 * Owner: its port. Lifetime: the port's. Locks: QEMU's.
 */
struct port_pasid {
	struct qemu_iommu_notifier invalidated; /**< First: QEMU's pointer leads here. */
	struct qemu_pri_notifier answered;
	struct pci_port *port;
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
	unsigned int nr_pasids;
	struct port_pasid *pasids[PORT_MAX_PASIDS];
	struct port_bar bars[PORT_MAX_BARS];
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

#endif
