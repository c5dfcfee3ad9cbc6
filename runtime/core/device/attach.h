/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2026 the svart authors */
#ifndef SVART_ATTACH_H
#define SVART_ATTACH_H

/**
 * @file
 * Attaching a device to a space, and detaching it. The caller holds the runtime's lock, except for
 * svart_detach_wait().
 */

#include <stdint.h>

struct svart_attachment;
struct svart_device;
struct svart_space;

/** Attaches a device to a space; pasid may be SVART_PASID_NONE. @return 0 or -errno, told. */
int svart_attach(struct svart_device *dev, struct svart_space *space, uint32_t pasid,
	struct svart_attachment **out);
/** Undoes an attachment that no caller knows of yet. It waits for as long as that takes. */
void svart_detach(struct svart_device *dev, struct svart_attachment *attachment);
/**
 * Detaches the device from the space, unless that is done: no page request comes from this attachment any
 * more.
 */
void svart_detach_begin(struct svart_device *dev, struct svart_attachment *attachment);
/**
 * Waits for the thread that is mapping a page for the attachment. It is called after svart_detach_begin(),
 * without the runtime's lock.
 * @return 0, or -EBUSY, told: call it again when the page has come. @blocks for two seconds at most.
 */
int svart_detach_wait(struct svart_device *dev, struct svart_attachment *attachment);
/**
 * Undoes the rest of the attachment. It is called after svart_detach_wait().
 * @return 0, or -EBUSY as above.
 */
int svart_detach_end(struct svart_device *dev, struct svart_attachment *attachment);
/**
 * Reserves the part of the space's budget that the device's engines, or the operations that it holds, need
 * at once. The driver has set its caps before. @return 0, or -ENOSPC, -ENOMEM, told.
 */
int svart_attach_reserve(struct svart_device *dev, struct svart_attachment *attachment);
/**
 * @return the attachment to a space (NULL: the first), or NULL. An attachment that is leaving is not found.
 */
struct svart_attachment *svart_attachment_find(
	struct svart_device *dev, const struct svart_space *space);

#endif
