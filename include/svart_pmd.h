/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PMD_H
#define SVART_PMD_H

/**
 * @file
 * The header that drivers include: the tables between the core and a poll-mode driver.
 *
 * A driver is one folder, pmd/NAME, and one line in pmd/meson.build. It sees the world only through
 * the machine (machine.h) and the host table below. doc/guides/drivers.rst walks through one.
 *
 * The core checks arguments, limits and order; a driver may assume that its input is valid. Data from the
 * device or the kernel is hostile, and the driver must check it. Operations go from the program to the
 * driver's prep unchecked, for speed. Only if page_requests is false has the core checked them: then they
 * are within caps, move at least a byte, and have no flags.
 */

#include <stdatomic.h>
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
/** Engines of one device: GRPCFG names 64 (DSA specification 9.2.24). */
#define SVART_PMD_MAX_ENGINES 64
/**
 * DIF operations with blocks of 4104 bytes touch 3 pages a side, and later operations may have more
 * operands.
 */
#define SVART_PMD_MAX_STEP_PAGES 16
/** Largest priority of a queue: WQCFG has 4 bits (DSA specification 9.2.18). */
#define SVART_PMD_MAX_PRIORITY 15

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

/** How a device was lost: the device, or what the kernel does for it, is gone. Each loss has a value. */
enum svart_pmd_loss {
	SVART_PMD_LOSS_NONE = 0,
	SVART_PMD_LOSS_FAULT_POLL, /**< poll() on the descriptor of page requests failed: revents. */
	SVART_PMD_LOSS_FAULT_READ,   /**< Page requests cannot be read: errno. */
	SVART_PMD_LOSS_FAULT_WRITE,  /**< Page requests cannot be answered: errno. */
	SVART_PMD_LOSS_FAULT_QUEUES, /**< The IOMMU's own queues (faults=raw) failed: errno. */
	SVART_PMD_LOSS_FILE,         /**< poll() on the device's VFIO file failed: revents. */
	SVART_PMD_LOSS_IOMMUFD,      /**< poll() on /dev/iommu failed: revents. */
	SVART_PMD_LOSS_CONFIG,       /**< Configuration space cannot be read: errno. */
	SVART_PMD_LOSS_COMMAND,      /**< The command register reads all ones: its value. */
	SVART_PMD_LOSS_BUS_MASTER, /**< Somebody cleared the bus master bit: value of the command register. */
	SVART_PMD_LOSS_REGISTER, /**< A register reads all ones: its offset in the BAR. */
};

/** What the core does for a driver. All but was_refused run on the control thread and may block. */
struct svart_pmd_host {
	/** Allocates device memory in the queue's space. @return 0 or -errno, told. */
	int (*mem_alloc)(struct svart_pmd_queue *q, size_t bytes, struct svart_pmd_mem *mem);
	/** Frees device memory, which the device must no longer use. Does nothing if addr is NULL. */
	void (*mem_free)(struct svart_pmd_queue *q, struct svart_pmd_mem *mem);
	/**
	 * Tells whether the page at addr was refused because memory was short, and not because it cannot be
	 * accessed. The driver asks once for each record that says "bad address". Any thread; does not
	 * block.
	 */
	bool (*was_refused)(const struct svart_pmd_queue *q, uint64_t addr);
	/**
	 * Reads 1, 2 or 4 bytes of PCI configuration space, if the transport has one.
	 * @return 0 or -errno, told.
	 */
	int (*config_read)(struct svart_pmd_device *dev, unsigned int off, void *buf, size_t len);
	/** Writes 1, 2 or 4 bytes of PCI configuration space. @return 0 or -errno, told. */
	int (*config_write)(
		struct svart_pmd_device *dev, unsigned int off, const void *buf, size_t len);
	/**
	 * Binds an interrupt vector of the device to an eventfd, which counts its interrupts.
	 * @param fd of the machine, or -1: to none. @return 0; -ENOTSUP there is no such vector; or another
	 * -errno; told.
	 */
	int (*irq_set)(struct svart_pmd_device *dev, unsigned int vector, int fd);
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
 * Owner: control thread. Lifetime: open to close. Locks: the core's control mutex; lost is an atomic that
 * any thread that finds a loss writes.
 */
struct svart_pmd_device {
	/* Set by the core before open(). */
	struct svart_machine *machine;     /**< What the device is on. */
	const struct svart_pmd_host *host; /**< What the core does for the driver. */
	const struct svart_pmd_id *id;     /**< The entry of ids that matched. */
	const char *name;                  /**< For messages: "model:dsa0". */
	uint32_t number;                   /**< svart_device_info.id, for traces. */
	struct {
		void *addr; /**< For the machine's mmio and portal calls only; NULL if not mapped. */
		size_t bytes;
	} bars[SVART_PMD_NR_BARS]; /**< The BARs that the driver asked for. */
	unsigned int portal_flags; /**< Option portal=, as enum svart_portal_flag (machine.h). */
	bool page_requests; /**< The fault-enabled page table is attached: the device may fault. If not,
			       the operands of what its queues are given are mapped, and stay so
			       until they have completed it. */

	/* Set by the driver in open(). */
	struct {
		uint32_t nr_queues;
		uint32_t queue_depth; /**< Largest depth of a queue, in operations. */
		uint64_t max_transfer_bytes;
		uint64_t ops; /**< Bit n: enum svart_opcode n. */
		/**
		 * Both are for devices with page requests. engines is how many work at once, 1 to
		 * SVART_PMD_MAX_ENGINES. step_pages is how many pages one step of the largest operation
		 * touches at once, 1 to SVART_PMD_MAX_STEP_PAGES: a fill touches 1, a copy 2. Completion
		 * records do not count, nor do pages that are asked for ahead.
		 */
		uint32_t engines;
		uint32_t step_pages; /**< See engines. */
		uint32_t features;   /**< enum svart_feature that the driver knows of. */
		/**
		 * N: the device reaches addresses below 2^N; 0: it reaches all addresses. Device memory
		 * comes from there, and the core gives no other operands to a device without page requests.
		 */
		uint32_t address_bits;
	} caps;     /**< What the device can do. */
	void *priv; /**< The driver's own. */

	/** 0, or how the device was lost: enum svart_pmd_loss from bit 32 on, its value below bit 32. */
	atomic_uint_least64_t lost;
};

/**
 * Writes down how a device was lost; the first cause stays. A driver that finds the loss then fails its
 * queues, as svart_pmd_ops.queues_fail does; if anybody else finds it, the core calls queues_fail.
 *
 * @param value as enum svart_pmd_loss says. @return whether it was the first. @thread any.
 */
static inline bool svart_pmd_lose(
	struct svart_pmd_device *dev, enum svart_pmd_loss loss, uint32_t value)
{
	uint64_t none = 0;

	/* Cause and value are one word, so that they are seen together; it orders nothing else. */
	return atomic_compare_exchange_strong_explicit(&dev->lost, &none,
		(uint64_t)loss << 32 | value, memory_order_relaxed, memory_order_relaxed);
}

/** Tells whether a device was lost. @thread any. */
static inline bool svart_pmd_is_lost(struct svart_pmd_device *dev)
{
	return atomic_load_explicit(&dev->lost, memory_order_relaxed) != 0;
}

/**
 * A queue, between core and driver.
 *
 * Owner: the queue's thread for `fast` and `state`; control for the rest. Lifetime: start to stop.
 */
struct svart_pmd_queue {
	/** This is first, because prep, submit and poll get a pointer to it, and the program holds that
	 * pointer. priv is the driver's. */
	struct svart_queue fast;
	/* The core sets these before queue_start(). */
	struct svart_pmd_device *dev; /**< Its device. */
	uint32_t index;               /**< 0 to caps.nr_queues - 1. */
	uint32_t depth;               /**< 1 to caps.queue_depth. */
	uint32_t pasid;               /**< PASID of its attachment, or SVART_PASID_NONE. */
	uint32_t flags;    /**< Bits of enum svart_queue_flag; UNORDERED only with page requests. */
	uint32_t priority; /**< 1 to 15, or 0: none was asked for. */
	int event_fd; /**< With SVART_QUEUE_EVENTS: to be raised by each completion. Else -1. */
};

/**
 * A driver. Registration (the array that pmd/meson.build generates) requires every member.
 */
struct svart_pmd_ops {
	const char *name; /**< "dsa". */
	/** Transports that reach its devices, NULL-terminated: "vfio". */
	const char *const *transports;
	const struct svart_pmd_id *ids; /**< Ends with vendor 0. */
	const char *const *option_keys; /**< Spec keys that it takes, NULL-terminated. */
	uint32_t bars;                  /**< Bit n: map BAR n, or what the transport has for it. */
	/**
	 * The device asks for pages that it lacks: it is attached so that its faults are delivered, except
	 * with faults=off. If false, operands are mapped before an operation is submitted.
	 */
	bool needs_page_requests;
	bool needs_movdir64b; /**< It submits by 64-byte stores, unless portal= is given. */

	/**
	 * Resets the device, reads what it can do, configures and enables it.
	 * Entry: bound, attached, BARs mapped, bus mastering off, state unknown (another program may
	 * have crashed on it). Exit: enabled, bus mastering on, no queue enabled; or, on error,
	 * disabled. Later only the driver may switch bus mastering off, when every queue has failed. If it
	 * is off otherwise, somebody else did that, and the device is lost.
	 * Guarantees: caps are in range whatever the registers say; every wait ends; on error nothing
	 * is left allocated and the device does no DMA.
	 * @thread control.
	 */
	int (*open)(struct svart_pmd_device *dev);
	/**
	 * Disables the device.
	 * Entry: no queue is started. Exit: the device does no DMA and sends no page request any more.
	 * Guarantees: it succeeds, by a reset if nothing else helps; priv is freed.
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
	 * that page requests are answered meanwhile. The core has replaced the functions of q->fast by
	 * stubs. Guarantees: it succeeds; afterwards nothing of the queue does DMA or asks for a page, and
	 * its memory is freed. Its last page requests may still be on their way: the core takes care of
	 * them.
	 */
	void (*queue_stop)(struct svart_pmd_queue *q);
	/**
	 * Makes every started queue fail, because the device is lost (svart_pmd_device.lost): poll
	 * completes what is in flight with SVART_STATUS_QUEUE_FAILED, and queue_failed() says so. Queues
	 * that have failed before keep their cause. It is called between open() and close(), also several
	 * times and while a queue starts.
	 * @thread any, one at a time. Blocks never.
	 */
	void (*queues_fail)(struct svart_pmd_device *dev);
	/**
	 * Looks whether the device still works, by registers that poll reads only after a long silence. An
	 * error fails the queues that it concerns; registers that read all ones are
	 * SVART_PMD_LOSS_REGISTER.
	 * @thread any, several at once, while a queue is started. Blocks never.
	 */
	void (*check)(struct svart_pmd_device *dev);
	/** Counts the operations that are prepared and not polled. @thread the queue's owner. */
	uint32_t (*queue_in_flight)(const struct svart_pmd_queue *q);
	/** Tells whether the queue has failed. @thread any. */
	bool (*queue_failed)(const struct svart_pmd_queue *q);
	/**
	 * Tells why the queue has failed; it is called only after queue_failed(). It leaves the text empty
	 * if the device was lost: the core writes the text then.
	 * @param error out: filled in whole; its size is not looked at here.
	 * @thread the queue's owner.
	 */
	void (*queue_error)(const struct svart_pmd_queue *q, struct svart_queue_error *error);
};

#endif
