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
 * - "pci:dsa0,machine=model"         the same in full
 * - "pci:0000:6a:01.0"               silicon, bound to vfio-pci
 * - "pci:0000:6a:01.0,pasid=5"       attached by PASID 5 instead of by the function itself
 *
 * Keys for every device: machine=linux|model (the machine it is on: the system, which is the default, or
 * the software machine), pasid=N (1 to 1048575), portal=split (an emulated device, on a CPU without
 * MOVDIR64B), faults=iommufd|raw|off (where page requests come from: the kernel's fault queue, the default;
 * the IOMMU's own queues, owned by this process; or nowhere: page requests are not used),
 * fault_mode=deferred|eager (enum svart_fault_mode). Keys of a driver and of the model are in doc/devices.
 *
 * "pci:0000:6a:01.0,iommufd_fd=5,device_fd=6" takes descriptors that somebody else opened: /dev/iommu, and
 * the device's file of /dev/vfio/devices, not bound yet. They stay the caller's. device_fd must stay open
 * until the device is closed, and iommufd_fd until every device of the machine is closed, because all of
 * them use it.
 *
 * No Linux gives a process the IOMMU's own queues: faults=raw works on the software machine only, and is
 * -ENOTSUP elsewhere. There iommu=vtd (the default) or iommu=smmu says which IOMMU it is.
 *
 * A device that sends no page requests, because it cannot or because of faults=off, has the same
 * programming model: svart_queue_prep() maps an operation's memory before the device is told of it, and
 * holds it until svart_queue_poll() has returned the completion. The differences are:
 *
 * - SVART_FEATURE_PAGE_REQUESTS is clear, and no fault service is needed;
 * - prep makes system calls where memory is not mapped yet, and blocks until the pages have come; with
 *   SVART_OP_NO_BLOCK it does neither, and the operation ends at the first such page;
 * - all operations in flight of a space's queues can hold a quarter of its pin limit. Beyond that prep
 *   takes fewer operations: poll, then go on. So svart_queue_max_transfer_bytes() of its queues is an
 *   eighth of the pin limit less two pages, if the device can do more;
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
	SVART_FEATURE_EVENTS = 1 << 3,        /**< Queues can have SVART_QUEUE_EVENTS. */
	SVART_FEATURE_PRIORITY = 1 << 4,      /**< Queues can have a priority. */
	SVART_FEATURE_BATCHES = 1 << 5,       /**< Queues can have SVART_QUEUE_BATCHES. */
};

/** What a device is and can do. SVART_DEVICE_INFO_INIT() comes first. */
struct svart_device_info {
	uint32_t size;           /**< Size of the structure, set by SVART_DEVICE_INFO_INIT(). */
	uint32_t id;             /**< Its number in the process, the lowest free, from 0. */
	char name[64];           /**< BUS:NAME; the short form if two forms mean the same. */
	char address[16];        /**< PCI address, "0000:6a:01.0". */
	char driver[16];         /**< svart's driver for it, "dsa". */
	uint32_t pasid;          /**< Of the first attachment, or SVART_PASID_NONE. */
	int32_t numa_node;       /**< NUMA node, -1 if the system does not say. */
	uint32_t features;       /**< Bits of enum svart_feature. */
	uint32_t nr_queues;      /**< Queues it is configured for. */
	uint32_t nr_queues_free; /**< Those of nr_queues that are free now. */
	uint32_t queue_depth;    /**< Largest depth of a queue, in operations. */
	/**
	 * Largest length of one operation that every queue of the device takes, whatever space the device
	 * is attached to; an attach can lower it. svart_queue_max_transfer_bytes() says what one queue
	 * takes.
	 */
	uint64_t max_transfer_bytes;
	uint64_t ops; /**< Bit n: enum svart_opcode n is supported. */
	/**
	 * Engines that work at once; 0 if the device has no page requests. Every space that the device is
	 * attached to needs room for engines * step_pages pages, each in a chunk of its own
	 * (pin_limit_bytes).
	 */
	uint32_t engines;
	uint32_t step_pages; /**< Pages that one step of an engine touches at once. */
};

/** Initialises a struct svart_device_info: `struct svart_device_info i = SVART_DEVICE_INFO_INIT();` */
#define SVART_DEVICE_INFO_INIT(...)                                   \
	{                                                             \
		.size = sizeof(struct svart_device_info), __VA_ARGS__ \
	}

/**
 * Binds an accelerator to iommufd, attaches it to a space and configures it.
 *
 * @param rt     the runtime.
 * @param spec   BUS:NAME[,KEY=VALUE...], see above; read only during the call.
 * @param space  the space that the device sees; stays the caller's and must outlive the device.
 * @param faults the service that answers its page requests; stays the caller's and must outlive the device.
 *               May be NULL if the device has no page requests: it is not used then.
 * @param dev    out: the device; the caller ends it with svart_device_close().
 * @return 0 or a negative errno; *dev is written only on success.
 * @errors -EINVAL the spec cannot be parsed, or a key or value is unknown or out of range, or faults
 *         is NULL and the device has page requests; or iommufd_fd= is not the /dev/iommu that the
 *         runtime's devices use.
 *         -EBADF a descriptor that the spec gives is not open, or is a file of another kind.
 *         -ENODEV no such device, no driver for it, or no page requests from it.
 *         -ENOENT an interface of the kernel is missing (no /dev/iommu, no VFIO cdev), or the
 *         device is not bound to vfio-pci. -EACCES, -EPERM no permission. -EBUSY in use; or the
 *         thread of the fault service, which has no resolvers, maps a page that does not come.
 *         -EXDEV the space is on another machine. -ERANGE the IOMMU's aperture is smaller than
 *         the process's addresses. -ENOTSUP the CPU or the kernel lacks something the device needs,
 *         or keeps it to itself (faults=raw).
 *         -ENOSPC the space's pin limit or max_chunks is smaller than what must be mapped at once: raise
 *         the limit; the text has both numbers. -ENOMEM no memory, or RLIMIT_MEMLOCK. -EIO, -ETIMEDOUT the
 *         device does not do what it is told. For each, svart_error_text() says what to do.
 * @thread any; control calls are served one at a time, and the others wait.
 * @blocks until the device has been reset and enabled; at most some seconds on a device that hangs.
 */
SVART_API int svart_device_open(struct svart *rt, const char *spec, struct svart_space *space,
	struct svart_fault_service *faults, struct svart_device **dev);

/**
 * Stops a device, detaches it from its spaces and frees it. Page requests are answered until the detach,
 * which answers INVALID to those that are still open. A device that was lost is closed in the same way, as
 * far as there is something left to stop.
 *
 * @return 0, or -EBUSY: a queue of it exists: destroy the queue, then call again. Or the fault service has
 *         been waiting for two seconds for a page of this device (of any device, if the service has no
 *         resolvers), for instance because its userfaultfd handler is gone or its file server does not
 *         answer: have the page supplied, then call again. The device is stopped and detached by then; its
 *         space and its service stay in use.
 * @thread any; nothing may use the device any more, except another call of this function.
 * @blocks until the device is disabled, at most some seconds on a device that hangs; and it waits for such
 *         a page for two seconds at most, while other control calls go on. It waits for an inline service
 *         that another thread pumps as for a service without resolvers.
 */
SVART_API int svart_device_close(struct svart_device *dev);

/**
 * Attaches an open device to one more space, under a PASID of its own. Queues created for that
 * space (struct svart_queue_params) reach its memory and no other.
 *
 * @param dev   the device; must have been opened with pasid=N.
 * @param space a space to which this device is not attached yet; must outlive the attachment.
 * @param pasid 1 to SVART_PASID_MAX, not in use on this device.
 * @return 0 or a negative errno.
 * @errors -EINVAL pasid out of range, or the device was opened without pasid=N. -EEXIST the space
 *         or the PASID is attached already. -EXDEV the space is on another machine. -ENOTSUP the kernel
 *         cannot attach PASIDs (Linux 6.16 can). -ENODEV the device was lost: close it. -ENOSPC as
 *         svart_device_open(). -ENOMEM.
 *         -EBUSY the fault service, without resolvers, maps a page that has not come for two seconds:
 *         have it supplied, then call again. Other errors are what the kernel answered.
 * @thread any.
 * @blocks while the kernel attaches.
 */
SVART_API int svart_device_attach(
	struct svart_device *dev, struct svart_space *space, uint32_t pasid);

/**
 * Ends what svart_device_attach() began.
 *
 * @return 0; -ENOENT the space is not attached, or is the one the device was opened with; -EBUSY a queue
 *         uses it: destroy the queue, then call again; or a page does not come, as svart_device_close()
 *         says: the space is detached by then, and stays in use until this function returns 0.
 * @thread any.
 * @blocks while the kernel detaches; and it waits for such a page for two seconds at most, while other
 *         control calls go on.
 */
SVART_API int svart_device_detach(struct svart_device *dev, struct svart_space *space);

/**
 * Chooses when the pages of a group are made present, from the next request on. A group that is still
 * arriving keeps the mode in which it began.
 *
 * @param mode see enum svart_fault_mode.
 * @return 0; -EINVAL no such mode; -ENODEV the device has no page requests; -EPERM in a child after
 *         fork; -EBUSY the fault service, without resolvers, maps a page that has not come for two seconds:
 *         some attachments may have the new mode already; have the page supplied, then call again.
 * @thread any.
 * @blocks until the fault service's current pass ends, for two seconds at most.
 */
SVART_API int svart_device_fault_mode_set(struct svart_device *dev, enum svart_fault_mode mode);

/**
 * Tells the present mode. SVART_FAULT_DEFERRED for a device without page requests.
 * @thread any. @blocks never.
 */
SVART_API enum svart_fault_mode svart_device_fault_mode_get(const struct svart_device *dev);

/**
 * Copies the fault counters of a device, or of one PASID of it.
 *
 * @param space an attachment's space; NULL for the sum over the device's attachments, with the quantiles of
 *              all their answers.
 * @param stats in: its size; out: a snapshot; sources_lost counts attachments. All are zero if the device
 *              has no page requests.
 * @return 0; -EINVAL stats->size is not a valid size; -ENOENT the device is not attached to the space;
 *         -EPERM in a child after fork.
 * @thread any.
 * @blocks while other control calls run.
 */
SVART_API int svart_device_fault_stats_get(
	struct svart_device *dev, const struct svart_space *space, struct svart_fault_stats *stats);
/** @cond Sets the size first. */
#define svart_device_fault_stats_get(dev, space, stats) \
	svart_device_fault_stats_get(dev, space, SVART_SIZE_SET(stats))
/** @endcond */

/**
 * Describes a device.
 *
 * @param info in: its size; out: filled in whole.
 * @return 0; -EINVAL info->size is not a valid size: nothing is written.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_device_info_get(const struct svart_device *dev, struct svart_device_info *info);
/** @cond Sets the size first. */
#define svart_device_info_get(dev, info) svart_device_info_get(dev, SVART_SIZE_SET(info))
/** @endcond */

#ifdef __cplusplus
}
#endif

#endif
