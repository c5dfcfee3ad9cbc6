/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * The QEMU types "svart-NAME", one for each device model below. QEMU's loader preloads this object;
 * its constructor has QEMU call register_types() before it looks at its command line.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pci_port.h"
#include "requester.h"

/* Steps in one bottom half: then others have their turn at QEMU's lock. */
#define STEPS_AT_ONCE 32

/* 64-bit memory (PCI 3.0, 6.2.5.1). */
#define BAR_MEMORY_64 0x04

/* Places of capabilities: any that do not overlap; extended ones start at 0x100 (PCIe 6.0, 7.6.2). */
#define CAP_MSI_OFF     0x50
#define CAP_EXPRESS_OFF 0x80
#define CAP_ATS_OFF     0x108
#define CAP_PRI_OFF     0x110
#define PASID_BITS      20

/* Where BAR 0 has the MSI-X table and its pending bits: above the model's registers. */
#define MSIX_TABLE_OFF 0x2000
#define MSIX_PBA_OFF   0x3000

/* QEMU's own PCI device whose class shows where the fields are. */
#define EDU_VENDOR   0x1234
#define EDU_DEVICE   0x11e8
#define EDU_REVISION 0x10
#define EDU_CLASS    0x00ff
/* So far into the class they are looked for. */
#define CLASS_BYTES 512

#define port_error(errp, ...) error_setg_internal(errp, __FILE__, __LINE__, __func__, __VA_ARGS__)

/* --- Deferrable writes --------------------------------------------------------------------------- */

static bool takes_enqueues(const struct port_bar *bar)
{
	const struct svart_device_model *model = bar->port->model;

	return model->enqueue64 != NULL && model->portal_bar == bar->nr;
}

/* A read of a portal: begins a deferrable write, or says what came of it. */
static uint64_t enqueue_read(struct pci_port *port, unsigned int bar, uint64_t addr)
{
	struct port_enqueue *enqueue = &port->enqueue;
	bool complete =
		enqueue->begun && enqueue->addr == addr && enqueue->done == sizeof(enqueue->desc);

	enqueue->begun = !complete;
	enqueue->addr = addr;
	enqueue->done = 0;
	if (!complete)
		return PORT_ENQUEUE_COOKIE;
	return port->model->enqueue64(port->dev, bar, addr, enqueue->desc) ? PORT_ENQUEUE_TAKEN
									   : PORT_ENQUEUE_RETRY;
}

/* Returns whether a write of a portal is a part of a deferrable one. */
static bool enqueue_write(struct pci_port *port, uint64_t addr, uint64_t value, unsigned int size)
{
	struct port_enqueue *enqueue = &port->enqueue;

	if (!enqueue->begun || addr < enqueue->addr ||
		addr - enqueue->addr >= sizeof(enqueue->desc))
		return false;
	if (addr - enqueue->addr != enqueue->done || size != sizeof(value)) {
		enqueue->begun = false;
		return true;
	}
	memcpy(enqueue->desc + enqueue->done, &value, sizeof(value));
	enqueue->done += size;
	return true;
}

/* --- Registers ----------------------------------------------------------------------------------- */

/* A step that reads or writes memory may be sent to our own BARs: nothing is there for it. */
static uint64_t bar_read(void *opaque, uint64_t addr, unsigned int size)
{
	struct port_bar *bar = opaque;

	if (bar->port->stepping)
		return 0;
	if (takes_enqueues(bar) && size == 8 && addr % sizeof(bar->port->enqueue.desc) == 0)
		return enqueue_read(bar->port, bar->nr, addr);
	return bar->port->model->mmio_read(bar->port->dev, bar->nr, addr, size);
}

static void bar_write(void *opaque, uint64_t addr, uint64_t value, unsigned int size)
{
	struct port_bar *bar = opaque;

	if (bar->port->stepping)
		return;
	if (takes_enqueues(bar) && enqueue_write(bar->port, addr, value, size))
		return;
	bar->port->model->mmio_write(bar->port->dev, bar->nr, addr, size, value);
	qemu_bh_schedule(bar->port->work);
}

static const struct qemu_region_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
	.endianness = QEMU_LITTLE_ENDIAN,
	.valid = { .min = 4, .max = 8 },
	.impl = { .min = 4, .max = 8 },
};

static void port_work(void *opaque)
{
	struct pci_port *port = opaque;
	bool moved = true;

	port->stepping = true;
	port_bus_refresh(port);
	for (unsigned int i = 0; i < STEPS_AT_ONCE && moved; i++)
		moved = port->model->step(port->dev);
	port->stepping = false;
	if (moved)
		qemu_bh_schedule(port->work);
}

/* --- Life ---------------------------------------------------------------------------------------- */

static void port_add_bars(struct pci_port *port)
{
	for (unsigned int i = 0; i < PORT_MAX_BARS; i++) {
		struct port_bar *bar = &port->bars[i];

		bar->port = port;
		bar->nr = i;
		if (port->model->bar_bytes[i] == 0)
			continue;
		memory_region_init_io(bar->region, port_pci(port), &bar_ops, bar, port->model->name,
			port->model->bar_bytes[i]);
		pci_register_bar(port_pci(port), (int)i, BAR_MEMORY_64, bar->region);
	}
}

/* MSI-X, or MSI, or none. Returns false with *errp set. */
static bool port_add_interrupts(struct pci_port *port, struct qemu_error **errp)
{
	struct qemu_pci_device *pci = port_pci(port);
	const struct svart_device_model *model = port->model;
	void *bar0 = port->bars[0].region;

	if (model->nr_msi != 0)
		return msi_init(pci, CAP_MSI_OFF, model->nr_msi, true, true, errp) >= 0;
	if (model->nr_vectors == 0)
		return true;
	if (msix_init(pci, model->nr_vectors, bar0, 0, MSIX_TABLE_OFF, bar0, 0, MSIX_PBA_OFF, 0,
		    errp) < 0)
		return false;
	for (unsigned int i = 0; i < model->nr_vectors; i++)
		msix_vector_use(pci, i);
	return true;
}

/* Returns false with *errp set. */
static bool port_add_caps(struct pci_port *port, struct qemu_error **errp)
{
	struct qemu_pci_device *pci = port_pci(port);
	const struct svart_device_model *model = port->model;

	if (!model->pasid || !model->ats || !model->pri) {
		port_error(errp, "svart-%s lacks PASID, ATS or PRI", model->name);
		return false;
	}
	if (pcie_endpoint_cap_init(pci, CAP_EXPRESS_OFF) < 0) {
		port_error(errp, "svart-%s needs a PCI Express bus", model->name);
		return false;
	}
	pcie_cap_flr_init(pci);
	pcie_pasid_init(pci, PORT_PASID_OFF, PASID_BITS, false, model->pasid_priv);
	pcie_ats_init(pci, CAP_ATS_OFF, true);
	pcie_pri_init(pci, CAP_PRI_OFF, model->pri_capacity, true);
	return port_add_interrupts(port, errp);
}

static void port_realize(struct qemu_pci_device *pci, const struct svart_device_model *model,
	struct qemu_error **errp)
{
	struct pci_port *port = port_of(pci);
	int rc;

	port->model = model;
	port_bus_init(port);
	port_add_bars(port);
	if (!port_add_caps(port, errp))
		return;
	rc = model->create(&port->bus, port->options, &port->dev);
	if (rc < 0) {
		port_error(errp, "svart-%s: options '%s': %s", model->name,
			port->options != NULL ? port->options : "", strerror(-rc));
		return;
	}
	port->work = qemu_bh_new_full(port_work, port, model->name, NULL);
}

static void port_exit(struct qemu_pci_device *pci)
{
	struct pci_port *port = port_of(pci);

	port_bus_fini(port);
	qemu_bh_delete(port->work);
	port->model->destroy(port->dev);
	port->dev = NULL;
	if (port->model->nr_msi != 0)
		msi_uninit(pci);
	else if (port->model->nr_vectors != 0)
		msix_uninit(pci, port->bars[0].region, port->bars[0].region);
	free(port->options);
	port->options = NULL;
}

/* Power on, function level reset. */
static void port_reset(struct qemu_pci_device *pci)
{
	port_of(pci)->enqueue.begun = false;
	port_of(pci)->model->reset(port_of(pci)->dev);
}

static void port_config_write(struct qemu_pci_device *pci, uint32_t addr, uint32_t value, int len)
{
	vtd_says_smpwc(pci);
	pci_default_write_config(pci, addr, value, len);
	pcie_cap_flr_write_config(pci, addr, value, len);
	qemu_bh_schedule(port_of(pci)->work);
}

static void port_set_options(struct qemu_object *obj, const char *value, struct qemu_error **errp)
{
	struct pci_port *port = (struct pci_port *)obj;
	char *copy = strdup(value);

	if (copy == NULL) {
		port_error(errp, "no memory");
		return;
	}
	free(port->options);
	port->options = copy;
}

/* Set while the machine runs (qom-set): a hardware error halts the device, until its own reset or an FLR. */
static void port_set_halt(struct qemu_object *obj, const char *value, struct qemu_error **errp)
{
	struct pci_port *port = (struct pci_port *)obj;
	bool flr = strcmp(value, "flr") == 0;

	if (port->dev == NULL || port->model->halt == NULL)
		port_error(errp, "there is nothing to halt");
	else if (!flr && strcmp(value, "software") != 0)
		port_error(errp, "halt is flr or software, not '%s'", value);
	else
		port->model->halt(port->dev, flr);
}

/* --- Types --------------------------------------------------------------------------------------- */

/* The part of a PCI device's class that we set: where edu's class has edu's ids. */
static struct qemu_pci_class *pci_class(void *klass)
{
	const char *edu = object_class_by_name("edu");

	for (size_t off = 0; edu != NULL && off < CLASS_BYTES; off += sizeof(void *)) {
		const struct qemu_pci_class *at = (const void *)(edu + off);

		if (at->vendor_id == EDU_VENDOR && at->device_id == EDU_DEVICE &&
			at->revision == EDU_REVISION && at->class_id == EDU_CLASS)
			return (void *)((char *)klass + off);
	}
	fprintf(stderr, "svart: QEMU's classes are not as they are in Debian's QEMU %d.%d\n",
		QEMU_ABI_MAJOR, QEMU_ABI_MINOR);
	abort();
}

static void type_init(void *klass, const struct svart_device_model *model,
	void (*realize)(struct qemu_pci_device *pci, struct qemu_error **errp))
{
	struct qemu_pci_class *pci = pci_class(klass);

	pci->realize = realize;
	pci->exit = port_exit;
	pci->config_write = port_config_write;
	pci->vendor_id = model->vendor;
	pci->device_id = model->device;
	pci->revision = model->revision;
	pci->class_id = (uint16_t)(model->class_code >> 8);
	device_class_set_legacy_reset(klass, port_reset);
	object_class_property_add_str(klass, "options", NULL, port_set_options);
	object_class_property_add_str(klass, "halt", NULL, port_set_halt);
}

static void dsa_realize(struct qemu_pci_device *pci, struct qemu_error **errp)
{
	port_realize(pci, &svart_dsa_model, errp);
}

static void dsa_init(void *klass, const void *data)
{
	(void)data;
	type_init(klass, &svart_dsa_model, dsa_realize);
}

static void requester_realize(struct qemu_pci_device *pci, struct qemu_error **errp)
{
	port_realize(pci, &requester_model, errp);
}

static void requester_init(void *klass, const void *data)
{
	(void)data;
	type_init(klass, &requester_model, requester_realize);
}

static const struct qemu_interface_info interfaces[] = { { "pci-express-device" }, { NULL } };

static const struct qemu_type_info types[] = {
	{
		.name = "svart-dsa",
		.parent = "pci-device",
		.instance_size = sizeof(struct pci_port),
		.instance_align = _Alignof(struct pci_port),
		.class_init = dsa_init,
		.interfaces = interfaces,
	},
	{
		.name = "svart-requester",
		.parent = "pci-device",
		.instance_size = sizeof(struct pci_port),
		.instance_align = _Alignof(struct pci_port),
		.class_init = requester_init,
		.interfaces = interfaces,
	},
};

static bool version_is_known(void)
{
	struct qemu_error *error = NULL;
	const struct qemu_version *version = qmp_query_version(&error);

	if (version->qemu->major == QEMU_ABI_MAJOR && version->qemu->minor == QEMU_ABI_MINOR)
		return true;
	fprintf(stderr, "svart: made for QEMU %d.%d, this is %d.%d: no svart devices\n",
		QEMU_ABI_MAJOR, QEMU_ABI_MINOR, (int)version->qemu->major,
		(int)version->qemu->minor);
	return false;
}

static void register_types(void)
{
	if (!version_is_known())
		return;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		type_register_static(&types[i]);
}

/* The one way in: the loader calls it before QEMU's main(). */
__attribute__((constructor)) static void load(void)
{
	register_module_init(register_types, QEMU_MODULE_PHASE_FIRST);
}
