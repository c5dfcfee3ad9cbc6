/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROBE_H
#define SVART_PROBE_H

/**
 * @file
 * Which accelerators there are, and for each way to bind them: ready, or the first thing that is
 * missing and how to mend it.
 *
 * A probe looks and changes nothing: it reads sysfs, opens /dev/iommu and VFIO cdevs and closes them
 * again, and binds, resets and allocates nothing. What it tells was true when it was made. Ready
 * means that nothing was found missing; that page requests really arrive is known when one has.
 *
 * @code
 * struct svart_probe_device dev;
 * struct svart_probe *probe;
 *
 * svart_probe_create(rt, &probe);
 * for (i = 0; i < svart_probe_nr_devices(probe); i++) {
 *         svart_probe_device_get(probe, i, &dev);
 *         printf("%s: %s\n", dev.name, dev.paths[0].ready ? "ready" : dev.paths[0].missing);
 * }
 * svart_probe_destroy(probe);
 * @endcode
 */

#include <stdbool.h>
#include <stdint.h>

#include <svart/init.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a probe found. Opaque. */
struct svart_probe;

/** Ways to bind one device at most. */
#define SVART_PROBE_MAX_PATHS 2

/** What a path lacks first, in the order in which it is looked for. */
enum svart_probe_code {
	SVART_PROBE_READY = 0,       /**< Nothing. */
	SVART_PROBE_UNSUPPORTED = 1, /**< svart has no driver for this way to bind it. */
	SVART_PROBE_UNREADABLE = 2,  /**< The kernel says something of it that cannot be. */
	SVART_PROBE_NO_IOMMU = 3,    /**< It is behind no IOMMU. */
	SVART_PROBE_NO_SCALABLE = 4, /**< VT-d is not in scalable mode. */
	SVART_PROBE_IOMMU_NO_FAULT =
		5,                  /**< The IOMMU, or its Linux driver, takes no page requests. */
	SVART_PROBE_NO_IOMMUFD = 6, /**< No /dev/iommu. */
	SVART_PROBE_NO_VFIO_CDEV = 7, /**< The kernel has no VFIO devices without groups. */
	SVART_PROBE_OLD_KERNEL = 8,   /**< The kernel is too old. */
	SVART_PROBE_DENYLIST = 9,     /**< vfio-pci refuses it: its denylist. */
	SVART_PROBE_NOT_BOUND = 10,   /**< It is not bound to vfio-pci. */
	SVART_PROBE_VIRTUAL = 11,     /**< A virtual function, whose page requests Linux refuses. */
	SVART_PROBE_CONFIG_SPACE = 12, /**< Its capabilities cannot be read. */
	SVART_PROBE_NO_ATS = 13,       /**< It has no ATS capability. */
	SVART_PROBE_NO_PRI = 14,       /**< It has no PRI capability. */
	SVART_PROBE_NO_PASID = 15,     /**< It has no PASID capability. */
	SVART_PROBE_MEMLOCK = 16,      /**< The process may lock too little memory. */
	SVART_PROBE_APERTURE = 17,     /**< The IOMMU cannot map the process's addresses. */
	SVART_PROBE_NO_MOVDIR64B = 18, /**< The CPU cannot store 64 bytes at once. */
	SVART_PROBE_PERMISSION = 19,   /**< No permission to open /dev/iommu or the cdev. */
};

/** One way to bind a device. */
struct svart_probe_path {
	char path[8];               /**< "model", "vfio", "idxd" or "uacce". */
	char spec[80];              /**< For svart_device_open(), "" if not ready. */
	bool ready;                 /**< Nothing is missing. */
	enum svart_probe_code code; /**< What is missing, for programs. */
	char missing[192];          /**< The same for a person, "" if ready. */
	char fix[384];              /**< What to do about it, "" if ready or nothing helps. */
	char note[256];             /**< What else is worth to know, or "". */
};

/** One accelerator. All text is printable ASCII, whatever the system's was. */
struct svart_probe_device {
	char name[64]; /**< "model:dsa0", "pci:0000:6a:01.0", "idxd:wq0.0", "uacce:hisi_zip-0". */
	char address[16];       /**< PCI address, or "". */
	char model[64];         /**< In words, "Intel DSA 1.0". */
	char kernel_driver[32]; /**< What it is bound to, or "". */
	bool software;          /**< Of the software machine: no accelerator of this system. */
	int32_t numa_node;      /**< NUMA node, -1 if the system does not say. */
	uint32_t nr_paths;      /**< Of paths; 1 or more. */
	struct svart_probe_path paths[SVART_PROBE_MAX_PATHS]; /**< Ways to bind it. */
};

/** What holds for all devices. */
struct svart_probe_system {
	char kernel[72];          /**< Release, "6.16.3-amd64"; "" if it cannot be read. */
	bool movdir64b;           /**< The CPU has MOVDIR64B, which portals of silicon need. */
	bool iommufd;             /**< There is a /dev/iommu. */
	bool iommufd_permitted;   /**< And this process may open it. */
	uint32_t nr_iommus;       /**< IOMMUs that the kernel drives. */
	uint64_t pin_limit_bytes; /**< What a space may pin by default; 0: next to nothing. */
	uint32_t nr_unreadable;   /**< PCI functions whose ids could not be read. */
	uint32_t nr_left_out;     /**< Devices beyond what a probe holds (256). */
};

/**
 * Looks for accelerators.
 *
 * @param rt    the runtime.
 * @param probe out: what was found; the caller ends it with svart_probe_destroy().
 * @return 0 or a negative errno; *probe is written only on success. That there is no device, no
 *         sysfs, or that it makes no sense, is a result and no error.
 * @errors -ENOMEM out of memory: free some. -EPERM in a child after fork: make a runtime there.
 * @thread any; one control call at a time is served, others wait.
 * @blocks while files are read: some milliseconds.
 * @source Linux ABI/testing: sysfs-bus-pci, sysfs-class-iommu-intel-iommu, sysfs-driver-dma-idxd,
 *         sysfs-driver-uacce. VT-d 4.1, 11.4.2 and 11.4.3.
 */
SVART_API int svart_probe_create(struct svart *rt, struct svart_probe **probe);

/**
 * Frees what a probe found.
 *
 * @param probe may be NULL.
 * @thread any; nothing else may use the probe any more.
 * @blocks never.
 */
SVART_API void svart_probe_destroy(struct svart_probe *probe);

/**
 * Copies what holds for all devices.
 *
 * @param system out: filled in whole.
 * @thread any.
 * @blocks never.
 */
SVART_API void svart_probe_system_get(
	const struct svart_probe *probe, struct svart_probe_system *system);

/**
 * How many devices were found: first the model's, one of each kind, then PCI functions by address,
 * idxd work queues and uacce devices by name.
 *
 * @thread any.
 * @blocks never.
 */
SVART_API uint32_t svart_probe_nr_devices(const struct svart_probe *probe);

/**
 * Copies what was found of one device.
 *
 * @param index 0 to svart_probe_nr_devices() - 1.
 * @param dev   out: filled in whole on success.
 * @return 0, or -ENOENT if index is beyond the last.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_probe_device_get(
	const struct svart_probe *probe, uint32_t index, struct svart_probe_device *dev);

/**
 * Names a code in one word, for programs: "not-bound".
 *
 * @param code enum svart_probe_code, or any other number.
 * @return a lower-case word; static; "unknown" for another number.
 * @thread any.
 * @blocks never.
 */
SVART_API const char *svart_probe_code_name(unsigned int code);

#ifdef __cplusplus
}
#endif

#endif
