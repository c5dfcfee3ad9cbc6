/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROBE_CHECK_H
#define SVART_PROBE_CHECK_H

/**
 * @file
 * The parts of a probe: what holds for the whole machine, and the checks of each kind of device. All
 * on the control thread; they block while files are read.
 */

#include <svart/probe.h>
#include <svart_pmd.h>

#include "kernel.h"
#include "machine.h"
#include "pci.h"

/** Devices that one probe holds. */
#define SVART_PROBE_MAX_DEVICES 256

/** What vfio-pci was told of the accelerators that it refuses (vfio_pci.c, its denylist). */
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
	int iommufd_rc;     /**< What opening /dev/iommu gave: 0 or -errno. */
	bool iommufd_known; /**< The kernel has iommufd, whatever /dev says. */
	enum svart_kernel_option option_iommufd, option_cdev, option_scalable;
	bool booted_sm_on, booted_sm_off; /**< intel_iommu=sm_on, sm_off */
	enum svart_probe_denylist denylist;
	unsigned int nr_iommus;
	int pin_rc; /**< Whether anything may be pinned: 0 or -errno. */
	uint64_t pin_limit_bytes;
	bool movdir64b;
};

/** Reads all of it; what cannot be read is unknown, absent or 0. */
void svart_probe_host_read(struct svart_machine *m, struct svart_probe_host *host);

/** A set of devices that grows. Owner: the probe. Locks: none. */
struct svart_probe_list {
	struct svart_probe_device *devices;
	uint32_t nr;
	uint32_t nr_unreadable, nr_left_out;
};

/**
 * Adds an empty device with its first path.
 * @return the device; NULL with *rc = -ENOMEM (told), or with *rc = 0 where the list is full.
 */
struct svart_probe_device *svart_probe_list_add(
	struct svart_probe_list *list, const char *path, int *rc);

/** Sorts the devices from index `from` on by name. */
void svart_probe_list_sort(struct svart_probe_list *list, uint32_t from);

/** Adds the PCI functions that svart has a driver for, checked. @return 0 or -ENOMEM, told. */
int svart_probe_pci(const struct svart_probe_host *host, struct svart_probe_list *list);
/** Adds the work queues of the kernel's idxd driver. @return 0 or -ENOMEM, told. */
int svart_probe_idxd(const struct svart_probe_host *host, struct svart_probe_list *list);
/** Adds the devices of the kernel's uacce class. @return 0 or -ENOMEM, told. */
int svart_probe_uacce(const struct svart_probe_host *host, struct svart_probe_list *list);

/** The driver of an id, or NULL; *id: its entry. */
const struct svart_pmd_ops *svart_probe_driver(
	uint16_t vendor, uint16_t device, const struct svart_pmd_id **id);

/* probe_text.c: all text that leaves a probe is made by these, and is printable ASCII. */

/** Formats into buf; what does not fit is cut. */
void svart_probe_print(char *buf, size_t len, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/** Says what a path lacks. @return false, so that a check can say and return in one line. */
bool svart_probe_miss(struct svart_probe_path *path, enum svart_probe_code code, const char *format,
	...) __attribute__((format(printf, 3, 4)));
/** Adds a sentence to a path's note. */
void svart_probe_note(struct svart_probe_path *path, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/** Writes what to do: path->fix. */
#define svart_probe_fix(path, ...) svart_probe_print((path)->fix, sizeof((path)->fix), __VA_ARGS__)

#endif
