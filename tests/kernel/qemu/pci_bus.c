/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/* bus.h on what QEMU exports: the emulated VT-d translates, takes page requests, and answers. */

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bits.h"
#include "ops.h"
#include "pci_port.h"

/* Command register, bus master enable (PCI 3.0, 6.2.2). */
#define PCI_COMMAND_OFF    4
#define PCI_COMMAND_MASTER (1u << 2)

/* PASID control register, Privileged Mode Enable (PCIe 6.0, 6.20). */
#define PASID_CONTROL_OFF  (PORT_PASID_OFF + 6)
#define PASID_CONTROL_PRIV (1u << 2)

/* Pages that one call of QEMU's translates. */
#define ATS_BATCH 64

static const struct qemu_access_attrs plain_access;

static struct pci_port *bus_port(struct svart_bus *bus)
{
	return (struct pci_port *)((char *)bus - offsetof(struct pci_port, bus));
}

static bool bus_master(struct svart_bus *bus)
{
	uint32_t command = pci_default_read_config(port_pci(bus_port(bus)), PCI_COMMAND_OFF, 2);

	return (command & PCI_COMMAND_MASTER) != 0;
}

static bool bus_privileged(struct svart_bus *bus)
{
	uint32_t control = pci_default_read_config(port_pci(bus_port(bus)), PASID_CONTROL_OFF, 2);

	return (control & PASID_CONTROL_PRIV) != 0;
}

static void bus_wake(struct svart_bus *bus)
{
	qemu_bh_schedule(bus_port(bus)->work);
}

/* --- What QEMU tells about a PASID --------------------------------------------------------------- */

static void on_invalidated(struct qemu_iommu_notifier *n, struct qemu_iommu_entry *entry)
{
	struct port_pasid *p = (struct port_pasid *)n;
	uint64_t len = entry->mask == UINT64_MAX ? UINT64_MAX : entry->mask + 1;

	p->port->model->invalidate(p->port->dev, p->pasid, entry->iova & ~entry->mask, len);
}

static void on_answered(struct qemu_pri_notifier *n, struct qemu_pri_response *response)
{
	struct port_pasid *p =
		(struct port_pasid *)((char *)n - offsetof(struct port_pasid, answered));
	enum svart_bus_prg_response code = SVART_BUS_PRG_FAILURE;

	if (response->code == QEMU_PRI_SUCCESS)
		code = SVART_BUS_PRG_SUCCESS;
	else if (response->code == QEMU_PRI_INVALID)
		code = SVART_BUS_PRG_INVALID;
	p->port->model->page_response(p->port->dev, p->pasid, response->prgi, code);
	bus_wake(&p->port->bus);
}

static struct port_pasid **pasid_list(struct pci_port *port, uint32_t pasid)
{
	return &port->pasids[pasid % PORT_PASID_LISTS];
}

static struct port_pasid *pasid_add(struct pci_port *port, uint32_t pasid)
{
	struct port_pasid *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->port = port;
	p->pasid = pasid;
	p->answered.notify = on_answered;
	p->next = *pasid_list(port, pasid);
	*pasid_list(port, pasid) = p;
	return p;
}

static struct port_pasid *pasid_get(struct pci_port *port, uint32_t pasid)
{
	struct port_pasid *p = *pasid_list(port, pasid);

	while (p != NULL && p->pasid != pasid)
		p = p->next;
	return p != NULL ? p : pasid_add(port, pasid);
}

/* Before the first translation of a PASID. Without notice nothing may be kept: see refresh. */
static void pasid_watch(struct pci_port *port, uint32_t pasid)
{
	struct port_pasid *p = pasid_get(port, pasid);

	if (port->uncached || (p != NULL && p->invalidates))
		return;
	if (p != NULL &&
		pci_iommu_init_iotlb_notifier(port_pci(port), &p->invalidated, on_invalidated, p) ==
			0 &&
		pci_iommu_register_iotlb_notifier(port_pci(port), pasid, &p->invalidated) == 0) {
		p->invalidates = true;
		return;
	}
	fprintf(stderr, "svart-%s: no notice of invalidations of PASID %u: nothing is cached\n",
		port->model->name, pasid);
	port->uncached = true;
}

void port_bus_refresh(struct pci_port *port)
{
	for (unsigned int i = 0; port->uncached && i < PORT_PASID_LISTS; i++) {
		for (struct port_pasid *p = port->pasids[i]; p != NULL; p = p->next)
			port->model->invalidate(port->dev, p->pasid, 0, UINT64_MAX);
	}
}

/* --- Translation --------------------------------------------------------------------------------- */

/* At most ATS_BATCH pages. QEMU answers with one entry for each page of the page table. */
static int translate_batch(struct pci_port *port, uint32_t pasid, uint64_t va, unsigned int nr,
	bool write, struct svart_ats_entry *out)
{
	struct qemu_iommu_entry found[ATS_BATCH];
	unsigned int done = 0;
	uint32_t errors = 0;
	ssize_t got = pci_ats_request_translation(port_pci(port), pasid, false, false, va,
		nr * SVART_PAGE_SIZE, !write, found, ATS_BATCH, &errors);

	/* ATS or PASID is off, or there is no IOMMU. */
	if (got < 0)
		return -EOPNOTSUPP;
	for (ssize_t i = 0; i < got; i++) {
		uint64_t mask = found[i].mask, last;

		last = (va + done * SVART_PAGE_SIZE) | mask;
		for (; done < nr && va + done * SVART_PAGE_SIZE <= last; done++) {
			uint64_t in_page = (va + done * SVART_PAGE_SIZE) & mask;

			out[done] = (struct svart_ats_entry){
				.translated = (found[i].translated & ~mask) | in_page,
				.read = (found[i].perm & QEMU_IOMMU_READ) != 0,
				.write = write && (found[i].perm & QEMU_IOMMU_WRITE) != 0,
			};
		}
	}
	for (; done < nr; done++)
		out[done] = (struct svart_ats_entry){ 0 };
	return 0;
}

static int translate(struct pci_port *port, uint32_t pasid, uint64_t va, unsigned int nr,
	bool write, struct svart_ats_entry *out)
{
	int rc = 0;

	for (unsigned int at = 0; at < nr && rc == 0; at += ATS_BATCH) {
		unsigned int batch = nr - at < ATS_BATCH ? nr - at : ATS_BATCH;

		rc = translate_batch(
			port, pasid, va + at * SVART_PAGE_SIZE, batch, write, out + at);
	}
	return rc;
}

/*
 * As translate(), but without a page where the PASID is not present, which QEMU does not look at: see vtd.c. A
 * guest's CPU may clear it while QEMU walks. The invalidations that follow wait for QEMU's lock, so that they find
 * what QEMU has kept.
 */
static int translate_present(struct pci_port *port, uint32_t pasid, uint64_t va, unsigned int nr,
	bool write, struct svart_ats_entry *out)
{
	int rc = 0;
	bool present = vtd_pasid_is_present(port_pci(port), pasid);

	if (present) {
		rc = translate(port, pasid, va, nr, write, out);
		present = vtd_pasid_is_present(port_pci(port), pasid);
	}
	if (rc == 0 && !present)
		memset(out, 0, nr * sizeof(*out));
	return rc;
}

static int bus_ats_translate(struct svart_bus *bus, uint32_t pasid, uint64_t va, unsigned int nr,
	bool write, struct svart_ats_entry *out)
{
	struct pci_port *port = bus_port(bus);

	if (!bus_master(bus))
		return -EPERM;
	if (!pcie_ats_enabled(port_pci(port)))
		return -EOPNOTSUPP;
	pasid_watch(port, pasid);
	return translate_present(port, pasid, va, nr, write, out);
}

/* --- Page requests ------------------------------------------------------------------------------- */

/* Has QEMU call us with the PASID's answers. */
static bool pasid_listen(struct pci_port *port, uint32_t pasid)
{
	struct port_pasid *p = pasid_get(port, pasid);

	if (p == NULL)
		return false;
	if (!p->answers)
		p->answers = pci_pri_register_notifier(port_pci(port), pasid, &p->answered) == 0;
	return p->answers;
}

/*
 * What QEMU's error means to the device.
 *
 * -EINVAL: the PASID is attached to nothing. Hardware would queue the request, and Linux would answer
 * the last one INVALID (io-pgfault.c); QEMU does not show it to Linux. -ENOSPC: the queue is full. It
 * has room for 2048 with Linux, and a device may have 512 outstanding, so that it takes many devices.
 * Others: no PASID, which QEMU's VT-d does not take, or page requests of the function are off.
 */
static int request_refused(
	struct pci_port *port, const struct svart_bus_page_request *request, int rc)
{
	if (rc == -ENOSPC)
		return -EBUSY;
	if (rc != -EINVAL)
		return -EOPNOTSUPP;
	if (request->last)
		port->model->page_response(
			port->dev, request->pasid, request->prgi, SVART_BUS_PRG_INVALID);
	return 0;
}

static int bus_page_request(struct svart_bus *bus, const struct svart_bus_page_request *request)
{
	struct pci_port *port = bus_port(bus);
	int rc;

	if (!bus_master(bus))
		return -EPERM;
	if (!pcie_pri_enabled(port_pci(port)) || !pasid_listen(port, request->pasid))
		return -EOPNOTSUPP;
	rc = pci_pri_request_page(port_pci(port), request->pasid, request->priv, request->exec,
		request->addr, request->last, request->prgi, request->read, request->write);
	return rc < 0 ? request_refused(port, request, rc) : 0;
}

static uint32_t bus_pri_allocation(struct svart_bus *bus)
{
	return pcie_pri_get_req_alloc(port_pci(bus_port(bus)));
}

/* --- Memory -------------------------------------------------------------------------------------- */

static int memory_access(
	struct qemu_address_space *as, uint64_t addr, void *buf, size_t len, bool write)
{
	return address_space_rw(as, addr, plain_access, buf, len, write) == 0 ? 0 : -EIO;
}

static int bus_read(struct svart_bus *bus, uint64_t addr, void *buf, size_t len)
{
	(void)bus;
	return memory_access(&address_space_memory, addr, buf, len, false);
}

static int bus_write(struct svart_bus *bus, uint64_t addr, const void *buf, size_t len)
{
	(void)bus;
	/* A write does not change its source. */
	return memory_access(&address_space_memory, addr, (void *)(uintptr_t)buf, len, true);
}

/* In pieces, from the end if the destination overlaps what was not read yet. */
static int bus_copy(struct svart_bus *bus, uint64_t dst, uint64_t src, size_t len)
{
	struct pci_port *port = bus_port(bus);
	bool backward = svart_op_copy_is_backward(dst, src, len);
	size_t done = 0;

	while (done < len) {
		size_t left = len - done;
		size_t n = left < sizeof(port->bounce) ? left : sizeof(port->bounce);
		size_t at = backward ? left - n : done;
		int rc = bus_read(bus, src + at, port->bounce, n);

		if (rc == 0)
			rc = bus_write(bus, dst + at, port->bounce, n);
		if (rc < 0)
			return rc;
		done += n;
	}
	return 0;
}

static int bus_fill(struct svart_bus *bus, uint64_t dst, size_t len, uint64_t pattern_lo,
	uint64_t pattern_hi, uint64_t phase)
{
	struct pci_port *port = bus_port(bus);

	for (size_t done = 0, n; done < len; done += n) {
		int rc;

		n = len - done < sizeof(port->bounce) ? len - done : sizeof(port->bounce);
		svart_op_fill16(port->bounce, n, pattern_lo, pattern_hi, phase + done);
		rc = bus_write(bus, dst + done, port->bounce, n);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int bus_write_record(struct svart_bus *bus, uint64_t addr, const void *record, size_t len)
{
	int rc = bus_write(bus, addr + 1, (const uint8_t *)record + 1, len - 1);

	if (rc < 0)
		return rc;
	/* Orders the record before its status; pairs with the program's acquire. */
	atomic_thread_fence(memory_order_release);
	return bus_write(bus, addr, record, 1);
}

/*
 * QEMU has no untranslated requests with PASID. They are translated as ATS does it, so that VT-d
 * reports no fault for them.
 */
static int dma_with_pasid(
	struct svart_bus *bus, uint32_t pasid, uint64_t va, uint8_t *buf, size_t len, bool write)
{
	for (size_t done = 0, n; done < len; done += n) {
		uint64_t at = va + done, in_page = at & SVART_PAGE_MASK;
		struct svart_ats_entry entry;
		int rc = bus_ats_translate(bus, pasid, svart_page_down(at), 1, write, &entry);

		if (rc == -EPERM)
			return rc;
		if (rc < 0 || !(write ? entry.write : entry.read))
			return -EFAULT;
		n = SVART_PAGE_SIZE - in_page < len - done ? SVART_PAGE_SIZE - in_page : len - done;
		rc = memory_access(
			&address_space_memory, entry.translated + in_page, buf + done, n, write);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int dma_access(
	struct svart_bus *bus, uint32_t pasid, uint64_t va, void *buf, size_t len, bool write)
{
	struct qemu_address_space *as;

	if (!bus_master(bus))
		return -EPERM;
	if (pasid != SVART_BUS_NO_PASID)
		return dma_with_pasid(bus, pasid, va, buf, len, write);
	as = pci_device_iommu_address_space(port_pci(bus_port(bus)));
	return memory_access(as, va, buf, len, write) < 0 ? -EFAULT : 0;
}

static int bus_dma_read(struct svart_bus *bus, uint32_t pasid, uint64_t va, void *buf, size_t len)
{
	return dma_access(bus, pasid, va, buf, len, false);
}

static int bus_dma_write(
	struct svart_bus *bus, uint32_t pasid, uint64_t va, const void *buf, size_t len)
{
	return dma_access(bus, pasid, va, (void *)(uintptr_t)buf, len, true);
}

static void bus_interrupt(struct svart_bus *bus, unsigned int vector)
{
	struct pci_port *port = bus_port(bus);

	if (vector < port->model->nr_msi && msi_enabled(port_pci(port)))
		msi_notify(port_pci(port), vector);
	else if (vector < port->model->nr_vectors && msix_enabled(port_pci(port)))
		msix_notify(port_pci(port), vector);
}

static const struct svart_bus_ops bus_ops = {
	.bus_master = bus_master,
	.privileged = bus_privileged,
	.ats_translate = bus_ats_translate,
	.page_request = bus_page_request,
	.pri_allocation = bus_pri_allocation,
	.copy = bus_copy,
	.read = bus_read,
	.write = bus_write,
	.fill = bus_fill,
	.write_record = bus_write_record,
	.dma_read = bus_dma_read,
	.dma_write = bus_dma_write,
	.interrupt = bus_interrupt,
	.wake = bus_wake,
};

void port_bus_init(struct pci_port *port)
{
	port->bus.ops = &bus_ops;
}

/* Ends what QEMU was asked to call about a PASID. */
static void pasid_remove(struct pci_port *port, struct port_pasid *p)
{
	if (p->answers)
		pci_pri_unregister_notifier(port_pci(port), p->pasid);
	if (p->invalidates)
		pci_iommu_unregister_iotlb_notifier(port_pci(port), p->pasid, &p->invalidated);
	free(p);
}

void port_bus_fini(struct pci_port *port)
{
	for (unsigned int i = 0; i < PORT_PASID_LISTS; i++) {
		struct port_pasid *p;

		while ((p = port->pasids[i]) != NULL) {
			port->pasids[i] = p->next;
			pasid_remove(port, p);
		}
	}
}
