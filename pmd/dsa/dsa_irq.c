/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * Completion interrupts of a queue: a vector of the MSI-X table for each WQ, which may be raised for the PASID of
 * the queue only (DSA spec 3.7, 9.2.17).
 */

#include <errno.h>

#include "bits.h"
#include "dsa_internal.h"
#include "error.h"

/** Vector 0 is of the device's own events. */
#define FIRST_VECTOR 1u

static uint32_t vector_of(const struct svart_pmd_queue *q)
{
	return FIRST_VECTOR + q->index;
}

/** Who may raise it: descriptors of the queue's PASID, or those without one. */
static void permission_write(const struct svart_dsa_device *d, const struct svart_pmd_queue *q)
{
	uint32_t off = d->caps.msix_perm_off + vector_of(q) * SVART_DSA_MSIX_PERM_BYTES;
	uint32_t value = 0;

	if (q->pasid != SVART_PASID_NONE)
		value = (uint32_t)(SVART_DSA_MSIX_PERM_PASID_EN |
				   SVART_FIELD_PREP(SVART_DSA_MSIX_PERM_PASID, q->pasid));
	svart_pmd_dsa_write32(d, off, value);
}

/** A device that hands out handles wants one; to others the number of the vector is the handle. */
static int handle_get(struct svart_dsa_device *d, uint32_t vector, uint16_t *handle)
{
	int rc;

	*handle = (uint16_t)vector;
	if (!svart_pmd_dsa_has_command(d, SVART_DSA_CMD_REQUEST_INT_HANDLE))
		return 0;
	rc = svart_pmd_dsa_command(d, SVART_DSA_CMD_REQUEST_INT_HANDLE, vector);
	if (rc == 0)
		*handle = (uint16_t)SVART_FIELD_GET(
			SVART_DSA_CMDSTS_RESULT, svart_pmd_dsa_read32(d, SVART_DSA_CMDSTS_OFF));
	return rc;
}

int svart_pmd_dsa_irq_start(
	struct svart_dsa_device *d, const struct svart_pmd_queue *q, struct svart_dsa_queue *dq)
{
	uint32_t i, vector = vector_of(q);
	uint16_t handle;
	int rc;

	if (q->event_fd < 0)
		return 0;
	if (vector >= d->caps.msix_perms)
		return svart_fail(-ENOTSUP,
			"%s: WQ %u has no MSI-X vector: create the queue without "
			"SVART_QUEUE_EVENTS",
			d->dev->name, q->index);
	rc = d->dev->host->irq_set(d->dev, vector, q->event_fd);
	if (rc)
		return rc;
	permission_write(d, q);
	rc = handle_get(d, vector, &handle);
	if (rc) {
		d->dev->host->irq_set(d->dev, vector, -1);
		return rc;
	}
	for (i = 0; i <= dq->mask; i++)
		dq->descs[i].int_handle = handle;
	dq->int_handle = handle;
	dq->any_flags |= (uint16_t)SVART_DSA_FLAG_RCI;
	dq->plain_flags |= (uint16_t)SVART_DSA_FLAG_RCI;
	return 0;
}

void svart_pmd_dsa_irq_stop(struct svart_dsa_device *d, const struct svart_pmd_queue *q,
	const struct svart_dsa_queue *dq)
{
	if (q->event_fd < 0)
		return;
	if (d->enabled && svart_pmd_dsa_has_command(d, SVART_DSA_CMD_RELEASE_INT_HANDLE))
		svart_pmd_dsa_command(d, SVART_DSA_CMD_RELEASE_INT_HANDLE, dq->int_handle);
	d->dev->host->irq_set(d->dev, vector_of(q), -1);
}
