/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROBE_HOST_H
#define SVART_PROBE_HOST_H

/**
 * @file
 * What holds for the whole machine. Reading it reads files, so it blocks.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"
#include "machine.h"

struct svart_probe_path;

/** Setting of the list of accelerators that vfio-pci refuses (vfio_pci.c, its denylist). */
enum svart_probe_denylist {
	SVART_PROBE_DENYLIST_UNKNOWN = 0, /**< vfio-pci is not loaded. */
	SVART_PROBE_DENYLIST_ON,
	SVART_PROBE_DENYLIST_OFF,
};

/**
 * What holds for the whole machine; each thing is read once.
 *
 * Owner: svart_probe_create(), on its stack. Lifetime: the call. Locks: none.
 */
struct svart_probe_host {
	struct svart_machine *m;
	char release[SVART_KERNEL_RELEASE_LEN];
	int iommufd_rc;     /**< Result of opening /dev/iommu: 0 or -errno. */
	bool iommufd_known; /**< The kernel has iommufd, whatever /dev says. */
	enum svart_kernel_option option_iommufd, option_cdev, option_scalable;
	bool booted_sm_on, booted_sm_off; /**< intel_iommu=sm_on, sm_off */
	enum svart_probe_denylist denylist;
	bool sysfs;  /**< There is something in /sys. */
	int maps_rc; /**< Whether the process can read its memory areas: 0 or -errno. */
	unsigned int nr_iommus;
	int pin_rc; /**< Whether anything may be pinned: 0 or -errno. */
	uint64_t pin_limit_bytes;
	bool movdir64b;
};

/** Reads all of it; a fact that cannot be read is unknown, absent or 0. */
void svart_probe_host_read(struct svart_machine *m, struct svart_probe_host *host);

/**
 * Tells whether the process can read its memory areas, which every machine needs. If not, it writes that
 * into the path.
 */
bool svart_probe_check_maps(const struct svart_probe_host *host, struct svart_probe_path *path);

#endif
