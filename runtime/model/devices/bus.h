/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_MODEL_BUS_H
#define SVART_MODEL_BUS_H

/**
 * @file
 * The only way between a device model and the world: two tables, one in each direction.
 *
 * In the process the bus is the model's IOMMU (iommu_device.h); in a kernel rig it is an emulator's PCI bus.
 * A device model includes this file, ops.h and bits.h, and nothing else of svart.
 *
 * Locking: the bus calls a device under the device's lock, but for portal64() and enqueue64(), which any
 * thread may call at any time. Inside step() the device may call every function of svart_bus_ops. What
 * translation said stays true until step() returns: invalidation waits for the device's lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The device side's handle of its bus. Implementations embed it. */
struct svart_bus {
	const struct svart_bus_ops *ops;
};

/** Page requests without PASID carry this. */
#define SVART_BUS_NO_PASID UINT32_MAX

/** One translated page (ATS translation completion, PCIe 6.0, 10.2.3). */
struct svart_ats_entry {
	uint64_t translated; /**< Page-aligned translated address. */
	bool read;           /**< If both are false, the page is not present. */
	bool write;
};

/** One page request message (PCIe 6.0, 10.4.1). */
struct svart_bus_page_request {
	uint32_t pasid; /**< Or SVART_BUS_NO_PASID. */
	uint64_t addr;  /**< Page-aligned. */
	uint16_t prgi;  /**< Page request group index, 9 bits. */
	bool read;
	bool write;
	bool exec;
	bool priv;
	bool last;
};

/** Page request group response codes (PCIe 6.0, 10.4.2.1). */
enum svart_bus_prg_response {
	SVART_BUS_PRG_SUCCESS = 0,
	SVART_BUS_PRG_INVALID = 1,
	SVART_BUS_PRG_FAILURE = 0xf,
};

/** What a device can ask of its bus. */
struct svart_bus_ops {
	/**
	 * Tells the bus master enable bit of the PCI command register: without it nothing below works
	 * (-EPERM).
	 */
	bool (*bus_master)(struct svart_bus *bus);
	/**
	 * PASID control register's Privileged Mode Enable (PCIe 6.0, 6.20): without it no request with a
	 * PASID may ask for privileged access. May be NULL: no.
	 */
	bool (*privileged)(struct svart_bus *bus);
	/**
	 * ATS translation request for nr pages from va on.
	 * @param out out: array[nr]. @return 0; -EOPNOTSUPP ATS is off; -EPERM no bus master.
	 */
	int (*ats_translate)(struct svart_bus *bus, uint32_t pasid, uint64_t va, unsigned int nr,
		bool write, struct svart_ats_entry *out);
	/**
	 * Sends a page request. The bus answers by calling the device's page_response(), later or from
	 * within this very call.
	 * @return 0; -EOPNOTSUPP PRI is off; -EPERM no bus master; -EBUSY no credits: ask again after
	 * the next page_response().
	 */
	int (*page_request)(struct svart_bus *bus, const struct svart_bus_page_request *request);
	/**
	 * Tells how many page requests the device may have outstanding (PCIe 6.0, 10.5.2.5: Outstanding
	 * Page Request Allocation). The device starts no group that does not fit: without its LAST a group
	 * is never answered. May be NULL: then it is the device's pri_capacity.
	 */
	uint32_t (*pri_allocation)(struct svart_bus *bus);
	/**
	 * Tells whether page_request() sends no message but an access that waits for its page (SMMUv3 4.6:
	 * a stalled transaction). Then the device cannot ask ahead for pages: if it reads ahead, it gets
	 * the data. May be NULL: then it does not stall.
	 */
	bool (*stalls)(struct svart_bus *bus);
	/**
	 * Copies len bytes with memmove semantics between translated addresses; one call has both ends of
	 * the access. Each range is contiguous in translated addresses and covered by present translations
	 * that the device holds.
	 * @return 0; -EIO the access failed (memory vanished under its translation).
	 */
	int (*copy)(struct svart_bus *bus, uint64_t dst, uint64_t src, size_t len);
	/** Read from translated addresses, and write to them. As copy(). */
	int (*read)(struct svart_bus *bus, uint64_t addr, void *buf, size_t len);
	int (*write)(struct svart_bus *bus, uint64_t addr, const void *buf, size_t len);
	/** Fills [dst, dst + len) as svart_op_fill16() does. As copy(). */
	int (*fill)(struct svart_bus *bus, uint64_t dst, size_t len, uint64_t pattern_lo,
		uint64_t pattern_hi, uint64_t phase);
	/**
	 * Writes a completion record: like write(), but byte 0 becomes visible last, with release
	 * order.
	 */
	int (*write_record)(struct svart_bus *bus, uint64_t addr, const void *record, size_t len);
	/**
	 * Send untranslated requests, which the IOMMU translates on the way; they may cross pages.
	 * @return 0; -EFAULT not mapped or not allowed (an unrecoverable fault is logged); -EIO.
	 */
	int (*dma_read)(struct svart_bus *bus, uint32_t pasid, uint64_t va, void *buf, size_t len);
	int (*dma_write)(
		struct svart_bus *bus, uint32_t pasid, uint64_t va, const void *buf, size_t len);
	/** Raises an MSI-X vector. */
	void (*interrupt)(struct svart_bus *bus, unsigned int vector);
	/** Says that step() has work to do. Any thread. */
	void (*wake)(struct svart_bus *bus);
};

/** A device model. */
struct svart_device_model {
	const char *name; /**< "dsa". */
	uint16_t vendor, device;
	uint8_t revision;
	uint32_t class_code;     /**< 24 bits. */
	uint64_t bar_bytes[6];   /**< Powers of two; 0: none. 64-bit BARs take two places. */
	unsigned int portal_bar; /**< That takes portal64() and enqueue64(); 0: none. */
	unsigned int nr_vectors; /**< MSI-X. */
	/** MSI vectors of a device without MSI-X: 1, 2, 4 ... 32 (PCI 3.0, 6.8.1). Only in an emulator's machine. */
	unsigned int nr_msi;
	bool pasid, ats, pri; /**< Capabilities it shows. */
	bool pasid_priv;      /**< Its PASID capability has Privileged Mode (PCIe 6.0, 6.20). */
	/** Outstanding page request capacity (PCIe 6.0, 10.5.2.4). */
	uint32_t pri_capacity;

	/** Keys of model options it takes, NULL-terminated. */
	const char *const *option_keys;
	/**
	 * Makes a device.
	 * @param options "key=value,..." of option_keys only; a bad one is -EINVAL.
	 */
	int (*create)(struct svart_bus *bus, const char *options, void **dev);
	void (*destroy)(void *dev);
	/**
	 * Read and write a register; size is 4 or 8, and the access is aligned. If there is no register, a
	 * read gives 0 and a write does nothing.
	 */
	uint64_t (*mmio_read)(void *dev, unsigned int bar, uint64_t off, unsigned int size);
	void (*mmio_write)(
		void *dev, unsigned int bar, uint64_t off, unsigned int size, uint64_t value);
	/**
	 * Takes nr posted stores of 64 bytes each, in order: descs goes to off and the places after it, and
	 * wraps around in their page of 4 KiB. Any thread, no lock held.
	 */
	void (*portal64)(void *dev, unsigned int bar, uint64_t off, const void *descs, uint32_t nr);
	/**
	 * A deferrable memory write of 64 bytes, as ENQCMD makes it (PCIe 6.0, 6.32): desc, to off. Any thread,
	 * no lock held. May be NULL: the device takes none.
	 * @return false: not taken, try again.
	 */
	bool (*enqueue64)(void *dev, unsigned int bar, uint64_t off, const void *desc);
	/**
	 * ATS invalidation request: forget translations of [va, va + len) of this PASID; va 0 and len
	 * UINT64_MAX: of all.
	 */
	void (*invalidate)(void *dev, uint32_t pasid, uint64_t va, uint64_t len);
	/**
	 * Takes a page request group response. An unknown prgi is ignored. The call may come from within
	 * page_request().
	 */
	void (*page_response)(
		void *dev, uint32_t pasid, uint16_t prgi, enum svart_bus_prg_response code);
	/** Does a function level reset. */
	void (*reset)(void *dev);
	/**
	 * A hardware error: the device stops all it does, and says so in its own way, until it is reset.
	 * @param flr only by a function level reset; else by a reset of its own, too. May be NULL: it has no
	 * such state.
	 */
	void (*halt)(void *dev, bool flr);
	/**
	 * Does a bounded piece of work.
	 * @return true if anything moved; false if there is nothing to do until a register or portal is
	 * written or a response comes.
	 */
	bool (*step)(void *dev);
};

extern const struct svart_device_model svart_dsa_model;
extern const struct svart_device_model svart_edu_model;

#endif
