/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#include "vfio_transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "vfio_function.h"

_Static_assert(SVART_TRANSPORT_ADDRESS_BYTES >= SVART_PCI_ADDRESS_LEN, "a PCI address fits");

static int read_pci(struct svart_vfio_function *f, const char *address)
{
	int rc = svart_pci_address_check(address);

	if (rc != 0)
		return svart_fail(
			rc, "\"%s\" is no PCI address; write it as in 0000:6a:01.0", address);
	rc = svart_pci_read(f->base.m, address, &f->pci);
	if (rc == -ENODEV)
		return svart_fail(rc, "no PCI device %s: lspci -D lists them", address);
	if (rc != 0)
		return svart_fail(
			rc, "cannot read PCI device %s in sysfs: %s", address, strerror(-rc));
	return 0;
}

/** Identifies the function: the machine says which function a name means, and sysfs says what it is. */
static int identify(struct svart_vfio_function *f, const struct svart_transport_place *place)
{
	char address[SVART_PCI_ADDRESS_LEN];
	int rc = place->class->locate(place->m, place->name, place->machine_options, address);

	if (rc == 0)
		rc = read_pci(f, address);
	if (rc != 0)
		return rc;
	snprintf(f->base.address, sizeof(f->base.address), "%s", f->pci.address);
	f->base.numa_node = f->pci.numa_node;
	f->base.vendor = f->pci.vendor;
	f->base.device = f->pci.device;
	return 0;
}

static int vfio_locate(
	const struct svart_transport_place *place, struct svart_transport_device **out)
{
	struct svart_vfio_function *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL)
		return svart_fail(-ENOMEM, "out of memory");
	f->base.ops = &svart_transport_vfio;
	f->base.m = place->m;
	f->base.name = place->device_name;
	f->shared = place->shared;
	rc = svart_vfio_given_read(f, place->options);
	if (rc == 0)
		rc = svart_vfio_iommufd_get(f);
	if (rc != 0)
		goto free_function;
	rc = identify(f, place);
	if (rc != 0)
		goto put_iommufd;
	*out = &f->base;
	return 0;

put_iommufd:
	svart_vfio_iommufd_put(f);
free_function:
	free(f);
	return rc;
}

static void vfio_release(struct svart_transport_device *t)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);

	svart_vfio_iommufd_put(f);
	free(f);
}

static int vfio_mem_alloc(
	struct svart_transport_attachment *a, size_t bytes, unsigned int address_bits, void **out)
{
	return svart_space_own_alloc(a->space, bytes, address_bits, out);
}

static void vfio_mem_free(struct svart_transport_attachment *a, void *addr, size_t bytes)
{
	svart_space_own_free(a->space, addr, bytes);
}

static const char *const vfio_option_keys[] = { "iommufd_fd", "device_fd", NULL };

const struct svart_transport_ops svart_transport_vfio = {
	.name = "vfio",
	.option_keys = vfio_option_keys,
	.shares_page_table = false,
	.locate = vfio_locate,
	.release = vfio_release,
	.open = svart_vfio_open,
	.close = svart_vfio_close,
	.region_map = svart_vfio_region_map,
	.region_unmap = svart_vfio_region_unmap,
	.config_read = svart_vfio_config_read,
	.config_write = svart_vfio_config_write,
	.irq_set = svart_vfio_irq_set,
	.attachment_create = svart_vfio_attachment_create,
	.attachment_destroy = svart_vfio_attachment_destroy,
	.attach = svart_vfio_attachment_attach,
	.detach = svart_vfio_attachment_detach,
	.mem_alloc = vfio_mem_alloc,
	.mem_free = vfio_mem_free,
	.look = svart_vfio_look,
};
