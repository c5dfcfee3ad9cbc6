/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * MSI-X vectors, each bound to an eventfd. All are enabled with the first that is bound: a kernel that cannot
 * add vectors later (no VFIO_IRQ_INFO_NORESIZE cleared) then can still bind each of them.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "vfio.h"
#include "vfio_function.h"

/** A call that binds or frees `count` vectors from `start` on. @param fds array[count]; none if count is 0. */
static int irqs_bind(
	struct svart_vfio_function *f, uint32_t start, uint32_t count, const int32_t *fds)
{
	size_t bytes = sizeof(struct vfio_irq_set) + count * sizeof(fds[0]);
	struct vfio_irq_set *set = calloc(1, bytes);
	struct svart_machine *m = f->base.m;
	int rc;

	if (set == NULL)
		return -ENOMEM;
	set->argsz = (uint32_t)bytes;
	set->flags = VFIO_IRQ_SET_ACTION_TRIGGER |
		     (count == 0 ? VFIO_IRQ_SET_DATA_NONE : VFIO_IRQ_SET_DATA_EVENTFD);
	set->index = VFIO_PCI_MSIX_IRQ_INDEX;
	set->start = start;
	set->count = count;
	if (count != 0)
		memcpy(set->data, fds, count * sizeof(fds[0]));
	rc = m->ops->ioctl(m, f->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return rc;
}

/** Enables all vectors, bound to nothing. */
static int irqs_enable(struct svart_vfio_function *f)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = VFIO_PCI_MSIX_IRQ_INDEX };
	int32_t none[SVART_VFIO_MAX_VECTORS];
	struct svart_machine *m = f->base.m;
	int rc = m->ops->ioctl(m, f->fd, VFIO_DEVICE_GET_IRQ_INFO, &info);

	if (rc < 0)
		return svart_fail(
			rc, "VFIO shows no MSI-X vectors of %s: %s", f->base.name, strerror(-rc));
	if (info.count == 0)
		return svart_fail(-ENOTSUP, "%s has no MSI-X vectors", f->base.name);
	if (info.count > SVART_VFIO_MAX_VECTORS)
		info.count = SVART_VFIO_MAX_VECTORS;
	memset(none, 0xff, sizeof(none));
	rc = irqs_bind(f, 0, info.count, none);
	if (rc < 0)
		return svart_fail(rc, "the %u MSI-X vectors of %s cannot be enabled: %s",
			info.count, f->base.name, strerror(-rc));
	f->nr_vectors = info.count;
	return 0;
}

int svart_vfio_irq_set(struct svart_transport_device *t, unsigned int vector, int fd)
{
	struct svart_vfio_function *f = svart_vfio_function_of(t);
	int32_t fds[1] = { fd };
	int rc = f->nr_vectors == 0 ? irqs_enable(f) : 0;

	if (rc != 0)
		return rc;
	if (vector >= f->nr_vectors)
		return svart_fail(-ENOTSUP, "%s has %u MSI-X vectors, and none with the number %u",
			f->base.name, f->nr_vectors, vector);
	rc = irqs_bind(f, vector, 1, fds);
	return rc >= 0 ? 0
		       : svart_fail(rc, "MSI-X vector %u of %s cannot be bound to an eventfd: %s",
				 vector, f->base.name, strerror(-rc));
}

void svart_vfio_irqs_end(struct svart_vfio_function *f)
{
	if (f->nr_vectors != 0)
		irqs_bind(f, 0, 0, NULL);
	f->nr_vectors = 0;
}
