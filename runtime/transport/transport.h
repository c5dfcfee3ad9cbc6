/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TRANSPORT_H
#define SVART_TRANSPORT_H

/**
 * @file
 * Transports: ways to reach a device. The core sees only this table.
 *
 * `vfio` reaches PCI functions by their VFIO cdev, and gives them page tables of iommufd. The machine of
 * the device is independent of that: a transport makes its system calls on the machine that the core names.
 *
 * A device's way through the table:
 *
 *     locate -> open -> attachment_create -> attach -> ... -> detach -> attachment_destroy
 *            -> close -> release
 *
 * with region_map, config_* and look between open and close. The fault service begins to serve the source
 * of page requests between attachment_create and attach, and stops between detach and attachment_destroy,
 * so that every fault finds somebody who answers.
 *
 * The control thread makes all calls except look (the runtime's lock is held). They may block as the system
 * calls do that they make; none waits for the device. They return 0 or -errno, and have told what failed
 * (svart_fail()). Calls that end something always succeed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <svart_pmd.h>

#include <rte_kvargs.h>

#include "machine.h"
#include "source.h"
#include "space.h"

/** Room for the name of a device on its bus, "0000:6a:01.0". */
#define SVART_TRANSPORT_ADDRESS_BYTES 16

struct svart_transport_ops;

/** Where a device's page requests go. */
enum svart_transport_faults {
	SVART_TRANSPORT_FAULTS_OFF, /**< The device sends none, or none are wanted. */
	SVART_TRANSPORT_FAULTS_KERNEL, /**< They go to a queue of the kernel, one for each attachment. */
	SVART_TRANSPORT_FAULTS_RAW, /**< They go to the IOMMU's own queues, which this process owns. */
};

/**
 * Where a device is to be found.
 *
 * Owner: the core. Lifetime: the call of locate, except m, device_name and shared, which outlive the
 * device.
 */
struct svart_transport_place {
	struct svart_machine *m;
	/** Class of m: it knows the names of its devices. */
	const struct svart_machine_class *class;
	const char *name;            /**< NAME of the spec. */
	const char *device_name;     /**< svart's name for the device, for messages. */
	const char *machine_options; /**< Options for class->locate. */
	/** Options of the spec; those in option_keys are the transport's. */
	const struct rte_kvargs *options;
	/**
	 * Place for what all devices of this transport share on this machine, such as /dev/iommu. The place
	 * is in the machine's slot; the transport fills it with the first device and empties it with the
	 * last.
	 */
	void **shared;
};

/**
 * A device as its transport knows it. Implementations embed it first.
 *
 * Owner: the core. Lifetime: locate to release. Locks: the runtime's; it is constant after open, except
 * what the implementation says of its own part.
 */
struct svart_transport_device {
	const struct svart_transport_ops *ops;
	struct svart_machine *m;
	const char *name; /**< As place.device_name. */

	/* locate sets these. */
	char address[SVART_TRANSPORT_ADDRESS_BYTES]; /**< Address on its bus. */
	int32_t numa_node;                           /**< -1: the system does not say. */
	uint16_t vendor, device;                     /**< PCI ids of the device. */

	/* The core sets these before open. */
	enum svart_transport_faults faults;
	/**
	 * look calls this when it finds that the device is lost, once or several times. Does not block.
	 * @param value as enum svart_pmd_loss says. @thread look's.
	 */
	void (*lost)(void *owner, enum svart_pmd_loss loss, uint32_t value);
	void *owner; /**< First argument of lost. */
};

/**
 * What a device sees of one space. Implementations embed it first.
 *
 * Owner: the core. Lifetime: attachment_create to attachment_destroy. Locks: the runtime's; constant.
 */
struct svart_transport_attachment {
	struct svart_transport_device *dev;
	struct svart_space *space; /**< NULL: the device uses the process's page table. */
	uint32_t pasid;            /**< Or SVART_PASID_NONE. */
	struct svart_fault_source
		*source; /**< Source of its page requests; NULL: there is none to serve. */
};

/** One transport. Every member is required. */
struct svart_transport_ops {
	const char *name;               /**< "vfio"; drivers name it. */
	const char *const *option_keys; /**< Spec keys that it takes, NULL-terminated. */
	/**
	 * Devices use the process's page table: they are attached to no space (NULL), the kernel serves
	 * their page requests, and they need no fault service. If false, a space is never NULL.
	 */
	bool shares_page_table;

	/**
	 * Finds a device, and tells what it is.
	 * Exit: the device is untouched; it holds what it shares with others.
	 */
	int (*locate)(
		const struct svart_transport_place *place, struct svart_transport_device **out);
	/** Ends what locate began; the device is not open. */
	void (*release)(struct svart_transport_device *t);
	/**
	 * Takes the device for this process, by the descriptors that the spec's options give, if they give
	 * any. Exit: nobody else can take it; it reaches no memory, and its state is unknown.
	 */
	int (*open)(struct svart_transport_device *t);
	/**
	 * Gives the device back.
	 * Entry: nothing is attached or mapped. Exit: the device belongs to nobody. Descriptors that the
	 * program gave stay the program's, and open.
	 */
	void (*close)(struct svart_transport_device *t);

	/** Maps a window of registers, a BAR, not inherited by forks. @param addr, bytes out: on success. */
	int (*region_map)(
		struct svart_transport_device *t, unsigned int index, void **addr, size_t *bytes);
	void (*region_unmap)(struct svart_transport_device *t, void *addr, size_t bytes);
	/** Reads configuration space; -ENOTSUP if there is none, -EINVAL beyond its end. */
	int (*config_read)(
		struct svart_transport_device *t, unsigned int off, void *buf, size_t len);
	/** Writes configuration space, likewise. */
	int (*config_write)(
		struct svart_transport_device *t, unsigned int off, const void *buf, size_t len);
	/** As svart_pmd_host.irq_set. */
	int (*irq_set)(struct svart_transport_device *t, unsigned int vector, int fd);

	/**
	 * Prepares a space for the device. If faults is not OFF and the kernel does not serve page
	 * requests, it also makes a source of them.
	 * Exit: the device does not see the space yet.
	 * @param pasid or SVART_PASID_NONE; one that no other attachment of the device has.
	 * @errors as svart_device_open().
	 */
	int (*attachment_create)(struct svart_transport_device *t, struct svart_space *space,
		uint32_t pasid, struct svart_transport_attachment **out);
	/** Ends what attachment_create began. Entry: it is detached, and nobody uses source. */
	void (*attachment_destroy)(struct svart_transport_attachment *a);
	/**
	 * Lets the device see the space.
	 * Entry: somebody serves source. Exit: page requests may come; on error none comes.
	 */
	int (*attach)(struct svart_transport_attachment *a);
	/**
	 * Takes the space from the device.
	 * Entry: the device has been told to use it no more. Exit: no new page request comes from it; those
	 * that were open are answered, except those that source->ops->flush must answer.
	 */
	void (*detach)(struct svart_transport_attachment *a);

	/**
	 * Allocates memory that the device reaches without faulting: zeroed, page-aligned, not inherited by
	 * forks.
	 * @param bytes whole pages. @param address_bits the memory lies below 2^N; 0: it lies anywhere.
	 */
	int (*mem_alloc)(struct svart_transport_attachment *a, size_t bytes,
		unsigned int address_bits, void **out);
	void (*mem_free)(struct svart_transport_attachment *a, void *addr, size_t bytes);

	/**
	 * Looks whether the kernel's side of an open device is there, and calls t->lost if not.
	 * @param a an attachment that stays meanwhile, or NULL: then it does not look at page requests.
	 * @thread any, several at once. @blocks for two system calls.
	 */
	void (*look)(struct svart_transport_device *t, const struct svart_transport_attachment *a);
};

#endif
