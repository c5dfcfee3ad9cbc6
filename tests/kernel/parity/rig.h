/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_RIG_H
#define SVART_TEST_RIG_H

/**
 * @file
 * What the parity cases run on: a machine, and ways to have a device fault in it. Beside this, cases
 * use nothing but the machine's own calls, so that they are the same on every rig.
 *
 * All functions return 0 or -errno as the kernel gave it, if nothing else is said.
 */

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"

/** Page requests and attachments without PASID. */
#define RIG_NO_PASID 0
/** PASIDs attached at a time. */
#define RIG_MAX_PASIDS 4

/** What not every rig can do. */
enum rig_ability {
	RIG_FAULTS,    /**< Its device sends page requests. */
	RIG_GROUPS,    /**< Several in a group. */
	RIG_ANSWERS,   /**< Its device tells which answers it got. */
	RIG_DETACH,    /**< The device can be attached to nothing. */
	RIG_CDEV,      /**< The device is a VFIO cdev. */
	RIG_PROCESSES, /**< Processes share it. */
	RIG_NR_ABILITIES
};

/** A page request that the device is to send. */
struct rig_request {
	uint32_t pasid; /**< Or RIG_NO_PASID. */
	uint16_t prgi;
	uint32_t perm; /**< enum iommu_hwpt_pgfault_perm. */
	uint64_t addr;
	bool last;
};

/** A device that is bound to an iommufd. Owner: its case. Lifetime: open to close. Locks: none. */
struct rig_device {
	int iommufd;
	int fd;                          /**< The VFIO cdev, or -1. */
	uint32_t dev_id;                 /**< The iommufd device. */
	uint32_t mock_id;                /**< UML's mock object. */
	uint32_t pasids[RIG_MAX_PASIDS]; /**< UML: those attached; the others are RIG_NO_PASID. */
	uint8_t *bar;                    /**< Of the requester (requester.h), or NULL. */
};

struct rig;

/** Owner: constant. */
struct rig_ops {
	const char *name;
	/** By enum rig_ability: NULL where the rig has it, else why not. */
	const char *lacks[RIG_NR_ABILITIES];
	/** The PASID that page requests need here, or RIG_NO_PASID. */
	uint32_t fault_pasid;

	int (*create)(struct rig *rig);
	void (*destroy)(struct rig *rig);
	/** Binds the device to an iommufd and attaches it to an IOAS or HWPT. */
	int (*device_open)(struct rig *rig, int iommufd, uint32_t pt_id, struct rig_device *dev);
	/** Detaches and unbinds. */
	void (*device_close)(struct rig *rig, struct rig_device *dev);
	/** Attaches, also in place of what there is. */
	int (*attach)(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint32_t pt_id);
	/** As attach, for a PASID that is attached; where that is the same call, the same function. */
	int (*replace)(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint32_t pt_id);
	int (*detach)(struct rig *rig, struct rig_device *dev, uint32_t pasid);
	/** Sends a page request, and returns when it was sent. */
	int (*request)(struct rig *rig, struct rig_device *dev, const struct rig_request *request);
	/**
	 * The last answer to a group.
	 * @return enum iommufd_page_response_code, or -EAGAIN: none yet.
	 */
	int (*answer)(struct rig *rig, struct rig_device *dev, uint32_t pasid, uint16_t prgi);
	/** @return how many things the machine still holds for closed files; -errno if unknown. */
	int64_t (*left_behind)(struct rig *rig);
};

/** Owner: main(). Lifetime: the program. Locks: none. */
struct rig {
	const struct rig_ops *ops;
	struct svart_machine *m;
	char cdev[64]; /**< The device's path, where it is a VFIO cdev. */
};

/** rig_ops.left_behind of a real kernel: pages pinned by anybody. */
int64_t rig_linux_left_behind(struct rig *rig);

extern const struct rig_ops rig_model;
extern const struct rig_ops rig_uml;
extern const struct rig_ops rig_qemu;

/** @return the rig of this name, or NULL. */
const struct rig_ops *rig_find(const char *name);

#endif
