/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_DEVICE_H
#define SVART_DEVICE_H

/**
 * @file
 * Accelerators: opening, attaching to spaces, closing.
 *
 * A device is named by a spec, BUS:NAME[,KEY=VALUE...]:
 *
 * - "model:dsa0"                     a DSA of the software machine, in this process
 * - "pci:0000:6a:01.0"               silicon, bound to vfio-pci
 * - "pci:0000:6a:01.0,pasid=5"       attached by PASID 5 instead of by the function itself
 *
 * Keys for every device: pasid=N (1 to 1048575), portal=split (an emulated device, on a CPU
 * without MOVDIR64B), faults=iommufd|raw|off (where page requests come from: the kernel's fault queue,
 * the default; the IOMMU's own queues, owned by this process; or nowhere: page requests are not used),
 * fault_mode=deferred|eager (enum svart_fault_mode). Keys of a driver and of the model are in doc/devices.
 *
 * No Linux gives a process the IOMMU's own queues: faults=raw works on the software machine only,
 * where iommu=vtd (the default) or iommu=smmu says which IOMMU it is, and is -ENOTSUP elsewhere.
 *
 * A device that sends no page requests, because it cannot or because of faults=off, has the same
 * programming model: svart_queue_prep() maps an operation's memory before the device is told of it, and
 * holds it until svart_queue_poll() has returned the completion. What is different:
 *
 * - SVART_FEATURE_PAGE_REQUESTS is clear, and no fault service is needed;
 * - prep makes system calls where memory is not mapped yet, and blocks as long as its pages take to
 *   come; with SVART_OP_NO_BLOCK it does not, and the operation ends at the first such page;
 * - all operations in flight of a space's queues can hold a quarter of its pin limit. Beyond that prep
 *   takes fewer operations: poll, then go on. So max_transfer_bytes is an eighth of the pin limit less
 *   two pages, if the device can do more;
 * - svart_space_forget() waits for operations in flight on the range;
 * - addresses that the device cannot reach complete with SVART_STATUS_BAD_ADDRESS.
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/fault.h>
#include <svart/init.h>
#include <svart/space.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One bound accelerator. Opaque. */
struct svart_device;

/** No PASID: requests carry the function's own id (PCI RID) only. */
#define SVART_PASID_NONE UINT32_MAX
/** Largest PASID: 20 bits (PCIe 6.0, 6.20). */
#define SVART_PASID_MAX 0xfffffu

/** Bits of svart_device_info.features. */
enum svart_feature {
	SVART_FEATURE_PAGE_REQUESTS = 1 << 0, /**< Asks for pages it lacks (PRI or stall). */
	SVART_FEATURE_PASID = 1 << 1,         /**< Attached by PASID. */
	SVART_FEATURE_OVERLAP = 1 << 2,       /**< Copies overlapping ranges as memmove() does. */
};

/** What a device is and can do. */
struct svart_device_info {
	char name[64];               /**< The spec's BUS:NAME. */
	char address[16];            /**< PCI address, "0000:6a:01.0". */
	char driver[16];             /**< svart's driver for it, "dsa". */
	uint32_t id;                 /**< Its number in the process, the lowest free, from 0. */
	uint32_t pasid;              /**< Of the first attachment, or SVART_PASID_NONE. */
	int32_t numa_node;           /**< NUMA node, -1 if the system does not say. */
	uint32_t features;           /**< Bits of enum svart_feature. */
	uint32_t nr_queues;          /**< Queues it is configured for. */
	uint32_t nr_queues_free;     /**< Of these, not created yet. */
	uint32_t queue_depth;        /**< Largest depth of a queue, in operations. */
	uint64_t max_transfer_bytes; /**< Largest length of one operation. */
	uint64_t ops;                /**< Bit n: enum svart_opcode n is supported. */
};

/**
 * Binds an accelerator to iommufd, attaches it to a space and configures it.
 *
 * @param rt     the runtime.
 * @param spec   BUS:NAME[,KEY=VALUE...], see above; read only during the call.
 * @param space  what the device sees; stays the caller's and must outlive the device.
 * @param faults who answers its page requests; stays the caller's and must outlive the device. May be
 *               NULL for a device without page requests, which does not use it.
 * @param dev    out: the device; the caller ends it with svart_device_close().
 * @return 0 or a negative errno; *dev is written only on success.
 * @errors -EINVAL the spec cannot be parsed, or a key or value is unknown or out of range, or faults
 *         is NULL and the device has page requests.
 *         -ENODEV no such device, no driver for it, or no page requests from it.
 *         -ENOENT an interface of the kernel is missing (no /dev/iommu, no VFIO cdev), or the
 *         device is not bound to vfio-pci. -EACCES, -EPERM no permission. -EBUSY in use.
 *         -EXDEV the space is on another machine. -ERANGE the IOMMU's aperture is smaller than
 *         the process's addresses. -ENOTSUP the CPU or the kernel lacks something the device needs,
 *         or keeps it to itself (faults=raw).
 *         -ENOMEM memory, or RLIMIT_MEMLOCK. -EIO, -ETIMEDOUT the device does not do as told.
 *         For each, svart_error_text() says what to do.
 * @thread any; one control call at a time is served, others wait.
 * @blocks until the device has been reset and enabled; at most some seconds on a device that hangs.
 */
SVART_API int svart_device_open(struct svart *rt, const char *spec, struct svart_space *space,
	struct svart_fault_service *faults, struct svart_device **dev);

/**
 * Stops a device, detaches it from its spaces and frees it. Page requests are answered until the
 * last moment; what is then still open is answered INVALID by the detach.
 *
 * @return 0, or -EBUSY while a queue of it exists: destroy the queue, then call again.
 * @thread any; nothing else may use the device any more.
 * @blocks until the device is disabled, at most some seconds on a device that hangs; and until the
 *         fault service has done with a page of this device that it is just mapping, however long
 *         that page takes to come.
 */
SVART_API int svart_device_close(struct svart_device *dev);

/**
 * Attaches an open device to one more space, under a PASID of its own. Queues created for that
 * space (struct svart_queue_params) reach its memory and no other.
 *
 * @param dev   the device; must itself have been opened with pasid=N.
 * @param space a space with no attachment of this device yet; must outlive the attachment.
 * @param pasid 1 to SVART_PASID_MAX, not in use on this device.
 * @return 0 or a negative errno.
 * @errors -EINVAL pasid out of range, or the device was opened without pasid=N. -EEXIST the space
 *         or the PASID is attached already. -EXDEV the space is on another machine. -ENOTSUP the
 *         kernel has no PASID attach (Linux 6.16 has). -ENOMEM. Others: what the kernel answered.
 * @thread any.
 * @blocks while the kernel attaches.
 */
SVART_API int svart_device_attach(
	struct svart_device *dev, struct svart_space *space, uint32_t pasid);

/**
 * Ends what svart_device_attach() began.
 *
 * @return 0; -ENOENT the space is not attached, or is the one the device was opened with; -EBUSY a
 *         queue uses it: destroy the queue, then call again.
 * @thread any.
 * @blocks while the kernel detaches.
 */
SVART_API int svart_device_detach(struct svart_device *dev, struct svart_space *space);

/**
 * Chooses when the pages of a group are made present, from the next request on. Groups that are still
 * arriving end as they began.
 *
 * @param mode see enum svart_fault_mode.
 * @return 0; -EINVAL no such mode; -ENODEV the device has no page requests; -EPERM in a child after
 *         fork.
 * @thread any.
 * @blocks until the fault service's current pass ends.
 */
SVART_API int svart_device_fault_mode_set(struct svart_device *dev, enum svart_fault_mode mode);

/** The mode now. SVART_FAULT_DEFERRED for a device without page requests. @thread any. @blocks never. */
SVART_API enum svart_fault_mode svart_device_fault_mode_get(const struct svart_device *dev);

/**
 * Copies the fault counters of a device, or of one PASID of it.
 *
 * @param space an attachment's space; NULL: the sum over the device's attachments, with the quantiles of
 *              all their answers.
 * @param stats out: a snapshot; sources_lost counts attachments. All zero without page requests.
 * @return 0; -ENOENT the device is not attached to the space; -EPERM in a child after fork.
 * @thread any.
 * @blocks for other control calls.
 */
SVART_API int svart_device_fault_stats_get(
	struct svart_device *dev, const struct svart_space *space, struct svart_fault_stats *stats);

/**
 * Describes a device.
 *
 * @param info out: filled in whole.
 * @thread any.
 * @blocks never.
 */
SVART_API void svart_device_info_get(
	const struct svart_device *dev, struct svart_device_info *info);

#ifdef __cplusplus
}
#endif

#endif
