/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_TEST_QEMU_ABI_H
#define SVART_TEST_QEMU_ABI_H

/**
 * @file
 * What is called in QEMU 11.1, whose Debian build exports its symbols. Functions have QEMU's names;
 * structs are as QEMU lays them out, as far as they are looked at. Each has the header of QEMU's
 * that it is a fact of. pci_port.c refuses other versions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Versions that the declarations below hold for. */
#define QEMU_ABI_MAJOR 11
#define QEMU_ABI_MINOR 1

/** Known by their addresses only. */
struct qemu_object;
struct qemu_pci_device;
struct qemu_bh;
struct qemu_error;
struct qemu_address_space;

/** The bytes that a PCIDevice (hw/pci/pci_device.h) has at most: QEMU checks that it fits. */
#define QEMU_PCI_DEVICE_BYTES 16384
/** The bytes that a MemoryRegion (system/memory.h) has at most: it has a few hundred. */
#define QEMU_MEMORY_REGION_BYTES 4096
/** The bytes that an IOMMUNotifier (system/memory.h) has at most. */
#define QEMU_IOMMU_NOTIFIER_BYTES 256
/** Page requests and translations without PASID: PCI_NO_PASID, hw/pci/pci.h. */
#define QEMU_NO_PASID UINT32_MAX

/* --- qapi/qapi-types-control.h: VersionInfo ------------------------------------------------------ */

struct qemu_version {
	struct {
		int64_t major, minor, micro;
	} * qemu;
	char *package;
};

struct qemu_version *qmp_query_version(struct qemu_error **errp);

/* --- qapi/error.h -------------------------------------------------------------------------------- */

__attribute__((format(printf, 5, 6))) void error_setg_internal(struct qemu_error **errp,
	const char *file, int line, const char *function, const char *format, ...);

/* --- qemu/module.h ------------------------------------------------------------------------------- */

/**
 * The first phase. Type registration has a later one of its own, in which a type whose parent is not
 * registered yet is an error; in the first one nothing is looked up.
 */
#define QEMU_MODULE_PHASE_FIRST 0

void register_module_init(void (*fn)(void), int phase);

/* --- qom/object.h -------------------------------------------------------------------------------- */

/** InterfaceInfo. */
struct qemu_interface_info {
	const char *type;
};

/** TypeInfo. */
struct qemu_type_info {
	const char *name;
	const char *parent;
	size_t instance_size;
	size_t instance_align;
	void (*instance_init)(struct qemu_object *obj);
	void (*instance_post_init)(struct qemu_object *obj);
	void (*instance_finalize)(struct qemu_object *obj);
	bool abstract;
	size_t class_size; /**< 0: the parent's. */
	void (*class_init)(void *klass, const void *data);
	void (*class_base_init)(void *klass, const void *data);
	const void *class_data;
	const struct qemu_interface_info *interfaces;
};

void *type_register_static(const struct qemu_type_info *info);
void *object_class_by_name(const char *name);
void *object_class_property_add_str(void *klass, const char *name,
	char *(*get)(struct qemu_object *obj, struct qemu_error **errp),
	void (*set)(struct qemu_object *obj, const char *value, struct qemu_error **errp));

/* --- hw/qdev-core.h ------------------------------------------------------------------------------ */

void device_class_set_legacy_reset(void *klass, void (*reset)(struct qemu_pci_device *dev));

/* --- hw/pci/pci_device.h, hw/pci/pci.h ----------------------------------------------------------- */

/** The end of PCIDeviceClass; where it begins is found at run time. */
struct qemu_pci_class {
	void (*realize)(struct qemu_pci_device *dev, struct qemu_error **errp);
	void (*exit)(struct qemu_pci_device *dev);
	uint32_t (*config_read)(struct qemu_pci_device *dev, uint32_t addr, int len);
	void (*config_write)(struct qemu_pci_device *dev, uint32_t addr, uint32_t value, int len);
	uint16_t vendor_id;
	uint16_t device_id;
	uint8_t revision;
	uint16_t class_id;
};

void pci_register_bar(struct qemu_pci_device *dev, int bar, uint8_t type, void *region);
uint32_t pci_default_read_config(struct qemu_pci_device *dev, uint32_t addr, int len);
void pci_default_write_config(struct qemu_pci_device *dev, uint32_t addr, uint32_t value, int len);
uint16_t pci_requester_id(struct qemu_pci_device *dev);
struct qemu_address_space *pci_device_iommu_address_space(struct qemu_pci_device *dev);

/* --- hw/pci/msix.h ------------------------------------------------------------------------------- */

int msix_init(struct qemu_pci_device *dev, uint32_t nr, void *table_region, uint8_t table_bar,
	unsigned int table_off, void *pba_region, uint8_t pba_bar, unsigned int pba_off,
	uint8_t cap_off, struct qemu_error **errp);
void msix_uninit(struct qemu_pci_device *dev, void *table_region, void *pba_region);
void msix_vector_use(struct qemu_pci_device *dev, unsigned int vector);
int msix_enabled(struct qemu_pci_device *dev);
void msix_notify(struct qemu_pci_device *dev, unsigned int vector);

/* --- hw/pci/msi.h -------------------------------------------------------------------------------- */

int msi_init(struct qemu_pci_device *dev, uint8_t cap_off, unsigned int nr, bool addr64,
	bool vector_mask, struct qemu_error **errp);
void msi_uninit(struct qemu_pci_device *dev);
bool msi_enabled(const struct qemu_pci_device *dev);
void msi_notify(struct qemu_pci_device *dev, unsigned int vector);

/* --- hw/pci/pcie.h ------------------------------------------------------------------------------- */

int pcie_endpoint_cap_init(struct qemu_pci_device *dev, uint8_t off);
void pcie_cap_flr_init(struct qemu_pci_device *dev);
void pcie_cap_flr_write_config(struct qemu_pci_device *dev, uint32_t addr, uint32_t value, int len);
void pcie_pasid_init(struct qemu_pci_device *dev, uint16_t off, uint8_t bits, bool exec, bool priv);
void pcie_ats_init(struct qemu_pci_device *dev, uint16_t off, bool aligned);
void pcie_pri_init(
	struct qemu_pci_device *dev, uint16_t off, uint32_t capacity, bool response_has_pasid);
bool pcie_pasid_enabled(const struct qemu_pci_device *dev);
bool pcie_ats_enabled(const struct qemu_pci_device *dev);
bool pcie_pri_enabled(const struct qemu_pci_device *dev);
uint32_t pcie_pri_get_req_alloc(const struct qemu_pci_device *dev);

/* --- system/memory.h ----------------------------------------------------------------------------- */

/** IOMMUAccessFlags. */
#define QEMU_IOMMU_READ  1
#define QEMU_IOMMU_WRITE 2

/** IOMMUTLBEntry: a translation, or what is invalid from now on. */
struct qemu_iommu_entry {
	struct qemu_address_space *target;
	uint64_t iova;
	uint64_t translated;
	uint64_t mask; /**< Size - 1. */
	int perm;
	uint32_t pasid;
};

/** IOMMUNotifier; all that QEMU has in it is QEMU's. */
struct qemu_iommu_notifier {
	_Alignas(16) uint8_t room[QEMU_IOMMU_NOTIFIER_BYTES];
};

/** IOMMUPRIResponse; code is enum IOMMUPRIResponseCode. */
struct qemu_pri_response {
	int code;
	uint16_t prgi;
};

#define QEMU_PRI_SUCCESS 0
#define QEMU_PRI_INVALID 1

/** IOMMUPRINotifier. */
struct qemu_pri_notifier {
	void (*notify)(struct qemu_pri_notifier *notifier, struct qemu_pri_response *response);
};

/** MemTxAttrs: one machine word; all bits 0 is an ordinary access. */
struct qemu_access_attrs {
	uint64_t bits;
};

/** MemoryRegionOps. */
struct qemu_region_ops {
	uint64_t (*read)(void *opaque, uint64_t addr, unsigned int size);
	void (*write)(void *opaque, uint64_t addr, uint64_t value, unsigned int size);
	void *read_with_attrs;
	void *write_with_attrs;
	int endianness;
	struct {
		unsigned int min, max;
		bool unaligned;
		void *accepts;
	} valid;
	struct {
		unsigned int min, max;
		bool unaligned;
	} impl;
};

/** enum device_endian: DEVICE_LITTLE_ENDIAN. */
#define QEMU_LITTLE_ENDIAN 2

/** The machine's memory: what translated addresses are of, and its MemoryRegion. system/address-spaces.h. */
extern struct qemu_address_space address_space_memory;
void *get_system_memory(void);

void memory_region_init_io(void *region, struct qemu_pci_device *owner,
	const struct qemu_region_ops *ops, void *opaque, const char *name, uint64_t size);
void memory_region_add_subregion_overlap(void *region, uint64_t off, void *part, int priority);
uint32_t address_space_rw(struct qemu_address_space *as, uint64_t addr,
	struct qemu_access_attrs attrs, void *buf, uint64_t len, bool write);

/* --- hw/pci/pci.h: ATS, PRI ---------------------------------------------------------------------- */

ssize_t pci_ats_request_translation(struct qemu_pci_device *dev, uint32_t pasid, bool priv,
	bool exec, uint64_t addr, size_t len, bool no_write, struct qemu_iommu_entry *result,
	size_t nr, uint32_t *errors);
int pci_pri_request_page(struct qemu_pci_device *dev, uint32_t pasid, bool priv, bool exec,
	uint64_t addr, bool last, uint16_t prgi, bool read, bool write);
int pci_pri_register_notifier(
	struct qemu_pci_device *dev, uint32_t pasid, struct qemu_pri_notifier *notifier);
void pci_pri_unregister_notifier(struct qemu_pci_device *dev, uint32_t pasid);
int pci_iommu_init_iotlb_notifier(struct qemu_pci_device *dev, struct qemu_iommu_notifier *n,
	void (*fn)(struct qemu_iommu_notifier *n, struct qemu_iommu_entry *entry), void *opaque);
int pci_iommu_register_iotlb_notifier(
	struct qemu_pci_device *dev, uint32_t pasid, struct qemu_iommu_notifier *n);
int pci_iommu_unregister_iotlb_notifier(
	struct qemu_pci_device *dev, uint32_t pasid, struct qemu_iommu_notifier *n);

/* --- block/aio.h, qemu/main-loop.h --------------------------------------------------------------- */

struct qemu_bh *qemu_bh_new_full(void (*fn)(void *), void *opaque, const char *name, void *guard);
void qemu_bh_schedule(struct qemu_bh *bh);
void qemu_bh_delete(struct qemu_bh *bh);

#endif
