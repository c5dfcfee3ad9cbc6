/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Devices that are lost: they were unplugged, or what the kernel did for them is gone. The thread that
 * finds the loss writes the cause into svart_pmd_device.lost, once, and has the driver fail every queue,
 * because the whole device is gone or cannot get its pages any more, not one queue of it. The same is done
 * if one of several attachments has lost its source: the device's engines serve all queues, and an engine
 * that waits for an answer that cannot come blocks the others.
 */

#include "loss.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device_state.h"
#include "error.h"

/* --- finding --------------------------------------------------------------------------------------- */

void svart_device_lose(void *owner, enum svart_pmd_loss loss, uint32_t value)
{
	struct svart_device *dev = owner;

	if (svart_pmd_lose(&dev->pmd, loss, value))
		svart_device_lost_again(dev);
}

void svart_device_lost_again(struct svart_device *dev)
{
	if (!svart_pmd_is_lost(&dev->pmd))
		return;
	pthread_mutex_lock(&dev->lost_lock);
	if (dev->running)
		dev->ops->queues_fail(&dev->pmd);
	pthread_mutex_unlock(&dev->lost_lock);
}

bool svart_device_run(struct svart_device *dev, bool running)
{
	pthread_mutex_lock(&dev->watch_lock);
	pthread_mutex_lock(&dev->lost_lock);
	dev->running = running;
	pthread_mutex_unlock(&dev->lost_lock);
	pthread_mutex_unlock(&dev->watch_lock);
	return !svart_pmd_is_lost(&dev->pmd);
}

void svart_device_source_lost(void *owner, enum svart_fault_loss loss, int value)
{
	struct svart_device *dev = owner;
	enum svart_pmd_loss how = SVART_PMD_LOSS_FAULT_QUEUES;

	if (loss == SVART_FAULT_LOSS_POLL)
		how = SVART_PMD_LOSS_FAULT_POLL;
	else if (loss == SVART_FAULT_LOSS_FETCH && !dev->faults_raw)
		how = SVART_PMD_LOSS_FAULT_READ;
	else if (loss == SVART_FAULT_LOSS_RESPOND && !dev->faults_raw)
		how = SVART_PMD_LOSS_FAULT_WRITE;
	svart_device_lose(dev, how, (uint32_t)value);
}

/* --- looking --------------------------------------------------------------------------------------- */

void svart_device_look(struct svart_device *dev, const struct svart_attachment *a)
{
	dev->transport->ops->look(dev->transport, a != NULL ? a->part : NULL);
}

void svart_device_watch(void *owner)
{
	struct svart_device *dev = owner;

	if (svart_pmd_is_lost(&dev->pmd))
		return;
	/* While a driver opens or closes the device, it switches bus mastering itself. */
	pthread_mutex_lock(&dev->watch_lock);
	if (dev->running)
		svart_device_look(dev, NULL);
	pthread_mutex_unlock(&dev->watch_lock);
}

/* --- telling --------------------------------------------------------------------------------------- */

/** Finds the text of a loss whose value is an errno. */
static const char *errno_format(enum svart_pmd_loss loss)
{
	switch (loss) {
	case SVART_PMD_LOSS_FAULT_READ:
		return "page requests are lost: read of the fault fd: %s";
	case SVART_PMD_LOSS_FAULT_WRITE:
		return "page requests are lost: answers to the fault fd: %s";
	case SVART_PMD_LOSS_FAULT_QUEUES:
		return "the IOMMU's queues are off or broken (%s)";
	default:
		return "its configuration space cannot be read: %s";
	}
}

static const char *number_format(enum svart_pmd_loss loss)
{
	switch (loss) {
	case SVART_PMD_LOSS_FAULT_POLL:
		return "page requests are lost: poll() of the fault fd says %#x";
	case SVART_PMD_LOSS_FILE:
		return "its VFIO file was closed: poll() of it says %#x";
	case SVART_PMD_LOSS_IOMMUFD:
		return "/dev/iommu was closed: poll() of it says %#x";
	case SVART_PMD_LOSS_COMMAND:
		return "the device is unplugged or off: PCI command reads %#x";
	case SVART_PMD_LOSS_BUS_MASTER:
		return "bus mastering was taken from it: PCI command %#x";
	case SVART_PMD_LOSS_REGISTER:
		return "the device is gone: register %#x reads all ones";
	default:
		return NULL;
	}
}

void svart_device_lost_text(const struct svart_device *dev, char *buf, size_t len)
{
	uint64_t lost = atomic_load_explicit(&dev->pmd.lost, memory_order_relaxed);
	enum svart_pmd_loss loss = (enum svart_pmd_loss)(lost >> 32);
	const char *format = number_format(loss);
	char what[88];

	buf[0] = '\0';
	if (loss == SVART_PMD_LOSS_NONE)
		return;
	if (format != NULL)
		snprintf(what, sizeof(what), format, (unsigned int)lost);
	else
		snprintf(what, sizeof(what), errno_format(loss), strerror((int)lost));
	snprintf(buf, len, "%s; close it, open it again", what);
}

void svart_device_tell_lost(struct svart_device *dev)
{
	char text[SVART_LOST_TEXT_BYTES];

	if (!svart_pmd_is_lost(&dev->pmd) || atomic_exchange(&dev->lost_told, true))
		return;
	svart_device_lost_text(dev, text, sizeof(text));
	svart_log(SVART_LOG_ERR, "%s is lost: %s", dev->name, text);
}

int svart_device_check_there(struct svart_device *dev)
{
	char text[SVART_LOST_TEXT_BYTES];

	if (!svart_pmd_is_lost(&dev->pmd))
		return 0;
	svart_device_tell_lost(dev);
	svart_device_lost_text(dev, text, sizeof(text));
	return svart_fail(-ENODEV, "%s is lost: %s", dev->name, text);
}
