/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */

/*
 * How long one operation may be. For a device with page requests only the device matters. Without page
 * requests both operands are held at once, so the space matters too; and a device can be attached to
 * several spaces.
 */

#include "max_transfer.h"

#include "bits.h"
#include "device_state.h"
#include "hold.h"

/** An operand may need only a byte of the page at either end. */
#define EDGE_PAGES 2

/** Tells the largest operation whose two operands fit the hold limit. It is at least a page. */
static uint64_t held_max(const struct svart_space *space)
{
	return svart_space_hold_range_max(space) - EDGE_PAGES * SVART_PAGE_SIZE;
}

uint64_t svart_max_transfer(const struct svart_pmd_device *dev, const struct svart_space *space)
{
	uint64_t bytes = dev->caps.max_transfer_bytes, held;

	if (dev->page_requests)
		return bytes;
	held = held_max(space);
	return held < bytes ? held : bytes;
}

void svart_max_transfer_update(struct svart_device *dev)
{
	uint64_t least = dev->pmd.caps.max_transfer_bytes, bytes;
	unsigned int i;

	for (i = 0; i < SVART_MAX_ATTACHMENTS; i++) {
		if (dev->attachments[i].part == NULL || dev->attachments[i].leaving)
			continue;
		bytes = svart_max_transfer(&dev->pmd, dev->attachments[i].space);
		if (bytes < least)
			least = bytes;
	}
	atomic_store(&dev->max_transfer_bytes, least);
}

uint64_t svart_queue_max_transfer_bytes(const struct svart_queue *fast)
{
	const struct svart_core_queue *q =
		(const void *)fast; /* It is the first member of the first member. */

	return svart_max_transfer(&q->dev->pmd, q->attachment->space);
}
