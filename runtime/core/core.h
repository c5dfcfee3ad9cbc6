/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_CORE_H
#define SVART_CORE_H

/**
 * @file
 * The core's own structures: runtime, machines in use, devices, attachments, queues.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <svart/svart.h>
#include <svart_pmd.h>

#include <rte_kvargs.h>

#include "held_queue.h"
#include "histogram.h"
#include "iommu_unit_file.h"
#include "machine.h"
#include "pci.h"
#include "service.h"
#include "source.h"
#include "space.h"

/** Bus names of a device spec; see machines.c. */
#define SVART_NR_BUSES 2
/** Spaces one device can be attached to: as many as a DSA has work queues, and some. */
#define SVART_MAX_ATTACHMENTS 16
/** Queues of one device; a driver offers no more. */
#define SVART_MAX_QUEUES 64
/** Length of BUS:NAME. */
#define SVART_NAME_BYTES 64

/**
 * A machine in use.
 *
 * Owner: the runtime. Lifetime: first device opened on its bus to svart_fini(). Locks: the runtime's.
 */
struct svart_machine_slot {
	const struct svart_machine_class *class;
	struct svart_machine *m; /**< NULL: no device was opened on this bus yet. */
	int iommufd;             /**< /dev/iommu of m, or -1. */
	unsigned int nr_devices; /**< Devices that use iommufd. */
};

/** A space or a service that the program made. Owner: the runtime. Locks: the runtime's. */
struct svart_child {
	LIST_ENTRY(svart_child) link;
	struct svart *rt;
	void *object;
};
LIST_HEAD(svart_child_list, svart_child);

/**
 * One runtime.
 *
 * Owner: the program. Lifetime: svart_init() to svart_fini(). Locks: lock, for every control call
 * and everything in here but dead.
 */
struct svart {
	pthread_mutex_t lock;
	bool eal;         /**< EAL runs. */
	atomic_bool dead; /**< This is a child made by fork(). */
	struct svart_machine_slot machines[SVART_NR_BUSES];
	struct svart_child_list spaces;
	struct svart_child_list services;
	LIST_HEAD(, svart_device) devices;
	/* Locks: of process.c, all three. */
	LIST_ENTRY(svart) all;
	unsigned int nr_readers;   /**< Telemetry threads that use it, or wait for its lock. */
	pthread_cond_t no_readers; /**< nr_readers became 0. */
};

/** A device's hold on a space. Owner: its device. Lifetime: attach to detach. Locks: the runtime's. */
struct svart_attachment {
	struct svart_space *space; /**< NULL: this place is free. */
	uint32_t pasid;            /**< Or SVART_PASID_NONE. */
	uint32_t hwpt_id;
	unsigned int nr_queues;
	uint32_t fault_id;
	int fault_fd;
	struct svart_fault_source
		*source; /**< NULL without page requests. fault_*: of faults=iommufd only. */
};

/**
 * A queue, core and driver together.
 *
 * Owner: the queue's thread; control for life. Lifetime: create to destroy. pmd is the first member,
 * and its first member is what the program holds.
 */
struct svart_core_queue {
	struct svart_pmd_queue pmd;
	struct svart_device *dev;
	struct svart_attachment *attachment;
	struct svart_held_queue *held; /**< NULL: the device has page requests. */
};

/**
 * One device.
 *
 * Owner: the runtime. Lifetime: open to close. Locks: the runtime's.
 */
struct svart_device {
	struct svart_pmd_device pmd; /**< First: host functions are given this. */
	struct svart *rt;
	const struct svart_pmd_ops *ops;
	struct svart_machine_slot *slot;
	struct svart_fault_service *faults;
	bool faults_raw;                          /**< faults=raw. */
	_Atomic enum svart_fault_mode fault_mode; /**< Any thread reads. */
	unsigned int nr_raw;                      /**< Attachments that use raw. */
	struct svart_iommu_unit unit;             /**< With nr_raw. */
	struct svart_fault_raw *raw;              /**< With nr_raw. */
	struct rte_kvargs *options;               /**< Of the spec; may be empty, never NULL. */
	struct svart_pci_device pci;
	char name[SVART_NAME_BYTES]; /**< BUS:NAME. */
	int fd;                      /**< VFIO cdev. */
	uint32_t iommufd_id;         /**< iommufd's id of it. */
	uint64_t config_off;         /**< Of configuration space in fd. */
	uint64_t config_bytes;
	struct svart_attachment attachments[SVART_MAX_ATTACHMENTS]; /**< [0]: the one of open. */
	/** Opened with a PASID: what requests without one see, nothing. 0: not attached. */
	uint32_t rid_ioas_id, rid_hwpt_id;
	struct svart_core_queue *queues[SVART_MAX_QUEUES];
	LIST_ENTRY(svart_device) link;
	uint32_t id; /**< Its number in the process; constant from open to close. */
	/* Locks: of process.c, both. */
	bool shown; /**< It is open: telemetry may find it. */
	LIST_ENTRY(svart_device) all;
};

/* process.c: what a process has once */

/** Locks and unlocks the lists of process.c. Nothing else is locked while this is held. */
void svart_process_lock(void);
void svart_process_unlock(void);
/** In a forked child, with the lock: visits every runtime, then forgets all devices. */
void svart_process_forked(void (*visit)(struct svart *rt));

void svart_process_add(struct svart *rt);
/** The runtime has no device any more. @blocks until no telemetry thread uses it. */
void svart_process_remove(struct svart *rt);

/** Gives a device the lowest number that is free in the process. With the runtime's lock or without. */
void svart_device_id_take(struct svart_device *dev);
/** It is open, and in rt->devices: telemetry may find it from now on. */
void svart_device_id_show(struct svart_device *dev);
/** Frees its number. */
void svart_device_id_drop(struct svart_device *dev);

/** @param ids out: array[nr]: the numbers of the devices that are open, rising. @return how many. */
unsigned int svart_process_device_ids(uint32_t *ids, unsigned int nr);
/**
 * Finds a device by its number and locks its runtime, which stays until svart_process_device_put().
 * @return the device, or NULL: no open device has this number.
 * @thread any that holds no lock of svart. @blocks for a control call that is under way.
 */
struct svart_device *svart_process_device_get(uint32_t id);
void svart_process_device_put(struct svart_device *dev);

/* fork.c: what happens to a runtime in a child. */

/** Makes the fork handlers know a runtime. @return 0 or -ENOMEM. */
int svart_fork_watch(struct svart *rt);
void svart_fork_unwatch(struct svart *rt);
/** @return 0, or -EPERM in a child made by fork(), told. */
int svart_check_alive(const struct svart *rt);

/* eal.c */

/** Starts EAL unless it runs. @param args as svart_init_params.eal_args. @return 0 or -errno, told. */
int svart_eal_start(const char *args);
/**
 * Writes the trace, if one is recorded and svart started EAL: rte_eal_cleanup(), which would, is never
 * called then. A later call writes the files anew, with what came since. Failure is logged.
 */
void svart_eal_trace_save(void);

/* machines.c */

/** Empties rt->machines and names the buses. */
void svart_machines_init(struct svart *rt);
/** Ends the machines that are there. */
void svart_machines_fini(struct svart *rt);
/** @return the place for a bus, or NULL (told) if there is no such bus. */
struct svart_machine_slot *svart_machines_find(struct svart *rt, const char *bus);
/** Makes sure the machine is there. @param options for the class. @return 0 or -errno, told. */
int svart_machine_get(struct svart_machine_slot *slot, const char *options);
/** Ends the machine, which nobody uses. */
void svart_machine_put(struct svart_machine_slot *slot);
/** Makes sure the machine's /dev/iommu is open and counts a device on it. */
int svart_machine_iommufd_get(struct svart_machine_slot *slot);
/** Ends one svart_machine_iommufd_get(). */
void svart_machine_iommufd_put(struct svart_machine_slot *slot);

/* spec.c: BUS:NAME[,KEY=VALUE...] */

/** A spec in parts. Owner: its parser's caller. */
struct svart_spec {
	char bus[16];
	char name[48];
	struct rte_kvargs *options;
};

/** @return 0, or -EINVAL, -ENOMEM, told. End it with svart_spec_fini(). */
int svart_spec_parse(const char *text, struct svart_spec *spec);
void svart_spec_fini(struct svart_spec *spec);
/** Writes "k=v,k=v" of those options that are among keys. @return 0 or -EINVAL (too long), told. */
int svart_spec_select(
	const struct svart_spec *spec, const char *const *keys, char *buf, size_t len);
/** @return 0, or -EINVAL (told) if an option is in none of the two lists nor of every device's. */
int svart_spec_check(const struct svart_spec *spec, const char *const *machine_keys,
	const char *const *driver_keys);
/** Reads a number. @param value untouched without the option. @return 0 or -EINVAL, told. */
int svart_option_u64(const struct rte_kvargs *options, const char *key, uint64_t min, uint64_t max,
	uint64_t *value);

/* attach.c */

/** Attaches a device to a space; pasid may be SVART_PASID_NONE. @return 0 or -errno, told. */
int svart_attach(struct svart_device *dev, struct svart_space *space, uint32_t pasid,
	struct svart_attachment **out);
void svart_detach(struct svart_device *dev, struct svart_attachment *attachment);
/**
 * Gives a device that is used by PASID an empty page table for requests without one: they reach
 * nothing, as before. But QEMU's VT-d (11.1) translates no PASID of a function that has none.
 * @return 0 or -errno, told.
 */
int svart_attach_rid(struct svart_device *dev);
/** Ends it, if there is one. */
void svart_detach_rid(struct svart_device *dev);
/** @return the attachment to a space (NULL: the first), or NULL. */
struct svart_attachment *svart_attachment_find(
	struct svart_device *dev, const struct svart_space *space);

/* attach_faults.c: where the page requests of an attachment come from */

/** Makes the queue that its page table names, or the device's raw ones. @return 0 or -errno, told. */
int svart_attach_queue_get(struct svart_device *dev, struct svart_attachment *attachment);
void svart_attach_queue_put(struct svart_device *dev, struct svart_attachment *attachment);
/** Makes the source of its page requests and has it served. @return 0 or -errno, told. */
int svart_attach_serve(struct svart_device *dev, struct svart_attachment *attachment);
/** Ends that; the device is detached. */
void svart_attach_unserve(struct svart_device *dev, struct svart_attachment *attachment);

/* device.c */

/** Fills in all of svart_device_info_get(). With the runtime's lock. */
void svart_device_info_read(const struct svart_device *dev, struct svart_device_info *info);

/* device_stats.c: all with the runtime's lock */

/** @param only one attachment of the device, or NULL: the sum over all. */
void svart_device_stats_read(struct svart_device *dev, const struct svart_attachment *only,
	struct svart_fault_stats *stats);
/** The latencies, likewise. @param rows out: array[SVART_HISTOGRAM_ROWS]. @return how many. */
unsigned int svart_device_latency_read(struct svart_device *dev,
	const struct svart_attachment *only, struct svart_histogram_row *rows);

/* telemetry.c */

/** Registers the telemetry commands, once in a process. EAL runs. A failure is logged: not worth more. */
void svart_telemetry_register(void);

/* bind.c: from a PCI address to a bound VFIO device with its BARs mapped */

/** Fills dev->pci and dev->ops for the function. @return 0 or -errno, told. */
int svart_bind_identify(struct svart_device *dev, const char *address);
/** Opens the cdev and binds it to iommufd. @return 0 or -errno, told. */
int svart_bind(struct svart_device *dev);
void svart_unbind(struct svart_device *dev);
/** Maps the BARs the driver asks for and finds configuration space. */
int svart_bars_map(struct svart_device *dev);
void svart_bars_unmap(struct svart_device *dev);

/* host.c */

extern const struct svart_pmd_host svart_host;

/* queue.c */

/** Puts the stubs into a queue that does not run. */
void svart_queue_disarm(struct svart_queue *q);

#endif
