/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Looks whether the kernel's side of a function is still there: descriptors, the queues of page requests,
 * the command register.
 */

#include <errno.h>
#include <poll.h>

#include <linux/pci_regs.h>

#include "vfio_function.h"

/** Bits of the command register that are always 0 (PCI 3.0, 6.2.2): if they are 1, no device answers. */
#define COMMAND_RESERVED 0xf800u
/** Events of poll() for a descriptor that is useless now, or not open. */
#define LOST_EVENTS (POLLERR | POLLHUP | POLLNVAL)

static void lose(struct svart_vfio_function *f, enum svart_pmd_loss loss, uint32_t value)
{
	f->base.lost(f->base.owner, loss, value);
}

/**
 * Looks at the descriptors. If the program has closed one, by a bug, poll() sees that, but a thread that
 * sleeps on it does not.
 */
static void look_at_files(struct svart_vfio_function *f, const struct svart_vfio_attachment *a)
{
	static const enum svart_pmd_loss losses[] = { SVART_PMD_LOSS_FILE, SVART_PMD_LOSS_IOMMUFD,
		SVART_PMD_LOSS_FAULT_POLL };
	struct pollfd fds[] = { { .fd = f->fd }, { .fd = f->iommufd->fd },
		{ .fd = a != NULL ? a->fault_fd : -1 } };
	struct svart_machine *m = f->base.m;
	unsigned int i;

	if (m->ops->poll(m, fds, 3, 0) <= 0)
		return;
	for (i = 0; i < 3; i++)
		if (fds[i].revents & LOST_EVENTS)
			lose(f, losses[i], (uint32_t)fds[i].revents);
}

static void look_at_faults(struct svart_vfio_function *f, const struct svart_vfio_attachment *a)
{
	struct svart_fault_source *source = a != NULL ? a->base.source : NULL;
	int rc = 0;

	if (source != NULL && source->ops->check != NULL)
		rc = source->ops->check(source);
	if (rc != 0)
		lose(f, SVART_PMD_LOSS_FAULT_QUEUES, (uint32_t)-rc);
}

/** Tells errors that stay. Others may pass, and the next look will tell. */
static bool is_final(ssize_t n)
{
	return n >= 0 || n == -ENODEV || n == -ENXIO || n == -EBADF || n == -EIO;
}

/**
 * Looks at the command register: a device that was unplugged, or whose bus mastering somebody switched off,
 * says nothing itself.
 */
static void look_at_command(struct svart_vfio_function *f)
{
	struct svart_machine *m = f->base.m;
	uint16_t command = 0;
	ssize_t n = m->ops->pread(
		m, f->fd, &command, sizeof(command), (off_t)(f->config_off + PCI_COMMAND));

	if (n != sizeof(command)) {
		if (is_final(n))
			lose(f, SVART_PMD_LOSS_CONFIG, n < 0 ? (uint32_t)-n : (uint32_t)EIO);
	} else if ((command & COMMAND_RESERVED) == COMMAND_RESERVED) {
		lose(f, SVART_PMD_LOSS_COMMAND, command);
	} else if (!(command & PCI_COMMAND_MASTER)) {
		lose(f, SVART_PMD_LOSS_BUS_MASTER, command);
	}
}

void svart_vfio_look(
	struct svart_transport_device *t, const struct svart_transport_attachment *base)
{
	const struct svart_vfio_attachment *a = (const void *)base; /* It is the first member. */
	struct svart_vfio_function *f = svart_vfio_function_of(t);

	look_at_files(f, a);
	look_at_faults(f, a);
	look_at_command(f);
}
