/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PMD_H
#define SVART_PMD_H

/**
 * @file
 * What drivers include: the tables between the core and a poll-mode driver.
 *
 * A driver is one folder, pmd/NAME, and one line in pmd/meson.build. It sees the world only through
 * the machine (machine.h) and the host table below. doc/guides/drivers.rst walks through one.
 *
 * The core checks arguments, limits and order; a driver may take its input for valid. What comes from
 * the device or the kernel is hostile, and the driver's to check. Operations go from the program to the
 * driver's prep as they are, for speed; only where page_requests is false they were checked, are within
 * caps, move at least a byte, and have no flags.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svart/device.h>
#include <svart/op.h>
#include <svart/queue.h>

struct svart_machine;
struct svart_pmd_device;
struct svart_pmd_queue;

/** PCI base address registers of a function (PCI 3.0, 6.2.5.1). */
#define SVART_PMD_NR_BARS 6

/** One PCI id a driver takes. */
struct svart_pmd_id {
	uint16_t vendor;   /**< PCI vendor id. */
	uint16_t device;   /**< PCI device id. */
	const char *model; /**< In words: "Intel DSA 1.0". */
};

/** Memory a device reaches without faulting: mapped before it is handed out, never evicted, not
 * inherited by a fork. Zeroed, page-aligned, alone in its pages. */
struct svart_pmd_mem {
	void *addr;   /**< First byte; also what the device is told. */
	size_t bytes; /**< Rounded up to pages. */
};

/** What the core does for a driver. All: control thread; may block. */
struct svart_pmd_host {
	/** Allocates device memory in the queue's space. @return 0 or -errno, told. */
	int (*mem_alloc)(struct svart_pmd_queue *q, size_t bytes, struct svart_pmd_mem *mem);
	/** Frees it. The device must no longer use it. NULL addr does nothing. */
	void (*mem_free)(struct svart_pmd_queue *q, struct svart_pmd_mem *mem);
	/** Reads 1, 2 or 4 bytes of PCI configuration space. @return 0 or -errno, told. */
	int (*config_read)(struct svart_pmd_device *dev, unsigned int off, void *buf, size_t len);
	/** Writes 1, 2 or 4 bytes of it. @return 0 or -errno, told. */
	int (*config_write)(
		struct svart_pmd_device *dev, unsigned int off, const void *buf, size_t len);
	/**
	 * Reads a number from the device spec's options.
	 * @param value out: the option's value, or untouched if the spec has none.
	 * @return 0, or -EINVAL: not a number, or outside min..max; told, with the key's name.
	 */
	int (*option_u64)(const struct svart_pmd_device *dev, const char *key, uint64_t min,
		uint64_t max, uint64_t *value);
};

/**
 * A device, between core and driver.
 *
 * Owner: control thread. Lifetime: open to close. Locks: the core's control mutex.
 */
struct svart_pmd_device {
	/* Set by the core before open(). */
	struct svart_machine *machine;     /**< What the device is on. */
	const struct svart_pmd_host *host; /**< What the core does for the driver. */
	const struct svart_pmd_id *id;     /**< The entry of ids that matched. */
	const char *name;                  /**< For messages: "model:dsa0". */
	uint32_t number;                   /**< In traces: struct svart_device_info.id. */
	struct {
		void *addr; /**< For the machine's mmio and portal calls only; NULL if not mapped. */
		size_t bytes;
	} bars[SVART_PMD_NR_BARS]; /**< Those that the driver asked for. */
	bool portal_split;         /**< portal=split was given. */
	bool page_requests; /**< The fault-enabled page table is attached: the device may fault. If not,
			       the operands of what its queues are given are mapped, and stay so
			       until they have completed it. */

	/* Set by the driver in open(). */
	struct {
		uint32_t nr_queues;
		uint32_t queue_depth; /**< In operations. */
		uint64_t max_transfer_bytes;
		uint64_t ops;      /**< Bit n: enum svart_opcode n. */
		uint32_t features; /**< enum svart_feature that the driver knows of. */
		/**
		 * Addresses are below 2^N; 0: any. Device memory comes from there, and for devices
		 * without page requests the core keeps other operands away.
		 */
		uint32_t address_bits;
	} caps;     /**< What it can do. */
	void *priv; /**< The driver's own. */
};

/**
 * A queue, between core and driver.
 *
 * Owner: the queue's thread for `fast` and `state`; control for the rest. Lifetime: start to stop.
 */
struct svart_pmd_queue {
	/** First: prep, submit and poll get a pointer to it. What the program holds. priv is the
	 * driver's. */
	struct svart_queue fast;
	/* Set by the core before queue_start(). */
	struct svart_pmd_device *dev; /**< Its device. */
	uint32_t index;               /**< 0 to caps.nr_queues - 1. */
	uint32_t depth;               /**< 1 to caps.queue_depth. */
	uint32_t pasid;               /**< Of its attachment, or SVART_PASID_NONE. */
};

/**
 * A driver. Registration (the array that pmd/meson.build generates) requires every member.
 */
struct svart_pmd_ops {
	const char *name;               /**< "dsa". */
	const struct svart_pmd_id *ids; /**< Ends with vendor 0. */
	const char *const *option_keys; /**< Spec keys it takes, NULL-terminated. */
	uint32_t bars;                  /**< Bit n: map BAR n. */
	/**
	 * The device asks for pages that it lacks: it is attached so that its faults are delivered,
	 * but with faults=off. If not, operands are mapped before an operation is submitted.
	 */
	bool needs_page_requests;
	bool needs_movdir64b; /**< Submits by 64-byte stores, unless portal=split. */

	/**
	 * Resets the device, reads what it can do, configures and enables it.
	 * Entry: bound, attached, BARs mapped, bus mastering off, state unknown (another program may
	 * have crashed on it). Exit: enabled, no queue enabled; or, on error, disabled.
	 * Guarantees: caps are in range whatever the registers say; every wait ends; on error nothing
	 * is left allocated and the device does no DMA.
	 * @thread control.
	 */
	int (*open)(struct svart_pmd_device *dev);
	/**
	 * Disables the device.
	 * Entry: no queue is started. Exit: no DMA, no page request comes from it any more.
	 * Guarantees: succeeds, by a reset in the end; priv is freed.
	 */
	void (*close)(struct svart_pmd_device *dev);
	/**
	 * Configures and enables a work queue; sets q->fast.
	 * Entry: device enabled, this queue disabled. Exit: enabled.
	 * Guarantees: completion records and rings are mapped before the queue is enabled; on error
	 * the queue is disabled and nothing is left allocated.
	 */
	int (*queue_start)(struct svart_pmd_queue *q);
	/**
	 * Drains, then aborts, then resets the queue, each with a deadline; waits by svart_pause(), so
	 * that page requests are answered meanwhile. The core replaced q->fast's functions by stubs.
	 * Guarantees: succeeds; afterwards nothing of the queue does DMA; its memory is freed.
	 */
	void (*queue_stop)(struct svart_pmd_queue *q);
	/** Operations prepared and not polled. @thread the queue's owner. */
	uint32_t (*queue_in_flight)(const struct svart_pmd_queue *q);
	/** Whether the queue has failed. @thread any. */
	bool (*queue_failed)(const struct svart_pmd_queue *q);
	/** Why. Only after queue_failed(). @thread the queue's owner. */
	void (*queue_error)(const struct svart_pmd_queue *q, struct svart_queue_error *error);
};

#endif
