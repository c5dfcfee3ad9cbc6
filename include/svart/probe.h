/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_PROBE_H
#define SVART_PROBE_H

/**
 * @file
 * Tells which accelerators there are, and for each way to bind one whether it is ready, or which thing is
 * missing first and how to mend that.
 *
 * A probe looks and changes nothing: it reads sysfs, opens /dev/iommu and VFIO cdevs and closes them
 * again, and binds, resets and allocates nothing. What it tells was true when the probe was made. Ready
 * means that the probe found nothing missing. Only a page request that has arrived proves that page
 * requests arrive.
 *
 * @code
 * struct svart_probe_device dev = SVART_PROBE_DEVICE_INIT();
 * struct svart_probe_path path = SVART_PROBE_PATH_INIT();
 * struct svart_probe *probe;
 *
 * svart_probe_create(rt, &probe);
 * for (i = 0; svart_probe_device_get(probe, i, &dev) == 0; i++) {
 *         svart_probe_path_get(probe, i, 0, &path);
 *         printf("%s: %s\n", dev.name, path.ready ? "ready" : path.missing);
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

/** The first thing that a path lacks, in the order in which the probe looks for them. */
enum svart_probe_code {
	SVART_PROBE_READY = 0,       /**< Nothing is missing. */
	SVART_PROBE_UNSUPPORTED = 1, /**< svart has no driver for this way to bind it. */
	SVART_PROBE_UNREADABLE = 2,  /**< What the kernel says of it cannot be true. */
	SVART_PROBE_NO_IOMMU = 3,    /**< The device is behind no IOMMU. */
	SVART_PROBE_NO_SCALABLE = 4, /**< VT-d is not in scalable mode. */
	SVART_PROBE_IOMMU_NO_FAULT =
		5,                  /**< The IOMMU, or its Linux driver, takes no page requests. */
	SVART_PROBE_NO_IOMMUFD = 6, /**< There is no /dev/iommu. */
	SVART_PROBE_NO_VFIO_CDEV = 7, /**< The kernel has no VFIO devices without groups. */
	SVART_PROBE_OLD_KERNEL = 8,   /**< The kernel is too old. */
	SVART_PROBE_DENYLIST = 9,     /**< vfio-pci refuses it, because of its denylist. */
	SVART_PROBE_NOT_BOUND = 10,   /**< It is not bound to vfio-pci. */
	SVART_PROBE_VIRTUAL = 11,     /**< A virtual function, whose page requests Linux refuses. */
	SVART_PROBE_CONFIG_SPACE = 12, /**< Its capabilities cannot be read. */
	SVART_PROBE_NO_ATS = 13,       /**< It has no ATS capability. */
	SVART_PROBE_NO_PRI = 14,       /**< It has no PRI capability. */
	SVART_PROBE_NO_PASID = 15,     /**< It has no PASID capability. */
	SVART_PROBE_MEMLOCK = 16,      /**< The process may lock too little memory. */
	SVART_PROBE_APERTURE = 17,     /**< The IOMMU cannot map the process's addresses. */
	SVART_PROBE_NO_MOVDIR64B = 18, /**< The CPU cannot store 64 bytes at once. */
	SVART_PROBE_PERMISSION = 19,   /**< The process may not open /dev/iommu or the cdev. */
	SVART_PROBE_NO_PROC = 20,      /**< The process cannot read its own memory areas. */
};

/** One way to bind a device. SVART_PROBE_PATH_INIT() comes first. */
struct svart_probe_path {
	uint32_t size;              /**< Size of the structure, set by SVART_PROBE_PATH_INIT(). */
	enum svart_probe_code code; /**< What is missing, for programs. */
	bool ready;                 /**< Nothing is missing. */
	uint8_t reserved[7];        /**< Always 0. */
	char path[16];              /**< "model", "vfio", "idxd" or "uacce". */
	char spec[80];              /**< Spec for svart_device_open(), "" if not ready. */
	char missing[192];          /**< What is missing, for a person, "" if ready. */
	char fix[384];              /**< What to do about it, "" if ready or nothing helps. */
	char note[256];             /**< Other useful facts, or "". */
};

/** Initialises a struct svart_probe_path: `struct svart_probe_path p = SVART_PROBE_PATH_INIT();` */
#define SVART_PROBE_PATH_INIT(...)                                   \
	{                                                            \
		.size = sizeof(struct svart_probe_path), __VA_ARGS__ \
	}

/**
 * One accelerator. All text is printable ASCII, whatever the system's text was. SVART_PROBE_DEVICE_INIT()
 * comes first.
 */
struct svart_probe_device {
	uint32_t size;     /**< Size of the structure, set by SVART_PROBE_DEVICE_INIT(). */
	uint32_t nr_paths; /**< Ways to bind it, 1 or more: svart_probe_path_get(). */
	int32_t numa_node; /**< NUMA node, -1 if the system does not say. */
	bool software; /**< It belongs to the software machine and is no accelerator of this system. */
	uint8_t reserved[3]; /**< Always 0. */
	char name[64]; /**< "model:dsa0", "pci:0000:6a:01.0", "idxd:wq0.0", "uacce:hisi_zip-0". */
	char address[16];       /**< PCI address, or "". */
	char model[64];         /**< Model in words, "Intel DSA 1.0". */
	char kernel_driver[32]; /**< Kernel driver that it is bound to, or "". */
};

/** Initialises a struct svart_probe_device: `struct svart_probe_device d = SVART_PROBE_DEVICE_INIT();` */
#define SVART_PROBE_DEVICE_INIT(...)                                   \
	{                                                              \
		.size = sizeof(struct svart_probe_device), __VA_ARGS__ \
	}

/** What holds for all devices. SVART_PROBE_SYSTEM_INIT() comes first. */
struct svart_probe_system {
	uint32_t size;            /**< Size of the structure, set by SVART_PROBE_SYSTEM_INIT(). */
	uint32_t nr_iommus;       /**< IOMMUs that the kernel drives. */
	uint64_t pin_limit_bytes; /**< Bytes a space may pin by default; 0: almost nothing. */
	uint32_t nr_unreadable;   /**< PCI functions whose ids could not be read. */
	uint32_t nr_left_out;     /**< Devices beyond what a probe holds (256). */
	bool movdir64b;           /**< The CPU has MOVDIR64B, which portals of silicon need. */
	bool iommufd;             /**< There is a /dev/iommu. */
	bool iommufd_permitted;   /**< This process may open /dev/iommu. */
	bool sysfs;          /**< There is something in /sys; without it devices are not seen. */
	uint8_t reserved[4]; /**< Always 0. */
	char kernel[72];     /**< Release, "6.16.3-amd64"; "" if it cannot be read. */
	/**
	 * Telemetry socket of a program that leaves EAL's arguments to svart_init(). "" means that the
	 * program has none, and starts without. The path may be cut.
	 */
	char telemetry[112];
	char telemetry_missing[192]; /**< Why there is no telemetry socket, "" if there is one. */
};

/** Initialises a struct svart_probe_system: `struct svart_probe_system s = SVART_PROBE_SYSTEM_INIT();` */
#define SVART_PROBE_SYSTEM_INIT(...)                                   \
	{                                                              \
		.size = sizeof(struct svart_probe_system), __VA_ARGS__ \
	}

/**
 * Looks for accelerators.
 *
 * @param rt    the runtime.
 * @param probe out: what was found; the caller ends it with svart_probe_destroy().
 * @return 0 or a negative errno; *probe is written only on success. A system without devices or without
 *         sysfs, or with a sysfs that makes no sense, is a result and no error.
 * @errors -ENOMEM out of memory: free some. -EPERM in a child after fork: make a runtime there.
 * @thread any; control calls are served one at a time, and the others wait.
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
 * @param system in: its size; out: filled in whole.
 * @return 0; -EINVAL system->size is not a valid size: nothing is written.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_probe_system_get(
	const struct svart_probe *probe, struct svart_probe_system *system);
/** @cond Sets the size first. */
#define svart_probe_system_get(probe, system) svart_probe_system_get(probe, SVART_SIZE_SET(system))
/** @endcond */

/**
 * Tells how many devices were found. The model's come first, one of each kind, then PCI functions by
 * address, then idxd work queues and uacce devices by name.
 *
 * @thread any.
 * @blocks never.
 */
SVART_API uint32_t svart_probe_nr_devices(const struct svart_probe *probe);

/**
 * Copies what was found of one device.
 *
 * @param index 0 to svart_probe_nr_devices() - 1.
 * @param dev   in: its size; out: filled in whole on success.
 * @return 0; -EINVAL dev->size is not a valid size; -ENOENT index is beyond the last.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_probe_device_get(
	const struct svart_probe *probe, uint32_t index, struct svart_probe_device *dev);
/** @cond Sets the size first. */
#define svart_probe_device_get(probe, index, dev) \
	svart_probe_device_get(probe, index, SVART_SIZE_SET(dev))
/** @endcond */

/**
 * Copies what was found of one way to bind a device.
 *
 * @param device 0 to svart_probe_nr_devices() - 1.
 * @param index  0 to svart_probe_device.nr_paths - 1.
 * @param path   in: its size; out: filled in whole on success.
 * @return 0; -EINVAL path->size is not a valid size; -ENOENT there is no such device, or index is beyond
 *         its last.
 * @thread any.
 * @blocks never.
 */
SVART_API int svart_probe_path_get(const struct svart_probe *probe, uint32_t device, uint32_t index,
	struct svart_probe_path *path);
/** @cond Sets the size first. */
#define svart_probe_path_get(probe, device, index, path) \
	svart_probe_path_get(probe, device, index, SVART_SIZE_SET(path))
/** @endcond */

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
