/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_VFIO_FUNCTION_H
#define SVART_VFIO_FUNCTION_H

/**
 * @file
 * The VFIO transport's own structures, and the functions that its files call in each other. transport.h has
 * the contracts of the members of the ops table.
 */

#include "iommu_unit_file.h"
#include "pci.h"
#include "transport.h"

/**
 * The /dev/iommu of a machine. A space's IOAS belongs to one /dev/iommu, so all devices of a runtime share
 * it.
 *
 * Owner: the devices that use it. Lifetime: the first locate to the last release. Locks: the runtime's; fd
 * is constant.
 */
struct svart_vfio_iommufd {
	struct svart_machine *m;
	int fd;
	bool is_given; /**< The program gave it by iommufd_fd=: it stays open. */
	unsigned int nr_devices;
};

/** A PCI function. Owner, lifetime, locks: as its base. */
struct svart_vfio_function {
	struct svart_transport_device base; /**< First. */
	void **shared;                      /**< Where iommufd is kept. */
	struct svart_vfio_iommufd *iommufd;
	struct svart_pci_device pci;
	int given_iommufd;   /**< iommufd_fd=, or -1. */
	int given_fd;        /**< device_fd=, or -1; it is the program's and stays open. */
	int fd;              /**< VFIO cdev. */
	uint32_t iommufd_id; /**< iommufd's id of the device. */
	uint64_t config_off; /**< Offset of configuration space in fd. */
	uint64_t config_bytes;
	unsigned int nr_vectors; /**< MSI-X vectors that are enabled; 0: none was asked for. */
	/**
	 * For a device opened with a PASID: the empty page table that requests without PASID see. 0: not
	 * attached.
	 */
	uint32_t rid_ioas_id, rid_hwpt_id;
	unsigned int nr_raw;          /**< Attachments that use raw. */
	struct svart_iommu_unit unit; /**< Valid while nr_raw is not 0. */
	struct svart_fault_raw *raw;  /**< Valid while nr_raw is not 0. */
};

/** A page table of a function. Owner, lifetime, locks: as its base. */
struct svart_vfio_attachment {
	struct svart_transport_attachment base; /**< First. */
	uint32_t hwpt_id;
	uint32_t fault_id; /**< Id of iommufd's fault object, with SVART_TRANSPORT_FAULTS_KERNEL. */
	int fault_fd;      /**< Its descriptor, else -1. */
};

static inline struct svart_vfio_function *svart_vfio_function_of(struct svart_transport_device *t)
{
	return (struct svart_vfio_function *)t; /* It is the first member. */
}

/* vfio_given.c: descriptors that somebody else opened */

/** Reads iommufd_fd= and device_fd=, and looks whether they are open. @return 0 or -errno, told. */
int svart_vfio_given_read(struct svart_vfio_function *f, const struct rte_kvargs *options);
/** Tells why a given device cannot be bound. @return -errno. */
int svart_vfio_given_tell(const struct svart_vfio_function *f, int rc);
/**
 * Checks whether a bound device is what the spec says. Configuration space is known.
 * @return 0 or -errno, told.
 */
int svart_vfio_given_check(struct svart_vfio_function *f);

/* vfio_iommufd.c */

/**
 * Opens /dev/iommu, unless it is open, and counts the function as a user of it: f->iommufd.
 * @return 0 or -errno, told.
 */
int svart_vfio_iommufd_get(struct svart_vfio_function *f);
/** Ends the function's use of /dev/iommu. */
void svart_vfio_iommufd_put(struct svart_vfio_function *f);

/* vfio_bind.c */

int svart_vfio_open(struct svart_transport_device *t);
void svart_vfio_close(struct svart_transport_device *t);

/* vfio_regions.c */

/** Finds configuration space. @return 0 or -errno, told. */
int svart_vfio_config_find(struct svart_vfio_function *f);
int svart_vfio_config_read(
	struct svart_transport_device *t, unsigned int off, void *buf, size_t len);
int svart_vfio_config_write(
	struct svart_transport_device *t, unsigned int off, const void *buf, size_t len);
int svart_vfio_region_map(
	struct svart_transport_device *t, unsigned int bar, void **addr, size_t *bytes);
void svart_vfio_region_unmap(struct svart_transport_device *t, void *addr, size_t bytes);

/* vfio_irqs.c */

/** Vectors that are used at most: the MSI-X table has 2048 (PCIe 6.0, 7.7.2.2). */
#define SVART_VFIO_MAX_VECTORS 2048
int svart_vfio_irq_set(struct svart_transport_device *t, unsigned int vector, int fd);
/** Disables the vectors: a given descriptor stays open. */
void svart_vfio_irqs_end(struct svart_vfio_function *f);

/* vfio_attach.c */

int svart_vfio_attachment_create(struct svart_transport_device *t, struct svart_space *space,
	uint32_t pasid, struct svart_transport_attachment **out);
void svart_vfio_attachment_destroy(struct svart_transport_attachment *base);
int svart_vfio_attachment_attach(struct svart_transport_attachment *base);
void svart_vfio_attachment_detach(struct svart_transport_attachment *base);
/** Ends the empty page table of a device that was attached by PASID, if it has one. */
void svart_vfio_rid_detach(struct svart_vfio_function *f);

/* vfio_faults.c: the sources of an attachment's page requests */

/**
 * Makes the fault queue that the attachment's page table names, or the device's raw queues.
 * @return 0 or -errno, told.
 */
int svart_vfio_faults_get(struct svart_vfio_function *f, struct svart_vfio_attachment *a);
void svart_vfio_faults_put(struct svart_vfio_function *f, struct svart_vfio_attachment *a);
/** Makes the source of the attachment's page requests: a->base.source. @return 0 or -errno, told. */
int svart_vfio_source_create(struct svart_vfio_function *f, struct svart_vfio_attachment *a);

/* vfio_look.c */

void svart_vfio_look(struct svart_transport_device *t, const struct svart_transport_attachment *a);

#endif
